/* Two Lua states train in two threads at the same time, and end with the parameters that the
   same trainings reach one after the other. */
#include <pthread.h>
#include <string.h>

#include "host.h"
#include "lsqnet.h"

enum { PARAMETERS = 4 * 24 + 24 + 24 + 1, ROUNDS = 3 };

typedef struct {
  int seed;
  double parameters[PARAMETERS];
} training;

static void train(training *t) {
  lua_State *L = host_open();
  lua_pushinteger(L, t->seed);
  lua_setglobal(L, "seed");
  host_run(L, HOST_TRAINING "local net, x, y = make(seed)\n"
                            "assert(lsqnet.anmin(net, x, y, {iterations = 10, restarts = 3}))\n"
                            "local run = lsqnet.start('adam', net, x, y, {epochs = 3})\n"
                            "while not run.ended do run:advance(0.001) end\n"
                            "run:finish()\n"
                            "return net:parameters()");
  const lsqnet_matrix *parameters = lsqnet_checkmatrix(L, -1);
  host_expect(parameters->rows == PARAMETERS && parameters->cols == 1, "parameters", "wrong shape");
  for (size_t i = 0; i < PARAMETERS; i++)
    t->parameters[i] = parameters->data[i * parameters->stride];
  lua_close(L);
}

static void *train_in_thread(void *argument) {
  train(argument);
  return NULL;
}

int main(void) {
  training alone[2] = {{.seed = 1}, {.seed = 2}};
  for (int k = 0; k < 2; k++)
    train(&alone[k]);
  for (int round = 0; round < ROUNDS; round++) {
    training together[2] = {{.seed = 1}, {.seed = 2}};
    pthread_t threads[2];
    for (int k = 0; k < 2; k++)
      host_expect(pthread_create(&threads[k], NULL, train_in_thread, &together[k]) == 0,
                  "pthread_create", "failed");
    for (int k = 0; k < 2; k++)
      pthread_join(threads[k], NULL);
    for (int k = 0; k < 2; k++)
      host_expect(memcmp(alone[k].parameters, together[k].parameters, sizeof alone[k].parameters) ==
                      0,
                  "two trainings at once", "differ from the same ones in turn");
  }
  return host_done();
}
