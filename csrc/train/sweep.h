/* One pass over all rows, weighted and in bounded steps, of one of two kinds: the loss of a net
   with its gradient, or the normal equations of its output layer. Each chunk of rows is summed by
   one thread and the chunks are added along their tree, so that the sums do not depend on the
   number of threads. */
#ifndef LSQ_TRAIN_SWEEP_H
#define LSQ_TRAIN_SWEEP_H

#include "base/chunks.h"
#include "base/rows.h"
#include "nn/network.h"

typedef enum {
  LSQ_SWEEP_GRADIENT, /* sum_i w_i loss_i and its derivatives by the parameters */
  LSQ_SWEEP_OUTPUT    /* S'W S (lower) and S'W Y, S = (last hidden activations, 1) */
} lsq_sweep_kind;

typedef struct lsq_sweep_lane lsq_sweep_lane;

typedef struct {
  const lsq_rows *rows;
  lsq_network net; /* over parameters of its own: the net that is passed over */
  lsq_sweep_kind kind;
  lsq_chunks chunks;
  size_t chunk; /* the next one */
  size_t block_rows, lanes;
  lsq_sweep_lane *lane;
  lsq_tree gradient_tree, output_tree;
  double *gradient; /* after a GRADIENT sweep: parameter_count, and behind them the loss's sum */
  double loss;      /* that sum */
  lsq_matrix gram, cross; /* after an OUTPUT sweep: (h+1) x (h+1) and (h+1) x c */
} lsq_sweep;

/* For nets of the shape and kind of `net`. OUTPUT sweeps need a hidden layer and `with_output`. */
void lsq_sweep_place(lsq_sweep *self, lsq_arena *arena, const lsq_network *net,
                     const lsq_rows *rows, bool with_output);

/* Begins at the given parameters. */
void lsq_sweep_begin(lsq_sweep *self, lsq_sweep_kind kind, const double *parameters);

/* The next chunks, one a thread; true when the sums are complete, which a failed read makes
   them. */
bool lsq_sweep_advance(lsq_sweep *self);

/* Multiplications of one call of advance, to the order of magnitude. */
double lsq_sweep_work(const lsq_sweep *self);

/* How reading the rows went. */
lsq_status lsq_sweep_status(const lsq_sweep *self, lsq_error *error);

#endif
