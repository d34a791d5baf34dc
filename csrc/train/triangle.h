/* Triangle pretraining: first the peaks of a triangle network (or a network of blocks), which
   keep all its linear pieces, then the raw weights of the equal dense net. */
#ifndef LSQ_TRAIN_TRIANGLE_H
#define LSQ_TRAIN_TRIANGLE_H

#include "nn/triangle.h"
#include "nn/triangle_blocks.h"
#include "train/trainer.h"

/* What lsq_problem.model points to; the problem's net is the equal dense net. */
typedef struct {
  lsq_model head;
  bool is_fresh;               /* the next start is a draw */
  lsq_triangle *triangle;      /* one of these two, to be trained in place */
  lsq_triangle_blocks *blocks; /* NULL where it is the other */
  lsq_triangle *kept_triangle; /* gets the best restart's; of the same shape */
  lsq_triangle_blocks *kept_blocks;
  const lsq_trainer *finish;  /* of the second phase; NULL: none */
  const void *finish_options; /* its options */
  const double *mask;         /* of the weights it trains; NULL: all */
} lsq_triangle_model;

/* The trainer that the choice `finish` stands for, NULL for none. */
const lsq_trainer *lsq_triangle_finish(int choice);

extern const char *const lsq_triangle_finishes[];

#endif
