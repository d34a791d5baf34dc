#include <math.h>

#include "nn/activation.h"

static void forward(double alpha, double *z, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    z[i] = sin(z[i]);
}

static void backward(double alpha, const double *z, const double *a, double *delta, size_t count) {
  (void)alpha, (void)a;
  for (size_t i = 0; i < count; i++)
    delta[i] *= cos(z[i]);
}

const lsq_activation lsq_activation_sine = {.name = "sine",
                                            .forward = forward,
                                            .backward = backward,
                                            .needs_z = true,
                                            .low = -1,
                                            .high = 1};
