/* The losses of a network's raw output. Each is one record, in a file of its own (loss_*.c);
   everybody else asks the record. */
#ifndef LSQ_NN_LOSS_H
#define LSQ_NN_LOSS_H

#include "nn/score.h"

/* How far a probability row's sum may be from 1: float32 softmaxes end within this. */
#define LSQ_PROBABILITY_SLACK 1e-6

/* Outputs z and targets y are rows x cols, one row after the other. */
typedef struct {
  const char *name; /* in Lua and in files */

  /* Its parameter, NULL where it has none: the option's name, default and range, inclusive. */
  const char *parameter, *parameter_text;
  double standard, minimum, maximum;

  /* The sum over the rows. */
  double (*value)(double parameter, const double *z, const double *y, size_t rows, size_t cols);

  /* The same sum up to rounding, and z becomes scale * d sum / dz. */
  double (*gradient)(double parameter, double *z, const double *y, size_t rows, size_t cols,
                     double scale);

  /* Of one row: factor R (cols x cols, row by row) of its curvature d^2 value / dz^2 = R R', or of
     a matrix that takes its place; what Gauss-Newton steps need. NULL: it has none of use. */
  void (*curvature)(double parameter, const double *z, const double *y, size_t cols,
                    double *factor);

  /* One row of raw output becomes what is expected of y, in place: the inverse of the link.
     NULL: it is that already. */
  void (*mean)(double *z, size_t cols);

  /* How good a net is, higher is better: of what is expected of y, or of raw output. */
  const lsq_score *score;

  /* Whether a row of finite numbers can be a target. NULL: any can. What is expected, of one
     column and of several, for messages. */
  bool (*accepts)(const double *y, size_t cols);
  const char *targets[2];

  bool per_entry; /* the mean is over all entries, not over the rows */
  bool squares;   /* the sum of squared errors: what least squares minimise */
} lsq_loss;

/* The records are called lsq_loss_NAME; this is the order in which they are listed. */
/* clang-format off */
#define LSQ_LOSSES(each) \
  each(mse) \
  each(cross_entropy) \
  each(huber) \
  each(poisson) \
  each(quantile) \
  each(absolute)
/* clang-format on */

#define LSQ_DECLARE_LOSS(name) extern const lsq_loss lsq_loss_##name;
LSQ_LOSSES(LSQ_DECLARE_LOSS)

/* All of them and their names, in that order, NULL after the last. */
extern const lsq_loss *const lsq_losses[];
extern const char *const lsq_loss_names[];

/* Sum of the loss over the rows of output (n x c), each times its weight; weights NULL: all 1. */
double lsq_loss_sum(const lsq_loss *loss, double parameter, const lsq_matrix *output,
                    const lsq_matrix *y, const double *weights);

/* The same sum up to rounding, and output becomes scale * d(sum)/d(output). */
double lsq_loss_backward(const lsq_loss *loss, double parameter, const lsq_matrix *output,
                         const lsq_matrix *y, const double *weights, double scale);

/* What the sum is divided by: n, the sum of the weights, or n*c where the mean is over entries. */
double lsq_loss_count(const lsq_loss *loss, double weight, size_t cols);

/* Rows of raw output become what is expected of y, in place. */
void lsq_loss_mean(const lsq_loss *loss, const lsq_matrix *output);

/* Whether y can be the targets of the loss; when not, *row is the first (0-based) that cannot. */
bool lsq_loss_accepts(const lsq_loss *loss, const lsq_matrix *y, size_t *row);

/* What a row of targets has to be, for messages. */
static inline const char *lsq_loss_targets(const lsq_loss *loss, size_t cols) {
  return loss->targets[cols > 1];
}

#endif
