/* The hidden layer of ANMIN without its matrix: preconditioned conjugate gradients on (Eq. 6-9)

     V -> X~' (G o ((G o (X~ V)) B B')) / N + lambda V,   V (d+1) x h, X~ = (x', 1)

   from a warm start. A product is one pass over the rows, in steps of bounded work; the frozen
   pattern G is kept as one bit for each row and unit. V is laid out as the hidden layer is in
   the net's flat vector: the weights row by row, then the biases.

   Preconditioners: KRONECKER inverts (B B' o G'G/N) (x) (X~'X~/N) + lambda I by the eigenvectors
   of both factors, the second of which never change; BLOCK inverts the h diagonal blocks of the
   matrix by Cholesky. */
#ifndef LSQ_TRAIN_HIDDEN_CG_H
#define LSQ_TRAIN_HIDDEN_CG_H

#include <stdint.h>

#include "train/two_layer.h"

typedef enum { LSQ_KRONECKER, LSQ_BLOCK } lsq_preconditioner;

typedef enum { LSQ_CG_MOMENT, LSQ_CG_BLOCKS, LSQ_CG_RESIDUAL, LSQ_CG_DIRECTION } lsq_cg_pass;

typedef struct lsq_cg_lane lsq_cg_lane;

typedef struct {
  const lsq_two_layer *layers; /* whose net gives B and the start */
  lsq_preconditioner kind;
  size_t m, h, count; /* count = m h, m = d + 1 */
  double alpha, lambda, tolerance;
  size_t limit;       /* iterations of one solve, at most */
  const double *mask; /* count: 0 where a weight does not exist; NULL: all do */
  lsq_cg_pass pass;
  int threads; /* of the lanes */
  lsq_chunk_walk walk;
  lsq_cg_lane *lane;
  lsq_tree tree;                  /* of the sums of chunks */
  uint64_t *firing;               /* rows x layers->firing_words */
  lsq_matrix product;             /* h x h: B B' */
  lsq_matrix solution;            /* (d+1) x h */
  lsq_matrix right, residual;     /* likewise */
  lsq_matrix direction, image;    /* p and K p */
  lsq_matrix scaled;              /* the preconditioned residual */
  lsq_matrix rotated;             /* (d+1) x h: scratch */
  lsq_matrix moment;              /* (d+1) x (d+1): X~'X~/N, then its eigenvectors */
  lsq_matrix slopes;              /* h x h: B B' o G'G/N, then its eigenvectors */
  double *moment_values, *values; /* eigenvalues of both */
  void *eigen_workspace;
  lsq_matrix *block; /* h of (d+1) x (d+1): their Cholesky factors */
  bool has_moment;
  double rho, right_norm;
  size_t iterations;       /* of the solve */
  double residual_norm;    /* relative to the right-hand side */
  size_t indefinite_units; /* blocks whose factorisation failed */
} lsq_hidden_cg;

void lsq_hidden_cg_place(lsq_hidden_cg *self, lsq_arena *arena, const lsq_two_layer *layers,
                         lsq_preconditioner kind);

void lsq_hidden_cg_start(lsq_hidden_cg *self, double lambda, double tolerance, size_t limit,
                         const double *mask);

/* Begins a solve: after an EVALUATE pass of the layers with `firing`. */
void lsq_hidden_cg_begin(lsq_hidden_cg *self);

/* The next rows of a pass, and what follows when it is over; done when `solution` holds the
   answer. */
lsq_status lsq_hidden_cg_advance(lsq_hidden_cg *self, bool *done, lsq_error *error);

#endif
