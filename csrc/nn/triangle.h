/* Triangle networks (Compelling ReLU Networks to Exhibit Exponentially Many Linear Regions,
   section 3 and A.1): on [0, 1], with T_i the triangle whose peak is at a_i and
   W_i = T_i o ... o T_0,

     F(x) = x + sigma sum_{i<d} s_i W_i(x),   s_i = S_0 ... S_i,

   a ReLU net of d hidden layers of 4 with exactly 2^d linear pieces. F is differentiable in
   the limit of many layers where the scales S are enforced: S_i = (1 - a_i) a_{i+1}, but
   S_0 = a_0 a_1 where the waves are subtracted. The peak a_d only enters S_{d-1}. */
#ifndef LSQ_NN_TRIANGLE_H
#define LSQ_NN_TRIANGLE_H

#include "nn/network.h"

enum {
  LSQ_TRIANGLE_MOST_LAYERS = 40, /* s_i is about 4^-i: deeper waves are below rounding */
  LSQ_TRIANGLE_WIDTH = 4         /* neurons: sum, two of the triangle, one that carries biases */
};

typedef struct {
  size_t depth;     /* d, at least 1 */
  bool subtracted;  /* sigma = -1: F is convex */
  bool free_scales; /* S_0 .. S_{d-1} follow the peaks as parameters of their own */
  size_t parameter_count;
  double *parameters; /* a_0 .. a_d, S */
} lsq_triangle;

void lsq_triangle_place(lsq_triangle *triangle, lsq_arena *arena, size_t depth, bool free_scales);

/* The enforced scales S_0 .. S_{d-1} of the peaks. */
void lsq_triangle_enforced(size_t depth, bool subtracted, const double *peaks, double *scales);

/* A fresh peak: uniform in [0.2, 0.8). */
double lsq_triangle_draw_peak(lsq_random *random);

/* Fresh peaks, and the scales they enforce. */
void lsq_triangle_draw(lsq_triangle *triangle, lsq_random *random);

/* out = F(x), n x 1 both, everywhere what the dense net gives. */
void lsq_triangle_predict(const lsq_triangle *triangle, const lsq_matrix *x, const lsq_matrix *out);

/* The mean squared error, by weights (n; NULL: all 1); gradient (parameter_count) = its
   derivatives, NULL: not asked for. Time O(n d), no matrices. */
double lsq_triangle_gradient(const lsq_triangle *triangle, const lsq_matrix *x, const lsq_matrix *y,
                             const double *weights, double *gradient);

/* Adds J'WJ (parameter_count square, lower) and J'Wr of the residuals F(x) - y, W the weights (n;
   NULL: all 1); returns r'Wr. */
double lsq_triangle_normal(const lsq_triangle *triangle, const lsq_matrix *x, const lsq_matrix *y,
                           const double *weights, const lsq_matrix *matrix, double *gradient);

/* Writes the weights of the equal dense net: layers {1, 4, ..., 4, 1}, biases, relu. */
void lsq_triangle_set_weights(const lsq_triangle *triangle, lsq_network *net);

/* Gradients by sigma s_i (d) to those by the scales S_i (d): s_j holds S_i for every i <= j. */
void lsq_triangle_by_scale(size_t depth, double sigma, const double *scales, const double *by_wave,
                           double *by_scale);

/* Adds to by_peak (d + 1) what the enforced scales make of the gradient by them. */
void lsq_triangle_enforced_backward(size_t depth, bool subtracted, const double *peaks,
                                    const double *by_scale, double *by_peak);

#endif
