/* Opens, uses and closes 50 Lua states in turn. Closing one must not unload the OpenMP runtime
   under its own worker threads, which only a parallel region starts. */
#include <dirent.h>

#include "host.h"

static int threads_of_this_process(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  host_expect(tasks != NULL, "/proc/self/task", "cannot be read");
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

int main(void) {
  for (int k = 0; k < 50; k++) {
    lua_State *L = host_open();
    host_run(L, HOST_TRAINING "local net, x, y = make(1)\n"
                              "return assert(lsqnet.anmin(net, x, y, {iterations = 1})).loss");
    host_expect(lua_tonumber(L, -1) < 0.1, "the loss", lua_tostring(L, -1));
    lua_close(L);
  }
  host_expect(threads_of_this_process() > 1, "the training", "ran on one thread");
  return host_done();
}
