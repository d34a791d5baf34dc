/* What the files of the triangle networks share. */
#ifndef LSQ_LUA_TRIANGLE_H
#define LSQ_LUA_TRIANGLE_H

#include "lua/network.h"
#include "nn/triangle.h"
#include "nn/triangle_blocks.h"
#include "train/triangle.h"

#define LSQ_TRIANGLE_TYPE "lsqnet.triangle"

/* One of the two, by is_blocks. User value 1 is a network of the equal dense net's shape, whose
   parameters mean nothing between two calls. */
typedef struct {
  bool is_blocks;
  lsq_triangle triangle;
  lsq_triangle_blocks blocks;
} lsq_lua_triangle;

lsq_lua_triangle *lsq_lua_check_triangle(lua_State *L, int arg);

/* Push a new one, whose parameters are not initialised. */
lsq_lua_triangle *lsq_lua_new_triangle(lua_State *L, size_t depth, bool free_scales);
lsq_lua_triangle *lsq_lua_new_triangle_blocks(lua_State *L, size_t depth, size_t layers,
                                              const size_t *widths);

/* Pushes a copy. */
lsq_lua_triangle *lsq_lua_clone_triangle(lua_State *L, int index);

/* Pushes the equal dense net. */
lsq_network *lsq_lua_triangle_dense(lua_State *L, int index);

double *lsq_lua_triangle_parameters(const lsq_lua_triangle *self, size_t *count);

/* Whether the numbers can be parameters: finite, and peaks within (0, 1). */
lsq_status lsq_lua_check_peaks(const lsq_lua_triangle *self, const double *parameters,
                               lsq_error *error);

/* Constructors. */
int lsq_lua_triangle_network(lua_State *L);
int lsq_lua_triangle_blocks_network(lua_State *L);

/* The arguments of the trainer on the stack: the triangle network becomes the equal dense net, and
   what is trained is pushed; the values above the arguments have to be kept as long as it is. */
lsq_model *lsq_lua_triangle_model(lua_State *L);

/* Makes the metatable. */
void lsq_lua_open_triangle_network(lua_State *L);

#endif
