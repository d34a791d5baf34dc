/* The activation functions. Each is one record, in a file of its own or with its kin
   (activation_*.c); everybody else asks the record. */
#ifndef LSQ_NN_ACTIVATION_H
#define LSQ_NN_ACTIVATION_H

#include "base/matrix.h"

/* The kernels go over `count` consecutive numbers. A NaN comes out as NaN. */
typedef struct {
  const char *name; /* in Lua and in files */

  /* z <- sigma(z). NULL: z stays. */
  void (*forward)(double alpha, double *z, size_t count);

  /* delta <- delta * sigma'(z), given a = sigma(z); z too where needs_z says so, otherwise it may
     be NULL. At the kink of relu and leaky_relu the derivative is the left one (0 and alpha), as
     in PyTorch. NULL: delta stays. */
  void (*backward)(double alpha, const double *z, const double *a, double *delta, size_t count);
  bool needs_z;

  /* values <- sigma^-1(values) of values brought into [low, high] first, to 4 units in the last
     place (sigmoid: of max(|result|, 1)). NULL: there is none, or it is the identity. */
  void (*inverse)(double alpha, double low, double high, double *values, size_t count);
  bool invertible;  /* of piecewise linear ones: where the slope below 0 is not 0 */
  double low, high; /* the ends of the open range */

  /* Whether sigma(z) is z above 0 and (below + below_alpha * alpha) z below. */
  bool piecewise_linear;
  double below, below_alpha;
} lsq_activation;

/* The records are called lsq_activation_NAME; this is the order in which they are listed. */
/* clang-format off */
#define LSQ_ACTIVATIONS(each) \
  each(identity) \
  each(relu) \
  each(leaky_relu) \
  each(elu) \
  each(tanh) \
  each(sigmoid) \
  each(gelu) \
  each(silu) \
  each(softplus) \
  each(sine)
/* clang-format on */

#define LSQ_DECLARE_ACTIVATION(name) extern const lsq_activation lsq_activation_##name;
LSQ_ACTIVATIONS(LSQ_DECLARE_ACTIVATION)

/* All of them and their names, in that order, NULL after the last. */
extern const lsq_activation *const lsq_activations[];
extern const char *const lsq_activation_names[];

/* z <- sigma(z). alpha is the slope of leaky_relu below 0. */
void lsq_activate(const lsq_activation *activation, double alpha, const lsq_matrix *z);

/* delta <- delta * sigma'(z), given a = sigma(z), all of the same shape; z may be NULL unless the
   activation needs it. */
void lsq_activation_backward(const lsq_activation *activation, double alpha, const lsq_matrix *z,
                             const lsq_matrix *a, const lsq_matrix *delta);

/* Of a piecewise linear activation: its slope below 0; above it is 1. */
static inline double lsq_activation_slope(const lsq_activation *activation, double alpha) {
  return activation->below + activation->below_alpha * alpha;
}

/* Whether it leaves everything as it is. */
static inline bool lsq_activation_is_linear(const lsq_activation *activation) {
  return activation->piecewise_linear && activation->below == 1;
}

/* Whether it bends at 0 and is straight elsewhere: relu and leaky_relu. */
static inline bool lsq_activation_has_kink(const lsq_activation *activation) {
  return activation->piecewise_linear && activation->below != 1;
}

static inline bool lsq_activation_is_relu(const lsq_activation *activation) {
  return activation->piecewise_linear && activation->below == 0 && activation->below_alpha == 0;
}

/* Whether a value tells what it came from: not of relu, nor of leaky_relu with alpha = 0. */
bool lsq_activation_is_invertible(const lsq_activation *activation, double alpha);

/* Values are brought into the open range of the activation, at least `margin` from its ends. */
void lsq_activation_clip(const lsq_activation *activation, double margin, const lsq_matrix *values);

/* values <- sigma^-1(clipped values); they stay what they are where there is no inverse. */
void lsq_activation_invert(const lsq_activation *activation, double alpha, double margin,
                           const lsq_matrix *values);

#endif
