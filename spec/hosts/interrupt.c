/* A host interrupts a long training by each kind of hook, one of them set by a signal handler as
   lua's own Ctrl-C does; the error unwinds and the net is usable afterwards. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "host.h"

static lua_State *interrupted_state;
static int hook_calls;

static void stop(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "stopped by the host");
}

/* Lets the training begin before it is stopped. */
static void stop_later(lua_State *L, lua_Debug *event) {
  if (++hook_calls == 20)
    stop(L, event);
}

static void on_alarm(int number) {
  (void)number;
  lua_sethook(interrupted_state, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT,
              1);
}

static void set_alarm(void) {
  struct sigaction action = {.sa_handler = on_alarm};
  struct itimerval soon = {.it_value = {.tv_usec = 100000}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &soon, NULL);
}

static void train_until(const char *how) {
  lua_State *L = host_open();
  host_run(L,
           HOST_TRAINING "net, x, y = make(1)\n"
                         "function train()\n"
                         "  return lsqnet.anmin(net, x, y, {iterations = 1000000})\n"
                         "end\n"
                         "function check()\n"
                         "  assert(net:loss(x, y) < 0.1)\n"
                         "  local report = assert(lsqnet.anmin(net, x, y, {iterations = 2}))\n"
                         "  local gap = math.abs(report.loss / net:loss(x, y) - 1)\n"
                         "  return report.iterations == 2 and report.loss < 0.1 and gap < 1e-12\n"
                         "end");
  lua_settop(L, 0);
  hook_calls = 0;
  interrupted_state = L;
  lua_getglobal(L, "train");
  if (strcmp(how, "signal") == 0)
    set_alarm();
  else
    lua_sethook(L, stop_later, strcmp(how, "call") == 0 ? LUA_MASKCALL : LUA_MASKCOUNT, 10);
  int status = lua_pcall(L, 0, 1, 0);
  host_expect(status == LUA_ERRRUN, how, "the training was not interrupted");
  host_expect(strstr(lua_tostring(L, -1), "stopped by the host") != NULL, how, lua_tostring(L, -1));
  host_run(L, "return check()");
  host_expect(lua_toboolean(L, -1), how, "the net is not usable afterwards");
  lua_close(L);
}

int main(void) {
  train_until("call");
  train_until("count");
  train_until("signal");
  return host_done();
}
