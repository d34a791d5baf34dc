/* The Gauss-Newton normal equations of a net's squared error, summed over the data:

     matrix = J'J,  gradient = J'r,  r = prediction - Y (all N c entries), J = dr/d(parameters)

   in one of two ways. Of a two-layer ReLU net the hidden part of J'J is the matrix of ANMIN's
   hidden layer, from the activation-pattern Gram kernel with the pattern frozen, and the rest
   follows from the same sums. Of any other net J is formed in row blocks, never the whole. */
#ifndef LSQ_TRAIN_NORMAL_EQUATIONS_H
#define LSQ_TRAIN_NORMAL_EQUATIONS_H

#include "base/status.h"
#include "train/hidden_system.h"
#include "train/two_layer.h"

typedef struct lsq_jacobian_lane lsq_jacobian_lane;

typedef struct {
  const lsq_rows *rows;
  lsq_network net;   /* over parameters of its own: where the equations are formed */
  size_t count;      /* of parameters */
  lsq_matrix matrix; /* count x count, lower, in the order of the net's parameters */
  double *gradient;  /* count */
  double squared_error;

  size_t row, step_rows, block_rows, lanes;
  lsq_jacobian_lane *lane;

  bool is_two_layer; /* then these instead */
  lsq_two_layer layers;
  lsq_hidden_system system;
} lsq_normal_equations;

/* may_use_kernel: whether a two-layer net may go the kernel's way. */
void lsq_normal_equations_place(lsq_normal_equations *self, lsq_arena *arena,
                                const lsq_network *net, const lsq_rows *rows, bool may_use_kernel);

/* Before the first equations: what depends on the data alone. */
void lsq_normal_equations_start(lsq_normal_equations *self);

/* Begins the sums at the given parameters. */
void lsq_normal_equations_begin(lsq_normal_equations *self, const double *parameters);

/* The next rows; true when matrix, gradient and squared_error are complete. */
bool lsq_normal_equations_advance(lsq_normal_equations *self);

#endif
