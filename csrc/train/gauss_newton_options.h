/* The options of gauss_newton, and what follows from them for a net and its data. */
#ifndef LSQ_TRAIN_GAUSS_NEWTON_OPTIONS_H
#define LSQ_TRAIN_GAUSS_NEWTON_OPTIONS_H

#include "train/curvature.h"
#include "train/trainer.h"

enum { LSQ_FORM_AUTO, LSQ_FORM_REFIT, LSQ_FORM_JOINT };
enum { LSQ_GRAM_AUTO, LSQ_GRAM_JACOBIAN, LSQ_GRAM_KRONECKER, LSQ_GRAM_PATTERN };
enum { LSQ_WARM_NONE, LSQ_WARM_ADAM };

typedef struct {
  int64_t iterations, gram_rows;
  double damping, lambda, gradient_tolerance;
  int form, gram, warm_start;
} lsq_gauss_newton_options;

extern const lsq_option lsq_gauss_newton_option_table[];

/* LSQ_MISUSE for options that do not go with the net. */
lsq_status lsq_gauss_newton_check(const lsq_problem *problem, const void *options,
                                  lsq_error *error);

/* Rows that J'J is summed over at a point: all, or some in proportion to what is unknown. */
size_t lsq_gauss_newton_rows(const lsq_problem *problem, const lsq_gauss_newton_options *options);

lsq_curvature_way lsq_gauss_newton_way(const lsq_problem *problem,
                                       const lsq_gauss_newton_options *options);

/* Whether the output layer is solved anew behind every step. */
bool lsq_gauss_newton_refits(const lsq_problem *problem, const lsq_gauss_newton_options *options);

#endif
