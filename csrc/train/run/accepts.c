#include <stdio.h>
#include <string.h>

#include "nn/skip.h"
#include "train/trainer.h"

static bool is_among(const char *name, const char *const *names) {
  for (; names != NULL && *names != NULL; names++)
    if (strcmp(name, *names) == 0)
      return true;
  return names == NULL;
}

/* "relu or leaky_relu", "identity, elu or tanh". */
static void list_names(const char *const *names, char *text, size_t size) {
  text[0] = '\0';
  for (size_t k = 0; names[k] != NULL; k++) {
    const char *between = k == 0 ? "" : names[k + 1] == NULL ? " or " : ", ";
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", between, names[k]);
  }
}

static lsq_status check_depth(const lsq_trainer *trainer, const lsq_network *net,
                              lsq_error *error) {
  const lsq_accepts *accepts = &trainer->accepts;
  const size_t hidden = net->depth - 1;
  if (accepts->most_layers == 2 && accepts->least_layers == 2 && net->depth != 2)
    return lsq_fail(error, LSQ_MISUSE, "%s trains a net with one hidden layer, this has %zu",
                    trainer->name, hidden);
  if (net->depth < accepts->least_layers)
    return lsq_fail(error, LSQ_MISUSE,
                    "%s trains a net with at least %zu hidden layers, this has %zu", trainer->name,
                    accepts->least_layers - 1, hidden);
  if (accepts->most_layers != 0 && net->depth > accepts->most_layers)
    return lsq_fail(error, LSQ_MISUSE,
                    "%s trains a net with at most %zu hidden layers, this has %zu", trainer->name,
                    accepts->most_layers - 1, hidden);
  return LSQ_OK;
}

static lsq_status check_activations(const lsq_trainer *trainer, const lsq_network *net,
                                    lsq_error *error) {
  const char *hidden = net->activation->name;
  const char *output = net->output_activation->name;
  char names[128];
  if (net->depth > 1 && !is_among(hidden, trainer->accepts.activations)) {
    list_names(trainer->accepts.activations, names, sizeof names);
    return lsq_fail(error, LSQ_MISUSE, "%s trains a %s net, this is %s", trainer->name, names,
                    hidden);
  }
  if (!is_among(output, trainer->accepts.output_activations)) {
    list_names(trainer->accepts.output_activations, names, sizeof names);
    return lsq_fail(error, LSQ_MISUSE, "%s trains a net whose output activation is %s, this has %s",
                    trainer->name, names, output);
  }
  return LSQ_OK;
}

static lsq_status check_loss(const lsq_trainer *trainer, const lsq_network *net, lsq_error *error) {
  const char *loss = net->loss->name;
  char names[128];
  if (is_among(loss, trainer->accepts.losses))
    return LSQ_OK;
  list_names(trainer->accepts.losses, names, sizeof names);
  return lsq_fail(error, LSQ_MISUSE, "%s minimises the %s, the net's loss is %s", trainer->name,
                  names, loss);
}

static lsq_status check_biases(const lsq_trainer *trainer, const lsq_network *net,
                               lsq_error *error) {
  for (size_t k = 0; trainer->accepts.needs_biases && k < net->depth; k++)
    if (net->layers[k].bias == NULL)
      return lsq_fail(error, LSQ_MISUSE, "%s trains a net with biases in %s layers", trainer->name,
                      net->depth == 2 ? "both" : "all");
  return LSQ_OK;
}

static lsq_status check_skip(const lsq_trainer *trainer, const lsq_network *net, lsq_error *error) {
  if (!lsq_network_skips(net) || trainer->accepts.takes_skip)
    return LSQ_OK;
  return lsq_fail(error, LSQ_MISUSE, "%s trains a net without direct connections", trainer->name);
}

lsq_status lsq_trainer_accepts(const lsq_trainer *trainer, const lsq_network *net,
                               lsq_error *error) {
  static lsq_status (*const checks[])(const lsq_trainer *, const lsq_network *, lsq_error *) = {
      check_depth, check_activations, check_loss, check_biases, check_skip};
  lsq_status status = LSQ_OK;
  for (size_t k = 0; k < sizeof checks / sizeof *checks && status == LSQ_OK; k++)
    status = checks[k](trainer, net, error);
  return status;
}
