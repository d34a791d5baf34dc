#include "nn/triangle.h"

#include <string.h>

#include "base/rows.h"
#include "base/simd.h"

enum { BLOCK = 32, MOST = LSQ_TRIANGLE_MOST_LAYERS }; /* BLOCK: samples that go together */

/* What does not depend on the sample. */
typedef struct {
  size_t depth;
  double sigma;
  const double *peaks;
  double scales[MOST]; /* S_i */
  double waves[MOST];  /* sigma s_i */
} wave_sum;

/* A block of samples on its way through the layers. The sum neuron passes a ReLU behind every
   layer but the last: where it is cut off, what came before is lost. */
typedef struct {
  double inner[MOST + 1][BLOCK]; /* v_0 = relu(x), v_i = relu(W_{i-1}) */
  double wave[MOST][BLOCK];      /* W_i */
  double open[MOST][BLOCK];      /* 1 where the sum before wave i passed its ReLU, else 0 */
  double sum[BLOCK];             /* F */
  /* Backwards: dF/da_i through the triangles alone, and dF/d(sigma s_i), times r. */
  double by_peak[MOST][BLOCK], by_wave[MOST][BLOCK];
} wave_block;

void lsq_triangle_place(lsq_triangle *triangle, lsq_arena *arena, size_t depth, bool free_scales) {
  const size_t count = 1 + depth + (free_scales ? depth : 0);
  *triangle = (lsq_triangle){.depth = depth, .free_scales = free_scales, .parameter_count = count};
  triangle->parameters = lsq_arena_doubles(arena, count);
}

void lsq_triangle_enforced(size_t depth, bool subtracted, const double *peaks, double *scales) {
  for (size_t i = 0; i < depth; i++)
    scales[i] = (i == 0 && subtracted ? peaks[0] : 1 - peaks[i]) * peaks[i + 1];
}

void lsq_triangle_enforced_backward(size_t depth, bool subtracted, const double *peaks,
                                    const double *by_scale, double *by_peak) {
  for (size_t i = 0; i < depth; i++) {
    const bool first = i == 0 && subtracted;
    by_peak[i] += (first ? 1 : -1) * by_scale[i] * peaks[i + 1];
    by_peak[i + 1] += by_scale[i] * (first ? peaks[i] : 1 - peaks[i]);
  }
}

/* Without dividing by S_i, which may be 0 where it is free. */
void lsq_triangle_by_scale(size_t depth, double sigma, const double *scales, const double *by_wave,
                           double *by_scale) {
  double tail = 0;
  for (size_t i = depth; i-- > 0;) {
    double before = sigma; /* sigma S_0 ... S_{i-1} */
    for (size_t j = 0; j < i; j++)
      before *= scales[j];
    tail = by_wave[i] + (i + 1 < depth ? scales[i + 1] * tail : 0);
    by_scale[i] = before * tail;
  }
}

double lsq_triangle_draw_peak(lsq_random *random) {
  return 0.2 + (0.8 - 0.2) * lsq_random_uniform(random);
}

void lsq_triangle_draw(lsq_triangle *triangle, lsq_random *random) {
  double *peaks = triangle->parameters;
  for (size_t i = 0; i <= triangle->depth; i++)
    peaks[i] = lsq_triangle_draw_peak(random);
  if (triangle->free_scales)
    lsq_triangle_enforced(triangle->depth, triangle->subtracted, peaks,
                          peaks + triangle->depth + 1);
}

static wave_sum waves_of(const lsq_triangle *triangle) {
  wave_sum waves = {.depth = triangle->depth,
                    .sigma = triangle->subtracted ? -1 : 1,
                    .peaks = triangle->parameters};
  double product = waves.sigma;
  if (triangle->free_scales)
    memcpy(waves.scales, waves.peaks + waves.depth + 1, waves.depth * sizeof *waves.scales);
  else
    lsq_triangle_enforced(waves.depth, triangle->subtracted, waves.peaks, waves.scales);
  for (size_t i = 0; i < waves.depth; i++)
    waves.waves[i] = product *= waves.scales[i];
  return waves;
}

LSQ_INLINE double positive(double v) {
  return v > 0 ? v : 0;
}

LSQ_INLINE void run_forward(const wave_sum *waves, const double *x, wave_block *b) {
#pragma omp simd
  for (size_t n = 0; n < BLOCK; n++)
    b->inner[0][n] = b->sum[n] = positive(x[n]);
  for (size_t i = 0; i < waves->depth; i++) {
    const double a = waves->peaks[i], rise = 1 / a, fall = 1 / (1 - a), share = waves->waves[i];
    const double *v = b->inner[i];
#pragma omp simd
    for (size_t n = 0; n < BLOCK; n++) {
      const double wave = v[n] <= a ? v[n] * rise : (1 - v[n]) * fall;
      b->wave[i][n] = wave;
      b->inner[i + 1][n] = positive(wave);
      b->open[i][n] = b->sum[n] > 0 ? 1 : 0;
      b->sum[n] = positive(b->sum[n]) + share * wave;
    }
  }
}

/* Fills by_peak and by_wave from r, a factor of each sample, which is overwritten. */
LSQ_INLINE void run_backward(const wave_sum *waves, double *r, wave_block *b) {
  double inner[BLOCK] = {0}; /* r dF/dW_i */
  for (size_t i = waves->depth; i-- > 0;) {
    const double a = waves->peaks[i], rise = 1 / a, fall = 1 / (1 - a), share = waves->waves[i];
    const double *v = b->inner[i];
#pragma omp simd
    for (size_t n = 0; n < BLOCK; n++) {
      const double d = inner[n] + share * r[n];
      b->by_wave[i][n] = r[n] * b->wave[i][n];
      b->by_peak[i][n] = d * (v[n] <= a ? -v[n] * rise * rise : (1 - v[n]) * fall * fall);
      inner[n] = v[n] > 0 ? d * (v[n] <= a ? rise : -fall) : 0;
      r[n] *= b->open[i][n];
    }
  }
}

/* The gradient from what the backward pass gives. */
static void collect(const lsq_triangle *triangle, const wave_sum *waves, const double *by_peak,
                    const double *by_wave, double *gradient) {
  const size_t d = waves->depth;
  double by_scale[MOST];
  lsq_triangle_by_scale(d, waves->sigma, waves->scales, by_wave, by_scale);
  memcpy(gradient, by_peak, d * sizeof *gradient);
  gradient[d] = 0;
  if (triangle->free_scales)
    memcpy(gradient + d + 1, by_scale, d * sizeof *gradient);
  else
    lsq_triangle_enforced_backward(d, triangle->subtracted, waves->peaks, by_scale, gradient);
}

/* Rows first .. of a column as a full block; a 0 stands where there is no row. */
static size_t take(const lsq_matrix *column, size_t first, double *block) {
  const size_t count = lsq_size_min(column->rows - first, BLOCK);
  for (size_t n = 0; n < BLOCK; n++)
    block[n] = n < count ? *lsq_matrix_row(column, first + n) : 0;
  return count;
}

LSQ_CLONES static void forward(const wave_sum *waves, const double *x, wave_block *b) {
  run_forward(waves, x, b);
}

LSQ_CLONES static void backward(const wave_sum *waves, double *r, wave_block *b) {
  run_backward(waves, r, b);
}

LSQ_INLINE double total(const double *block) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t n = 0; n < BLOCK; n++)
    sum += block[n];
  return sum;
}

/* Adds a block's part of the gradient of scale / 2 times the squared error by weights (NULL: all
   1), which it returns. */
LSQ_CLONES static double descend(const wave_sum *waves, const double *x, const double *y,
                                 const double *weights, size_t count, double scale, double *by_peak,
                                 double *by_wave) {
  wave_block b;
  double r[BLOCK] = {0}, squares[BLOCK] = {0};
  run_forward(waves, x, &b);
  for (size_t n = 0; n < count; n++) {
    const double residual = b.sum[n] - y[n];
    squares[n] = residual * residual;
    r[n] = scale * residual;
  }
  for (size_t n = 0; weights != NULL && n < count; n++) {
    squares[n] *= weights[n];
    r[n] *= weights[n];
  }
  if (by_peak != NULL) {
    run_backward(waves, r, &b);
    for (size_t i = 0; i < waves->depth; i++) {
      by_peak[i] += total(b.by_peak[i]);
      by_wave[i] += total(b.by_wave[i]);
    }
  }
  return total(squares);
}

void lsq_triangle_predict(const lsq_triangle *triangle, const lsq_matrix *x,
                          const lsq_matrix *out) {
  const wave_sum waves = waves_of(triangle);
  wave_block b;
  double block[BLOCK];
  for (size_t first = 0, count; first < x->rows; first += count) {
    count = take(x, first, block);
    forward(&waves, block, &b);
    for (size_t n = 0; n < count; n++)
      *lsq_matrix_row(out, first + n) = isnan(block[n]) ? block[n] : b.sum[n];
  }
}

double lsq_triangle_gradient(const lsq_triangle *triangle, const lsq_matrix *x, const lsq_matrix *y,
                             const double *weights, double *gradient) {
  const wave_sum waves = waves_of(triangle);
  double by_peak[MOST] = {0}, by_wave[MOST] = {0}, x_block[BLOCK], y_block[BLOCK], sum = 0;
  const lsq_rows rows = {.x = x, .weights = weights};
  const double weight = lsq_rows_weight(&rows);
  for (size_t first = 0, count; first < x->rows; first += count) {
    count = take(x, first, x_block);
    take(y, first, y_block);
    sum += descend(&waves, x_block, y_block, weights == NULL ? NULL : weights + first, count,
                   2 / weight, gradient == NULL ? NULL : by_peak, by_wave);
  }
  if (gradient != NULL)
    collect(triangle, &waves, by_peak, by_wave, gradient);
  return sum / weight;
}

double lsq_triangle_normal(const lsq_triangle *triangle, const lsq_matrix *x, const lsq_matrix *y,
                           const double *weights, const lsq_matrix *matrix, double *gradient) {
  const wave_sum waves = waves_of(triangle);
  const size_t count = triangle->parameter_count;
  wave_block b;
  double sum = 0, by_peak[MOST], by_wave[MOST], row[2 * MOST + 1]; /* row: of the Jacobian */
  for (size_t first = 0, rows; first < x->rows; first += rows) {
    double block[BLOCK], ones[BLOCK];
    rows = take(x, first, block);
    forward(&waves, block, &b);
    for (size_t n = 0; n < BLOCK; n++)
      ones[n] = 1;
    backward(&waves, ones, &b);
    for (size_t n = 0; n < rows; n++) {
      const double residual = b.sum[n] - *lsq_matrix_row(y, first + n);
      for (size_t i = 0; i < waves.depth; i++) {
        by_peak[i] = b.by_peak[i][n];
        by_wave[i] = b.by_wave[i][n];
      }
      collect(triangle, &waves, by_peak, by_wave, row);
      const double weight = weights == NULL ? 1 : weights[first + n];
      sum += weight * residual * residual;
      for (size_t i = 0; i < count; i++) {
        const double weighted = weight * row[i];
        gradient[i] += weighted * residual;
        for (size_t j = 0; j <= i; j++)
          lsq_matrix_row(matrix, i)[j] += weighted * row[j];
      }
    }
  }
  return sum;
}

enum { SUM, FIRST, SECOND, CARRY }; /* the neurons: W_{i-1}, relu(W_{i-1} - a_i), and 1 */

static void set_column(const lsq_matrix *weight, size_t column, double sum, double first,
                       double second, double carry) {
  lsq_matrix_row(weight, SUM)[column] = sum;
  lsq_matrix_row(weight, FIRST)[column] = first;
  lsq_matrix_row(weight, SECOND)[column] = second;
  lsq_matrix_row(weight, CARRY)[column] = carry;
}

void lsq_triangle_set_weights(const lsq_triangle *triangle, lsq_network *net) {
  const wave_sum waves = waves_of(triangle);
  const lsq_layer *input = &net->layers[0];
  memset(net->parameters, 0, net->parameter_count * sizeof *net->parameters);
  for (size_t neuron = SUM; neuron <= SECOND; neuron++)
    input->weight.data[neuron] = 1;
  input->bias[SECOND] = -waves.peaks[0];
  input->bias[CARRY] = 1;
  for (size_t i = 0; i < waves.depth; i++) {
    const lsq_matrix *weight = &net->layers[i + 1].weight;
    const double a = waves.peaks[i], scale = waves.scales[i];
    const double first = scale / a, second = -scale / (a - a * a);
    set_column(weight, SUM, 1, waves.sigma * first, waves.sigma * second, 0);
    if (i + 1 == waves.depth)
      return;
    set_column(weight, FIRST, 0, first, second, 0);
    set_column(weight, SECOND, 0, first, second, -scale * waves.peaks[i + 1]);
    set_column(weight, CARRY, 0, 0, 0, scale);
  }
}
