/* Running a network forwards and backwards over rows, in blocks spread over threads. Results do
   not depend on the number of threads, nor on whether the rows are in memory or read. A workspace
   is placed for a shape of network, for so many rows or fewer, and for a number of threads that
   holds from then on. */
#ifndef LSQ_NN_FORWARD_H
#define LSQ_NN_FORWARD_H

#include "nn/blocks.h"

typedef struct {
  size_t threads; /* at most */
  size_t buffer;  /* doubles of one buffer; each thread has two, which layers use in turn */
  size_t stride;  /* doubles from one thread's buffers to the next's */
  double *buffers;
  double *sums;   /* the loss of each block */
  double *scores; /* the sums of each block's score */
  lsq_readers readers;
} lsq_forward_work;

void lsq_forward_place(lsq_forward_work *work, lsq_arena *arena, const lsq_network *net,
                       const lsq_rows *rows, size_t threads);

/* The same over memory for the struct itself, for what is const around it; NULL while measuring. */
lsq_forward_work *lsq_forward_take(lsq_arena *arena, const lsq_network *net, const lsq_rows *rows,
                                   size_t threads);

/* out (rows x width of layer `layer`) = the activations after layer `layer`, 0..depth: 0 is
   x itself. layer = depth is the network's output as it is (logits for cross-entropy). rows->y
   may be NULL. */
lsq_status lsq_forward(const lsq_network *net, const lsq_rows *rows, size_t layer,
                       const lsq_matrix *out, lsq_forward_work *work, lsq_error *error);

/* The same for few rows on this thread: into `out`, or, where that is NULL, into one of two buffers
   of `buffer` doubles each, at least rows x the widest layer. layer >= 1. Returns where they
   are. */
lsq_matrix lsq_forward_block(const lsq_network *net, const lsq_matrix *x, size_t layer,
                             const lsq_matrix *out, double *buffers, size_t buffer);

/* The net's mean loss over all rows (mse: over all entries), by their weights. NaN where rows
   could not be read: lsq_forward_status says why. */
double lsq_network_loss(const lsq_network *net, const lsq_rows *rows, lsq_forward_work *work);

/* The score of its loss, likewise. */
double lsq_network_score(const lsq_network *net, const lsq_rows *rows, lsq_forward_work *work);

/* How the last pass's reading went. */
static inline lsq_status lsq_forward_status(const lsq_forward_work *work, lsq_error *error) {
  return lsq_readers_status(&work->readers, error);
}

typedef struct {
  size_t threads;
  size_t activations; /* doubles of a block's activations, of all layers */
  size_t kept;        /* doubles of what they were made of, where derivatives need it */
  size_t delta;       /* doubles of one of a block's two deltas */
  size_t stride;      /* doubles from one thread's buffers to the next's */
  double *buffers;
  size_t gradient;   /* doubles from one chunk's gradient to the next's */
  double *gradients; /* of all chunks but the first, which sums where the caller wants it */
  double *sums;      /* the loss of each chunk */
  lsq_readers readers;
} lsq_gradient_work;

void lsq_gradient_place(lsq_gradient_work *work, lsq_arena *arena, const lsq_network *net,
                        const lsq_rows *rows, size_t threads);

/* The same over memory for the struct itself; NULL while measuring. */
lsq_gradient_work *lsq_gradient_take(lsq_arena *arena, const lsq_network *net, const lsq_rows *rows,
                                     size_t threads);

/* gradient (parameter_count) = d loss / d parameters; returns the loss, NaN where rows could not
   be read. */
double lsq_network_gradient(const lsq_network *net, const lsq_rows *rows, double *gradient,
                            lsq_gradient_work *work);

static inline lsq_status lsq_gradient_status(const lsq_gradient_work *work, lsq_error *error) {
  return lsq_readers_status(&work->readers, error);
}

#endif
