/* J'J of a two-layer net with relu or leaky_relu units, identity output and squared error, from
   the activation-pattern Gram kernel. With x~ = (x, 1), a_j the weights and the bias of hidden
   unit j, G = alpha + (1 - alpha) F the slopes of the units, B the output layer's weights and

     U_jl = sum_i w_i G_ij G_il x~_i x~_i'

   the blocks are (B B')_jl U_jl of the hidden units, B_jk U_jl a_l of hidden unit j with the
   weight of unit l to output k, and a_j' U_jl a_l of two weights to the same output; for the
   output's bias the slopes of its unit and a_l' x~ are 1. */
#ifndef LSQ_TRAIN_PATTERN_CURVATURE_H
#define LSQ_TRAIN_PATTERN_CURVATURE_H

#include "nn/network.h"
#include "nn/pattern_gram.h"

typedef struct {
  size_t units, features; /* h and d + 1 */
  double alpha;
  lsq_pattern_gram gram; /* of F, with the rows of X~ times sqrt(w) */
  double *moment;        /* sum_i w_i x~_i x~_i', packed as gram's products */
  double weight;         /* sum of the weights */
  lsq_matrix scaled, z;  /* block_rows x (d+1): sqrt(w) x~; and x h */
  lsq_matrix product;    /* h x h: B B' */
  lsq_matrix incoming;   /* h x (d+1): a_j, row by row */
  lsq_matrix activity;   /* (h+1) x (h+1): S'W S, lower */
} lsq_pattern_curvature;

void lsq_pattern_curvature_place(lsq_pattern_curvature *self, lsq_arena *arena,
                                 const lsq_network *net, size_t block_rows);

void lsq_pattern_curvature_begin(lsq_pattern_curvature *self, const lsq_network *net);

/* At most block_rows rows. weights: of the rows, NULL: all 1. */
void lsq_pattern_curvature_add(lsq_pattern_curvature *self, const lsq_network *net,
                               const lsq_matrix *x, const double *weights);

void lsq_pattern_curvature_finish(lsq_pattern_curvature *self, const lsq_network *net,
                                  const lsq_matrix *matrix);

#endif
