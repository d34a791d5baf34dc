/* A net of one hidden layer with direct connections from inputs to its one output, by
   Levenberg-Marquardt with evidence (MacKay 1992; Foresee and Hagan 1997): each group of weights
   has a penalty alpha that is re-estimated while the net trains. Groups: one an input, its row of
   W; the hidden biases; the output weights; the direct ones. */
#ifndef LSQ_TRAIN_EVIDENCE_H
#define LSQ_TRAIN_EVIDENCE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/status.h"
#include "nn/blend_part.h"

typedef struct {
  size_t units;
  lsq_unit unit;
  size_t iterations;
  double floor; /* of the penalties */
  uint64_t seed;
} lsq_evidence_options;

typedef struct {
  lsq_evidence_options options;
  const lsq_matrix *x; /* n x d, standardised */
  const double *y;     /* n */
  size_t parameters, groups, iteration, quiet;
  double damping, squares; /* the sum of squared residuals */
  double effective;        /* gamma: how many parameters the data determine */
  double *w, *trial;       /* W (d x h) row by row, biases, output weights, output bias, direct */
  double *residual, *trial_residual, *gradient, *diagonal, *inverse, *alpha, *shares, *norms;
  double *hidden, *slope; /* of one row */
  lsq_matrix jacobian, gram, system, scratch;
} lsq_evidence;

void lsq_evidence_place(lsq_evidence *e, lsq_arena *arena);
lsq_status lsq_evidence_start(lsq_evidence *e, lsq_error *error);

/* One iteration; `more` tells whether there is another one. */
lsq_status lsq_evidence_step(lsq_evidence *e, bool *more, lsq_error *error);

#endif
