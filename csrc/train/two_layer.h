/* Passes over the rows of a two-layer ReLU net, in steps of bounded work. A FIT pass sums what
   the closed-form output layer needs (ANMIN, Eq. 4); an EVALUATE pass sums the squared error
   and the right-hand side of the hidden layer, and adds to its activation-pattern Gram matrix.

   The rows are summed by chunks (base/chunks.h), so that the result does not depend on how many
   threads run the lanes; a row counts as many times as its weight says. With X~ = (X, 1), S =
   [sigma(X~ A), 1], B and b0 the output layer, G the slopes of sigma. A, and all that is laid out
   like it, is (d+1) x h with the biases last, as the flat vector begins. */
#ifndef LSQ_TRAIN_TWO_LAYER_H
#define LSQ_TRAIN_TWO_LAYER_H

#include "base/rows.h"
#include "nn/network.h"
#include "nn/pattern_gram.h"
#include "train/chunk_walk.h"

typedef enum { LSQ_FIT_PASS, LSQ_EVALUATE_PASS } lsq_pass;

/* What an EVALUATE pass takes for the N x c matrix R in the sums X~' ((R B') o G). */
typedef enum { LSQ_CENTRED_TARGETS /* Y - b0 */, LSQ_RESIDUALS /* prediction - Y */ } lsq_right;

typedef struct lsq_lane lsq_lane;

typedef struct {
  const lsq_rows *rows;
  int threads;     /* of the lanes */
  lsq_network net; /* over parameters of its own: the net that is passed over */
  size_t d, h, c, row_count;
  double weight; /* N, or the sum of the weights: what means are divided by */
  lsq_pass pass;
  lsq_right right_kind;
  bool gathers_right;        /* the pass sums the right-hand side */
  lsq_pattern_gram *pattern; /* of the pass; NULL: the hidden layer's matrix is not wanted */
  uint64_t *firing;          /* of the pass: row i gets the bits of its firing units; or NULL */
  size_t firing_words;       /* 64-bit words of a row of it */
  lsq_chunk_walk walk;
  lsq_lane *lane;
  lsq_tree tree;          /* of the sums of chunks */
  double *total;          /* its root: of the last pass that ended */
  lsq_matrix z, features; /* step_rows x h and x (d+1): X~ A and X~ of the step's rows */
  lsq_matrix moment;      /* (d+1) x (d+1), lower: X~'X~, which leaky patterns need */
  bool has_moment;        /* it is of the data alone: the first pass with a pattern sums it */
  bool sums_moment;       /* the pass under way does */
  lsq_matrix gram, cross; /* S'S (lower) and S'Y, each over the rows; factor and solution */
  double *eigenvalues;    /* h+1 */
  lsq_matrix rotated;     /* (h+1) x c */
  void *eigen_workspace;
} lsq_two_layer;

/* Places everything, for a net of the shape and kind of `net`, whose parameters start copies: one
   hidden layer, relu or leaky_relu, identity output, biases, mse. */
void lsq_two_layer_place(lsq_two_layer *self, lsq_arena *arena, const lsq_network *net,
                         const lsq_rows *rows);

/* The same for passes that never take a pattern. */
void lsq_two_layer_place_matrix_free(lsq_two_layer *self, lsq_arena *arena, const lsq_network *net,
                                     const lsq_rows *rows);

void lsq_two_layer_start(lsq_two_layer *self, const lsq_network *net);

/* The slope of the activation for z < 0. */
double lsq_two_layer_alpha(const lsq_network *net);

void lsq_two_layer_begin_fit(lsq_two_layer *self);
void lsq_two_layer_begin_evaluate(lsq_two_layer *self, lsq_right right_kind,
                                  lsq_pattern_gram *pattern);

/* An EVALUATE pass that sums the right-hand side of the residuals: the gradient. */
void lsq_two_layer_begin_gradient(lsq_two_layer *self);

/* An EVALUATE pass that writes the firing bits and sums the right-hand side and G'G. */
void lsq_two_layer_begin_firing(lsq_two_layer *self, lsq_right right_kind, uint64_t *firing);

/* The next rows of the pass; true when it is over, which a failed read makes it. */
bool lsq_two_layer_advance(lsq_two_layer *self);

/* How reading the rows went. */
lsq_status lsq_two_layer_status(const lsq_two_layer *self, lsq_error *error);

/* After a FIT pass: gram <- S'S * scale (lower), cross <- S'Y * scale. */
void lsq_two_layer_sum_fit(lsq_two_layer *self, double scale);

/* After a FIT pass: the net's output layer <- the solution of (S'S scale + lambda I) [B; b0] =
   S'Y scale, of minimum norm where that is singular (lambda = 0 and a dead unit, say). */
lsq_status lsq_two_layer_solve_output(lsq_two_layer *self, double scale, double lambda,
                                      bool *singular, lsq_error *error);

/* After an EVALUATE pass. right ((d+1) x h): the sums times scale. */
double lsq_two_layer_squared_error(const lsq_two_layer *self);
void lsq_two_layer_sum_right(const lsq_two_layer *self, double scale, double *right);

/* After a pass with firing bits: G'G (h x h, lower) times scale. */
void lsq_two_layer_sum_slopes(const lsq_two_layer *self, double scale, const lsq_matrix *slopes);

/* Each row <- its weight times it; weights NULL: all are 1. */
void lsq_two_layer_scale_rows(const lsq_matrix *m, const double *weights);

/* features (n x (d+1)) <- X~ of the rows of x, each times the root of its weight; weights NULL:
   all are 1. */
void lsq_two_layer_fill_features(const lsq_matrix *x, const double *weights,
                                 const lsq_matrix *features);

#endif
