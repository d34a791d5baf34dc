#include <math.h>

#include "lua/network.h"
#include "lua/training.h"

const lsq_option lsq_training_option_table[] = {
    {"loss", LSQ_OPTION_CHOICE, offsetof(lsq_training_options, loss), -1, 0, 0, lsq_loss_names,
     "the loss to train, which the net remembers; default: the net's own"},
    {"validation", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "{X, Y}: data whose loss the history records as validation_loss"},
    {"patience", LSQ_OPTION_INTEGER, offsetof(lsq_training_options, patience), 0, 0, 1e9, NULL,
     "iterations without a lower validation loss after which the training stops; the net of the "
     "lowest is returned; 0: no early stopping"},
    {"on_iteration", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "function(event), called after each iteration; only an explicit false stops the training"},
    {"time_limit", LSQ_OPTION_NUMBER, offsetof(lsq_training_options, time_limit), HUGE_VAL, 0,
     HUGE_VAL, NULL, "seconds after which the training stops"},
    {"target_loss", LSQ_OPTION_NUMBER, offsetof(lsq_training_options, target_loss), -HUGE_VAL,
     -HUGE_VAL, HUGE_VAL, NULL, "training loss at which the training stops"},
    {"restarts", LSQ_OPTION_INTEGER, offsetof(lsq_training_options, restarts), 1, 1, 1e9, NULL,
     "trainings, the first from the net as given, the others from fresh draws; the best is kept"},
    {"init", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "initialisation of the fresh draws; default: the net's own"},
    {"state", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "report.state of a training to go on from, of trainers that return one"},
    {"seed", LSQ_OPTION_INTEGER, offsetof(lsq_training_options, seed), 1, -0x1p63, 0x1p63, NULL,
     "seed of every draw the training makes"},
    {"verbose", LSQ_OPTION_BOOLEAN, offsetof(lsq_training_options, verbose), 0, 0, 0, NULL,
     "write a line per iteration to the standard error"},
    {NULL, LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL, NULL}};

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
  t->validation_x = x;
  t->validation_y = y;
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

static void read_options(lsq_training *t) {
  lua_State *L = t->L;
  t->options = lsq_lua_block(L, t->trainer->options_size);
  lsq_lua_read_options(L, LSQ_TRAINING_OPTIONS, t->trainer->options, t->options,
                       lsq_training_option_table, &t->common);
  lsq_random_seed(&t->random, (uint64_t)t->common.seed);
  t->init = t->problem.net->init;
  if (lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "init") != LUA_TNIL)
    lsq_lua_check_init(L, lua_gettop(L), &t->init);
  t->problem.restarts = t->common.restarts;
  t->problem.init = &t->init;
  read_validation(t);
  read_callback(t);
  if (t->common.patience > 0 && t->validation_x == NULL)
    luaL_error(L, "option 'patience': needs the option 'validation'");
}

/* Sets the loss asked for, which stays the net's unless the trainer refuses such a net. */
static void check_net(lsq_training *t) {
  lsq_network *net = t->problem.net;
  const lsq_loss before = net->loss;
  lsq_error error;
  if (t->common.loss >= 0)
    net->loss = (lsq_loss)t->common.loss;
  if (t->trainer->check == NULL || t->trainer->check(&t->problem, t->options, &error) == LSQ_OK)
    return;
  net->loss = before;
  luaL_argerror(t->L, LSQ_TRAINING_NET, error.message);
}

static lsq_status check_values(const lsq_training *t, lsq_error *error) {
  const lsq_network *net = t->problem.net;
  lsq_matrix parameters = lsq_matrix_over(net->parameters, 1, net->parameter_count);
  lsq_status status = LSQ_OK;
  if (t->validation_x != NULL)
    status = lsq_lua_check_finite(t->validation_x, "the validation X", error);
  if (status == LSQ_OK && t->validation_x != NULL)
    status = lsq_lua_check_finite(t->validation_y, "the validation Y", error);
  if (status == LSQ_OK && !lsq_matrix_is_finite(&parameters, NULL, NULL))
    status = lsq_fail(error, LSQ_NON_FINITE, "the net has a parameter that is not finite");
  return status;
}

lsq_status lsq_training_read(lsq_training *t, lsq_error *error) {
  lua_State *L = t->L;
  lua_settop(L, LSQ_TRAINING_OPTIONS);
  lsq_network *net = lsq_lua_check_network(L, LSQ_TRAINING_NET);
  t->problem.trainer = t->trainer;
  t->problem.net = net;
  t->problem.x = lsq_lua_check_matrix(L, LSQ_TRAINING_X);
  t->problem.y = lsq_lua_check_matrix(L, LSQ_TRAINING_Y);
  t->problem.random = &t->random;
  read_options(t);
  check_net(t);
  lsq_status status = lsq_lua_check_samples(L, net, net->loss, LSQ_TRAINING_X, error);
  if (status == LSQ_OK)
    status = check_values(t, error);
  if (status != LSQ_OK)
    return status;
  lsq_training_read_state(t);
  lsq_training_read_schedule(t);
  return LSQ_OK;
}
