/* One part of a blend: a net of one hidden layer, or none, on the piecewise-linear inputs of a
   table, made ready to predict: products at knots in place of weights. */
#ifndef LSQ_NN_BLEND_PART_H
#define LSQ_NN_BLEND_PART_H

#include "base/arena.h"
#include "nn/piecewise.h"

typedef enum { LSQ_UNIT_NONE, LSQ_UNIT_RELU, LSQ_UNIT_SILU, LSQ_UNIT_TANH } lsq_unit;

/* The unit's value, and its slope unless that is NULL. */
double lsq_unit_value(lsq_unit unit, double z, double *slope);

typedef struct {
  lsq_unit unit;
  const lsq_piecewise *map;
  const lsq_matrix *weight; /* width x h; without units h is the outputs */
  const lsq_matrix *bias;   /* 1 x h */
  const lsq_matrix *output; /* h x c; NULL without units */
  const lsq_matrix *skip;   /* d x c, on S; may be NULL */
  const lsq_matrix *offset; /* 1 x c; NULL without units */
  lsq_matrix tables;        /* placed below */
  double *base, *hidden;
} lsq_blend_part;

/* Workspace for the tables; everything above them is set. */
void lsq_blend_part_place(lsq_blend_part *part, lsq_arena *arena);

/* Fills the tables. */
void lsq_blend_part_prepare(lsq_blend_part *part);

/* out (n x c) = what the part says of x (n x d). */
void lsq_blend_part_predict(const lsq_blend_part *part, const lsq_matrix *x, const lsq_matrix *out);

#endif
