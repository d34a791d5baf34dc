/* Solving one layer of a ReLU net by linear regression: Linstorch's SolveLayer, ForwardTo and
   BackwardTo (Khanov and Akbas, Algorithms 1 to 3), on the calling thread.

   With F the inputs of layer i (rows x n) and G = [F 1] where it has a bias, else F, the
   regression S = pinv(G) [Y 1] is made first, for p + 1 right-hand sides, and then taken back
   through the layers behind it, whose ReLUs are ignored: [W; b] = S K, K ((p+1) x m_i) from the
   pseudoinverse of their product. Where rows have weights, G and [Y 1] are multiplied by their
   roots. */
#ifndef LSQ_TRAIN_LAYER_SOLVER_H
#define LSQ_TRAIN_LAYER_SOLVER_H

#include "base/rows.h"
#include "nn/network.h"

typedef enum {
  LSQ_AFFINE_BACKWARD,     /* T = (Y - c) pinv(A)' */
  LSQ_HOMOGENEOUS_BACKWARD /* T = [Y 1] pinv([[A, c], [0, 1]])' without its last column */
} lsq_backward;

/* What all nets on the same data share. */
typedef struct {
  const lsq_rows *rows; /* in memory */
  lsq_matrix roots;     /* rows x 1: of their weights; none where all are 1 */
  lsq_matrix targets;   /* rows x (p+1): [Y 1], times the roots */
  lsq_matrix first;     /* (d, or d+1 with a bias) x (p+1): S of the first layer */
  double rcond;         /* 0: max(rows, columns) * 2^-52 of each matrix that is inverted */
} lsq_layer_data;

void lsq_layer_data_place(lsq_layer_data *data, lsq_arena *arena, const lsq_network *net,
                          const lsq_rows *rows);
size_t lsq_layer_data_workspace(const lsq_network *net, const lsq_rows *rows);
lsq_status lsq_layer_data_start(lsq_layer_data *data, const lsq_network *net, double rcond,
                                void *workspace, lsq_error *error);

typedef struct {
  const lsq_layer_data *data;
  lsq_network net;          /* over parameters of its own */
  lsq_matrix *inputs;       /* of each layer k = 0..depth-1: rows x (n + 1), the last column one */
  size_t valid;             /* inputs[0..valid] are those of the net as it stands */
  lsq_matrix weighted;      /* rows x (most inputs + 1): G times the roots, where there are any */
  lsq_matrix output;        /* rows x p */
  lsq_matrix solution;      /* S */
  lsq_matrix product, next; /* the weights behind a layer, multiplied: m_i x p */
  double *shift, *next_shift;   /* p: c */
  lsq_matrix homogeneous;       /* (m_i + 1) x (p + 1) */
  lsq_matrix inverse, backward; /* of the product; K */
  void *workspace;
} lsq_layer_solver;

/* For a net of the shape and kind of `net`. */
void lsq_layer_solver_place(lsq_layer_solver *self, lsq_arena *arena, const lsq_network *net,
                            const lsq_rows *rows);

/* Once, before all else. */
void lsq_layer_solver_start(lsq_layer_solver *self, const lsq_layer_data *data);

/* The net has new parameters. */
void lsq_layer_solver_reset(lsq_layer_solver *self);

/* Solves layer k = 0..depth-1 with the others as they are. A net that overflows gives
   LSQ_NON_FINITE. */
lsq_status lsq_layer_solver_solve(lsq_layer_solver *self, size_t k, lsq_backward form,
                                  lsq_error *error);

/* The mean squared error of the net as it stands, by the rows' weights. */
double lsq_layer_solver_loss(lsq_layer_solver *self);

#endif
