/* A net with what it computes on the training data, and the exact fit of its output layer. */
#ifndef LSQ_TRAIN_ILLS_POINT_H
#define LSQ_TRAIN_ILLS_POINT_H

#include "base/arena.h"
#include "base/rows.h"
#include "base/status.h"
#include "nn/network.h"

typedef enum { LSQ_DEVIATION_LOCAL, LSQ_DEVIATION_CHAIN, LSQ_DEVIATION_FULL } lsq_deviation;
typedef enum { LSQ_WEIGHTING_NONE, LSQ_WEIGHTING_TARGET, LSQ_WEIGHTING_SECANT } lsq_weighting;

/* The options of a sweep, their defaults resolved. */
typedef struct {
  lsq_deviation deviation;
  lsq_weighting weighting; /* none for an identity output */
  bool joint, anchor, refit;
  double target_cap, target_margin, clip_margin, rcond, deviation_rcond;
  size_t block_rows; /* 0: chosen */
} lsq_ills_settings;

typedef struct {
  lsq_network net;
  lsq_matrix *inputs; /* of layer l: N x (widths[l] + 1), the last column 1 */
  lsq_matrix *z;      /* of layer l before activation: N x widths[l + 1] */
  lsq_matrix *a;      /* and after it; contiguous, as inputs[l + 1] is not */
  double loss;        /* mse against Y */
  double objective;   /* of the guard */
} lsq_ills_point;

/* The triangular factorisation of a fit with few inputs (linalg/narrow.h). */
typedef struct {
  double *q, *r;
  bool valid;
} lsq_ills_factor;

/* What the rows of least-squares systems are scaled by. */
typedef struct {
  const lsq_matrix *weighting; /* of the output's residuals, N x c; NULL: all 1 */
  const double *roots;         /* of the sample weights, N; NULL: all 1 */
} lsq_ills_scale;

/* Of row i in the system of output k. */
static inline double lsq_ills_scale_of(const lsq_ills_scale *scale, size_t i, size_t k) {
  const double weight = scale->weighting == NULL ? 1 : lsq_matrix_row(scale->weighting, i)[k];
  return scale->roots == NULL ? weight : scale->roots[i] * weight;
}

/* What the fits of the layers share. */
typedef struct {
  const lsq_ills_settings *settings;
  const lsq_rows *rows;
  double weight;        /* of all rows */
  double *roots;        /* of the sample weights; NULL: all 1 */
  lsq_ills_scale scale; /* of the rows of the output layer's fit */
  lsq_matrix y;         /* a contiguous copy, N x c */
  lsq_matrix clipped;   /* Y within the range of the output activation, N x c */
  lsq_matrix targets;   /* H = sigma^-1(clipped), N x c */
  lsq_matrix slopes;    /* sigma'(H), N x c */
  lsq_matrix weights;   /* the output's weighting, N x c, of the point it was last computed at */
  lsq_matrix scaled;    /* a layer's inputs, rows scaled */
  lsq_matrix scaled_targets; /* where samples have weights */
  lsq_matrix column;         /* N x 1 */
  lsq_matrix solution;
  lsq_ills_factor first;  /* of X, rows scaled, which every fit of layer 0 takes */
  lsq_ills_factor factor; /* of the last fit of another layer */
  void *workspace;        /* of the least squares */
} lsq_ills_output;

void lsq_ills_point_place(lsq_ills_point *point, lsq_arena *arena, const lsq_network *net,
                          size_t rows);
void lsq_ills_output_place(lsq_ills_output *output, lsq_arena *arena, const lsq_network *net,
                           const lsq_ills_settings *settings, const lsq_rows *rows);

/* The inputs of layer 0 are x for good; the net's parameters are copied. */
void lsq_ills_point_start(lsq_ills_point *point, const lsq_network *net, const lsq_matrix *x);
void lsq_ills_output_start(lsq_ills_output *output, const lsq_ills_point *point,
                           const lsq_rows *rows);

/* What a fit of layer l takes: its inputs, with the column of ones where it has a bias. */
static inline lsq_matrix lsq_ills_fit_inputs(const lsq_ills_point *point, size_t l) {
  lsq_matrix p = point->inputs[l];
  p.cols -= point->net.layers[l].bias == NULL;
  return p;
}

/* Everything of the point from its parameters, from layer `first` on. */
void lsq_ills_forward(lsq_ills_point *point, size_t first);

/* Computes the output's weighting at the point. */
void lsq_ills_weigh(lsq_ills_output *output, const lsq_ills_point *point);

/* The output layer's inputs, their rows scaled for output k: `scaled`, unless all count alike. */
lsq_matrix lsq_ills_weighted_inputs(lsq_ills_output *output, const lsq_ills_point *point, size_t k);

/* Factorises what has few columns; factor->valid says whether it could. */
void lsq_ills_factorise(const lsq_matrix *inputs, lsq_ills_factor *factor);

/* The layer l of `to` that takes the inputs of `from` nearest to the targets (N x width) by the
   samples' weights, at minimum norm. Without to->net's bias the ones are left out. */
lsq_status lsq_ills_fit_layer(lsq_ills_output *output, const lsq_ills_point *from, size_t l,
                              const lsq_matrix *targets, lsq_network *to, lsq_error *error);

/* The output layer nearest to H at weights computed here, then z, output, loss and objective
   of the point, whose inputs are valid. */
lsq_status lsq_ills_fit_output(lsq_ills_output *output, lsq_ills_point *point, lsq_error *error);

/* The objective that is rounding alone. */
double lsq_ills_floor(const lsq_ills_output *output);

/* loss and objective, from z and output. */
void lsq_ills_measure(const lsq_ills_output *output, lsq_ills_point *point);

#endif
