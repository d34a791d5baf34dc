/* Keys of this module in the registry: their addresses are the keys. */
#ifndef LSQ_LUA_MODULE_H
#define LSQ_LUA_MODULE_H

/* The thread count set by lsqnet.set_threads; nil until then. */
extern const char lsq_lua_threads_key;

#endif
