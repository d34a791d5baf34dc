#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "lua/network.h"
#include "lua/stream.h"
#include "lua/training.h"
#include "lua/weights.h"
#include "train/run/race.h"

const lsq_option lsq_training_option_table[] = {
    {.name = "loss",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(lsq_training_options, loss),
     .standard = -1,
     .choices = lsq_loss_names,
     .text = "the loss to train, which the net remembers; default: the net's own"},
    {.name = "validation",
     .type = LSQ_OPTION_VALUE,
     .text = "{X, Y}: data whose loss the history records as validation_loss"},
    {.name = "patience",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(lsq_training_options, patience),
     .standard = 0,
     .minimum = 0,
     .maximum = 1e9,
     .text = "iterations without a lower validation loss after which the training stops; the net "
             "of the "
             "lowest is returned; 0: no early stopping"},
    {.name = "on_iteration",
     .type = LSQ_OPTION_VALUE,
     .text =
         "function(event), called after each iteration; only an explicit false stops the training"},
    {.name = "time_limit",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(lsq_training_options, time_limit),
     .standard = HUGE_VAL,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "seconds after which the training stops"},
    {.name = "target_loss",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(lsq_training_options, target_loss),
     .standard = -HUGE_VAL,
     .minimum = -HUGE_VAL,
     .maximum = HUGE_VAL,
     .text = "training loss at which the training stops"},
    {.name = "restarts",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(lsq_training_options, restarts),
     .standard = 1,
     .minimum = 1,
     .maximum = 1e9,
     .text = "trainings, the first from the net as given, the others from fresh draws; the best is "
             "kept"},
    {.name = "racing",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(lsq_training_options, racing),
     .text = "restarts by successive halving: all go a few iterations, the better half twice as "
             "far, and so on; a round costs about as much as one training"},
    {.name = "mask",
     .type = LSQ_OPTION_VALUE,
     .text = "P x 1 matrix in the order of the parameters: those with a 0 stay as they are, of "
             "trainers "
             "that can"},
    {.name = "weights",
     .type = LSQ_OPTION_VALUE,
     .text = "N x 1 matrix, not negative: how often each row counts"},
    {.name = "init",
     .type = LSQ_OPTION_VALUE,
     .text = "initialisation of the fresh draws; default: the net's own"},
    {.name = "state",
     .type = LSQ_OPTION_VALUE,
     .text = "report.state of a training to go on from, of trainers that return one"},
    {.name = "seed",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(lsq_training_options, seed),
     .standard = 1,
     .minimum = -0x1p63,
     .maximum = 0x1p63,
     .text = "seed of every draw the training makes"},
    {.name = "verbose",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(lsq_training_options, verbose),
     .text = "write a line per iteration to the standard error"},
    {.name = NULL}};

/* What not every trainer takes, and how it says no. */
typedef struct {
  const char *name;
  lsq_takes takes;
  const char *refusal; /* of the trainer's name */
} limited_option;

static const limited_option limited_options[] = {
    {"loss", LSQ_TAKES_LOSS, "%s has none"},
    {"mask", LSQ_TAKES_MASK, "%s trains all parameters"},
    {"init", LSQ_TAKES_INIT, "%s has none"},
    {"state", LSQ_TAKES_STATE, "%s has none to go on from"},
    {"weights", LSQ_TAKES_WEIGHTS, "%s counts all rows alike"}};

enum { LIMITED_OPTIONS = sizeof limited_options / sizeof *limited_options };

bool lsq_training_takes(const lsq_trainer *trainer, const lsq_option *common) {
  if (strcmp(common->name, "restarts") == 0)
    return trainer->restarts != LSQ_SINGLE;
  if (strcmp(common->name, "racing") == 0)
    return trainer->restarts == LSQ_TRAININGS && (trainer->takes & LSQ_TAKES_INIT) != 0;
  for (size_t k = 0; k < LIMITED_OPTIONS; k++)
    if (strcmp(common->name, limited_options[k].name) == 0)
      return (trainer->takes & limited_options[k].takes) != 0;
  return true;
}

/* Raises for the first option given that the trainer does not take. */
static void refuse_options(const lsq_training *t) {
  lua_State *L = t->L;
  for (size_t k = 0; k < LIMITED_OPTIONS; k++) {
    const limited_option *option = &limited_options[k];
    const bool given = lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, option->name) != LUA_TNIL;
    lua_pop(L, 1);
    if (!given || (t->trainer->takes & option->takes) != 0)
      continue;
    lua_pushfstring(L, option->refusal, t->trainer->name);
    luaL_error(L, "option '%s': %s", option->name, lua_tostring(L, -1));
  }
}

static lsq_matrix *validation_part(lua_State *L, int table, int part) {
  lua_rawgeti(L, table, part);
  lsq_matrix *matrix = lsq_lua_test_matrix(L, -1);
  if (matrix == NULL)
    luaL_error(L, "option 'validation': {X, Y}, two matrices, expected");
  return matrix; /* stays on the stack */
}

static void read_validation(lsq_training *t) {
  lua_State *L = t->L;
  if (lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "validation") == LUA_TNIL)
    return;
  if (!lua_istable(L, -1))
    luaL_error(L, "option 'validation': {X, Y}, two matrices, expected, got %s",
               luaL_typename(L, -1));
  int table = lua_gettop(L);
  const lsq_network *net = t->problem.net;
  lsq_matrix *x = validation_part(L, table, 1), *y = validation_part(L, table, 2);
  if (x->cols != lsq_network_inputs(net) || y->cols != lsq_network_outputs(net))
    luaL_error(L, "option 'validation': matrices of %I and %I columns expected, got %I and %I",
               (LUAI_UACINT)lsq_network_inputs(net), (LUAI_UACINT)lsq_network_outputs(net),
               (LUAI_UACINT)x->cols, (LUAI_UACINT)y->cols);
  if (x->rows != y->rows || x->rows == 0)
    luaL_error(L,
               "option 'validation': X and Y of the same number of rows, at least one, "
               "expected, got %I and %I",
               (LUAI_UACINT)x->rows, (LUAI_UACINT)y->rows);
  t->run_options.validation = lsq_rows_over(x, y);
}

static void read_callback(lsq_training *t) {
  int type = lsq_lua_option_value(t->L, LSQ_TRAINING_OPTIONS, "on_iteration");
  if (type == LUA_TNIL)
    return;
  if (type != LUA_TFUNCTION)
    luaL_error(t->L, "option 'on_iteration': a function expected, got %s",
               lua_typename(t->L, type));
  t->callback = lua_gettop(t->L);
}

static void read_mask(lsq_training *t) {
  lua_State *L = t->L;
  const size_t count = t->problem.net->parameter_count;
  if (lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "mask") == LUA_TNIL)
    return;
  lsq_matrix *mask = lsq_lua_test_matrix(L, -1);
  if (mask == NULL || mask->rows != count || mask->cols != 1 || !lsq_matrix_is_contiguous(mask))
    luaL_error(L, "option 'mask': a matrix of %I x 1, one entry a parameter, expected",
               (LUAI_UACINT)count);
  t->problem.mask = mask->data;
}

static void read_options(lsq_training *t) {
  lua_State *L = t->L;
  t->options = lsq_lua_block(L, t->trainer->options_size);
  lsq_lua_read_options(L, LSQ_TRAINING_OPTIONS, t->trainer->options, t->options,
                       lsq_training_option_table, &t->common);
  refuse_options(t);
  lsq_random_seed(&t->run_options.random, (uint64_t)t->common.seed);
  t->init = t->problem.net->init;
  if (lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "init") != LUA_TNIL)
    lsq_lua_check_init(L, lua_gettop(L), &t->init);
  t->problem.drawing.init = &t->init;
  read_validation(t);
  read_callback(t);
  read_mask(t);
  if (t->common.patience > 0 && t->run_options.validation.x == NULL)
    luaL_error(L, "option 'patience': needs the option 'validation'");
}

/* Of trainers that take it: which inputs each unit of the first layer sees. */
static void read_connections(lsq_training *t) {
  lua_State *L = t->L;
  const lsq_matrix *first = &t->problem.net->layers[0].weight;
  if (lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "connections") == LUA_TNIL)
    return;
  const lsq_matrix *mask = lsq_lua_test_matrix(L, -1);
  if (mask == NULL)
    luaL_error(L, "option 'connections': a matrix expected, got %s", luaL_typename(L, -1));
  if (!lsq_matrix_same_shape(mask, first))
    luaL_error(L, "option 'connections': a %I x %I matrix expected, got %I x %I",
               (LUAI_UACINT)first->rows, (LUAI_UACINT)first->cols, (LUAI_UACINT)mask->rows,
               (LUAI_UACINT)mask->cols);
  for (size_t i = 0; i < mask->rows; i++)
    for (size_t j = 0; j < mask->cols; j++)
      if (lsq_matrix_row(mask, i)[j] != 0 && lsq_matrix_row(mask, i)[j] != 1)
        luaL_error(L, "option 'connections': 0 or 1 expected, got %s in row %I, column %I",
                   lsq_lua_number(L, lsq_matrix_row(mask, i)[j]), (LUAI_UACINT)i + 1,
                   (LUAI_UACINT)j + 1);
  t->problem.connections = mask;
}

/* The trainer's own checks see the net with the loss asked for; it is kept once all is well. */
static void check_net(lsq_training *t, const lsq_loss *loss) {
  lsq_network *net = t->problem.net;
  const lsq_loss *before = net->loss;
  const double parameter = net->loss_parameter;
  lsq_error error;
  lsq_network_set_loss(net, loss);
  lsq_status status = lsq_trainer_accepts(t->trainer, net, &error);
  if (status == LSQ_OK && t->trainer->check != NULL)
    status = t->trainer->check(&t->problem, t->options, &error);
  net->loss = before;
  net->loss_parameter = parameter;
  if (status == LSQ_OK)
    return;
  if (strncmp(error.message, "option ", 7) == 0)
    luaL_error(t->L, "%s", error.message);
  luaL_argerror(t->L, LSQ_TRAINING_NET, error.message);
}

static void check_validation_targets(const lsq_training *t, const lsq_loss *loss) {
  size_t row;
  const lsq_matrix *y = t->run_options.validation.y;
  if (y != NULL && !lsq_loss_accepts(loss, y, &row))
    luaL_error(t->L, "option 'validation': Y row %I cannot be a target of %s",
               (LUAI_UACINT)(row + 1), loss->name);
}

static lsq_status check_values(const lsq_training *t, lsq_error *error) {
  const lsq_network *net = t->problem.net;
  lsq_matrix parameters = lsq_matrix_over(net->parameters, 1, net->parameter_count);
  lsq_status status = LSQ_OK;
  const lsq_rows *validation = &t->run_options.validation;
  if (validation->x != NULL)
    status = lsq_lua_check_finite(validation->x, "the validation X", error);
  if (status == LSQ_OK && validation->x != NULL)
    status = lsq_lua_check_finite(validation->y, "the validation Y", error);
  if (status == LSQ_OK && !lsq_matrix_is_finite(&parameters, NULL, NULL))
    status = lsq_fail(error, LSQ_NON_FINITE, "the net has a parameter that is not finite");
  return status;
}

/* A stream in place of X, and nil in place of Y. */
static void read_stream(lsq_training *t, const lsq_npy_rows *rows) {
  lua_State *L = t->L;
  const lsq_network *net = t->problem.net;
  luaL_argcheck(L, lua_isnil(L, LSQ_TRAINING_Y), LSQ_TRAINING_Y,
                "nil expected behind a stream, which holds Y too");
  if (rows->x.cols != lsq_network_inputs(net) || rows->y.cols != lsq_network_outputs(net))
    luaL_argerror(L, LSQ_TRAINING_X,
                  lua_pushfstring(L, "a stream of %I inputs and %I outputs expected, got %I and %I",
                                  (LUAI_UACINT)lsq_network_inputs(net),
                                  (LUAI_UACINT)lsq_network_outputs(net), (LUAI_UACINT)rows->x.cols,
                                  (LUAI_UACINT)rows->y.cols));
  luaL_argcheck(L, rows->x.rows > 0, LSQ_TRAINING_X, "the stream has no rows");
  t->problem.rows = lsq_rows_over(&rows->x, &rows->y);
  t->problem.rows.source = &rows->source;
}

/* Whether every number of the stream is finite, in one pass. */
static lsq_status check_stream(const lsq_training *t, lsq_error *error) {
  enum { ROWS = 1024 };
  const size_t d = t->problem.rows.x->cols, c = t->problem.rows.y->cols;
  double *memory = lsq_lua_block(t->L, ROWS * (d + c) * sizeof(double));
  lsq_status status = LSQ_OK;
  for (size_t first = 0; status == LSQ_OK && first < t->problem.rows.x->rows; first += ROWS) {
    const size_t count = lsq_size_min(ROWS, t->problem.rows.x->rows - first);
    const lsq_matrix x = lsq_matrix_over(memory, count, d);
    const lsq_matrix y = lsq_matrix_over(memory + ROWS * d, count, c);
    status = t->problem.rows.source->read(t->problem.rows.source, first, &x, &y, error);
    if (status == LSQ_OK &&
        !(lsq_matrix_is_finite(&x, NULL, NULL) && lsq_matrix_is_finite(&y, NULL, NULL)))
      status = lsq_fail(error, LSQ_NON_FINITE,
                        "the stream has a value that is not finite within rows %zu to %zu",
                        first + 1, first + count);
  }
  lua_pop(t->L, 1);
  return status;
}

/* Threads of this Lua state as they are now: later changes are for later calls. */
static int count_threads(lua_State *L) {
  const int before = lsq_lua_enter(L);
  const int threads = lsq_threads();
  lsq_threads_leave(before);
  return threads;
}

static void set_run_options(lsq_training *t) {
  lsq_run_options *options = &t->run_options;
  options->racing = t->common.racing && t->common.restarts > 1;
  options->restarts = t->trainer->restarts == LSQ_SINGLE ? 1 : lsq_size_of(t->common.restarts);
  options->time_limit = t->common.time_limit;
  options->target_loss = t->common.target_loss;
  options->patience = lsq_size_of(t->common.patience);
  options->state = t->state == NULL ? NULL : t->state->data;
  options->watched = t->callback != 0 || t->common.verbose || options->validation.x != NULL;
  options->threads = count_threads(t->L);
}

static const lsq_npy_rows *read_rows(lsq_training *t) {
  lua_State *L = t->L;
  const bool takes_stream = (t->trainer->takes & LSQ_TAKES_STREAM) != 0;
  const lsq_npy_rows *rows = takes_stream ? lsq_lua_test_stream(L, LSQ_TRAINING_X) : NULL;
  if (rows != NULL)
    read_stream(t, rows);
  else {
    const lsq_matrix *x = lsq_lua_check_matrix(L, LSQ_TRAINING_X);
    t->problem.rows = lsq_rows_over(x, lsq_lua_check_matrix(L, LSQ_TRAINING_Y));
  }
  return rows;
}

lsq_status lsq_training_read(lsq_training *t, lsq_error *error) {
  lua_State *L = t->L;
  lsq_network *net = lsq_lua_check_network(L, LSQ_TRAINING_NET);
  t->problem.net = net;
  const lsq_npy_rows *rows = read_rows(t);
  read_options(t);
  read_connections(t);
  const lsq_loss *loss = t->common.loss < 0 ? net->loss : lsq_losses[t->common.loss];
  check_net(t, loss);
  lsq_status status = rows != NULL ? check_stream(t, error)
                                   : lsq_lua_check_samples(L, net, loss, LSQ_TRAINING_X, error);
  if (status == LSQ_OK)
    status = check_values(t, error);
  if (status == LSQ_OK)
    status = lsq_lua_read_weights(L, LSQ_TRAINING_OPTIONS, t->problem.rows.x->rows,
                                  &t->problem.rows.weights, error);
  if (status != LSQ_OK)
    return status;
  check_validation_targets(t, loss);
  lsq_training_read_state(t);
  lsq_training_read_schedule(t);
  set_run_options(t);
  if (lsq_race_check(t->trainer, t->options, &t->run_options, error) != LSQ_OK)
    luaL_error(L, "%s", error->message);
  lsq_network_set_loss(net, loss);
  return LSQ_OK;
}
