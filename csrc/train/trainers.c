#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer.h"

#define LIST(name) &lsq_##name,
const lsq_trainer *const lsq_trainers[] = {LSQ_TRAINERS(LIST) NULL};

const lsq_trainer *lsq_trainer_named(const char *name) {
  size_t k = 0;
  while (lsq_trainers[k] != NULL && strcmp(lsq_trainers[k]->name, name) != 0)
    k++;
  return lsq_trainers[k];
}

size_t lsq_trainer_iterations(const lsq_trainer *trainer, const void *options) {
  const lsq_option *option = lsq_option_find(trainer->options, "iterations");
  if (option == NULL)
    option = lsq_option_find(trainer->options, "epochs");
  const int64_t count = option == NULL ? 0 : *(const int64_t *)lsq_option_field(option, options);
  return count == 0 ? 0 : (size_t)count + 1;
}

const char *const lsq_stop_names[LSQ_STOPS] = {[LSQ_STOPPED_ITERATIONS] = "iterations",
                                               [LSQ_STOPPED_TOLERANCE] = "tolerance",
                                               [LSQ_STOPPED_STALLED] = "stalled",
                                               [LSQ_STOPPED_DIVERGED] = "diverged",
                                               [LSQ_STOPPED_DEGENERATE] = "degenerate",
                                               [LSQ_STOPPED_TARGET] = "target",
                                               [LSQ_STOPPED_TIME] = "time",
                                               [LSQ_STOPPED_CALLBACK] = "callback"};

void lsq_warn(lsq_result *result, const char *format, ...) {
  if (result->warning_count == LSQ_WARNINGS)
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(result->warnings[result->warning_count++], LSQ_WARNING_SIZE, format, arguments);
  va_end(arguments);
}
