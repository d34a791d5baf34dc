#include "nn/triangle_blocks.h"

#include <string.h>

#include "base/rows.h"
#include "base/simd.h"
#include "nn/dense.h"
#include "nn/loss.h"
#include "nn/triangle.h"

enum { BLOCK = 32, MOST = LSQ_TRIANGLE_MOST_LAYERS }; /* BLOCK: samples that go together */

void lsq_triangle_blocks_place(lsq_triangle_blocks *self, lsq_arena *arena, size_t depth,
                               size_t layers, const size_t *widths) {
  const size_t outputs = widths[layers + 1];
  *self = (lsq_triangle_blocks){.depth = depth, .layers = layers};
  for (size_t l = 0; l < layers; l++) /* weight, offset, factor, peaks */
    self->parameter_count =
        lsq_size_add(self->parameter_count,
                     lsq_size_multiply(widths[l + 1], lsq_size_add(widths[l], depth + 3)));
  self->parameter_count =
      lsq_size_add(self->parameter_count, lsq_size_multiply(outputs, widths[layers] + 1));
  self->layer = lsq_arena_take(arena, layers, sizeof *self->layer);
  self->parameters = lsq_arena_doubles(arena, self->parameter_count);
  self->output = lsq_matrix_over(NULL, widths[layers], outputs);
  if (arena->base == NULL)
    return;
  for (size_t l = 0; l < layers; l++) {
    self->layer[l].weight = lsq_matrix_over(NULL, widths[l], widths[l + 1]);
    self->layer[l].peaks = lsq_matrix_over(NULL, widths[l + 1], depth + 1);
  }
  lsq_triangle_blocks_point(self, self->parameters);
}

void lsq_triangle_blocks_point(lsq_triangle_blocks *self, double *parameters) {
  self->parameters = parameters;
  for (size_t l = 0; l < self->layers; l++) {
    lsq_block_layer *layer = &self->layer[l];
    const size_t blocks = layer->weight.cols;
    layer->weight.data = parameters;
    parameters += layer->weight.rows * blocks;
    layer->offset = parameters;
    layer->factor = parameters + blocks;
    layer->peaks.data = parameters + 2 * blocks;
    parameters += 2 * blocks + blocks * layer->peaks.cols;
  }
  self->output.data = parameters;
  self->output_bias = parameters + self->output.rows * self->output.cols;
}

static double sign_of(const lsq_triangle_blocks *self, size_t block) {
  if (self->signs == LSQ_SIGNS_ALTERNATING)
    return block % 2 == 0 ? 1 : -1;
  return self->signs == LSQ_SIGNS_ADDED ? 1 : -1;
}

/* --- one block on BLOCK samples ----------------------------------------------------------- */

typedef struct {
  size_t depth;
  double factor, sigma;
  const double *peaks;
  double turns[MOST + 1]; /* b_0 .. b_d */
  double scales[MOST];    /* S_i */
  double waves[MOST];     /* sigma s_i */
  double constant;        /* sum of sigma s_i */
} fold_sum;

static fold_sum folds_of(const lsq_triangle_blocks *self, const lsq_block_layer *layer, size_t k) {
  fold_sum f = {.depth = self->depth,
                .factor = layer->factor[k],
                .sigma = sign_of(self, k),
                .peaks = lsq_matrix_row(&layer->peaks, k)};
  double product = f.sigma;
  lsq_triangle_enforced(f.depth, f.sigma < 0, f.peaks, f.scales);
  for (size_t i = 0; i <= f.depth; i++)
    f.turns[i] = i == 0 ? f.peaks[0] : 1 - f.peaks[i];
  for (size_t i = 0; i < f.depth; i++) {
    f.waves[i] = product *= f.scales[i];
    f.constant += product;
  }
  return f;
}

/* out = block(z); inner: v_0 = z, v_i = V_{i-1}. */
LSQ_INLINE void fold_forward(const fold_sum *f, const double *z, double inner[][BLOCK],
                             double *out) {
#pragma omp simd
  for (size_t n = 0; n < BLOCK; n++) {
    inner[0][n] = z[n];
    out[n] = f->factor * z[n] + f->constant;
  }
  for (size_t i = 0; i < f->depth; i++) {
    const double b = f->turns[i], left = 1 / b, right = 1 / (1 - b), share = f->waves[i];
    const double *v = inner[i];
#pragma omp simd
    for (size_t n = 0; n < BLOCK; n++) {
      const double folded = v[n] <= b ? (b - v[n]) * left : (v[n] - b) * right;
      inner[i + 1][n] = folded;
      out[n] -= share * folded;
    }
  }
}

LSQ_CLONES static void block_forward(const fold_sum *f, const double *z, double *out) {
  double inner[MOST + 1][BLOCK];
  fold_forward(f, z, inner, out);
}

/* From g = dL/d block(z), which becomes dL/dz: adds to the gradients by r, by the peaks
   through the folds, and by sigma s_i. */
LSQ_CLONES static void block_backward(const fold_sum *f, const double *z, double *g,
                                      double *by_factor, double *by_peak, double *by_wave) {
  double inner[MOST + 1][BLOCK], out[BLOCK], d[BLOCK] = {0}; /* d: dL/dV_i */
  double factor = 0;
  fold_forward(f, z, inner, out);
  for (size_t i = f->depth; i-- > 0;) {
    const double b = f->turns[i], left = 1 / b, right = 1 / (1 - b), share = f->waves[i];
    const double *v = inner[i], *folded = inner[i + 1];
    double turn = 0, wave = 0;
#pragma omp simd reduction(+ : turn, wave)
    for (size_t n = 0; n < BLOCK; n++) {
      const double here = d[n] - share * g[n];
      wave += g[n] * (1 - folded[n]);
      turn += here * (v[n] <= b ? v[n] * left * left : (v[n] - 1) * right * right);
      d[n] = here * (v[n] <= b ? -left : right);
    }
    by_peak[i] += i == 0 ? turn : -turn;
    by_wave[i] += wave;
  }
#pragma omp simd reduction(+ : factor)
  for (size_t n = 0; n < BLOCK; n++) {
    factor += g[n] * z[n];
    g[n] = f->factor * g[n] + d[n];
  }
  *by_factor += factor;
}

/* --- all rows ----------------------------------------------------------------------------- */

typedef struct {
  lsq_matrix *z, *f; /* of each layer: rows x blocks, what its blocks take and give */
  lsq_matrix output; /* rows x outputs */
} block_work;

static void layout(block_work *work, lsq_arena *arena, const lsq_triangle_blocks *self,
                   size_t rows) {
  work->z = lsq_arena_take(arena, self->layers, sizeof *work->z);
  work->f = lsq_arena_take(arena, self->layers, sizeof *work->f);
  work->output = lsq_arena_matrix(arena, rows, self->output.cols);
  for (size_t l = 0; l < self->layers; l++) {
    const lsq_matrix z = lsq_arena_matrix(arena, rows, self->layer[l].weight.cols);
    const lsq_matrix f = lsq_arena_matrix(arena, rows, self->layer[l].weight.cols);
    if (arena->base == NULL)
      continue;
    work->z[l] = z;
    work->f[l] = f;
  }
}

size_t lsq_triangle_blocks_workspace(const lsq_triangle_blocks *self, size_t rows) {
  block_work work;
  lsq_arena arena = lsq_arena_measure();
  layout(&work, &arena, self, rows);
  return arena.used;
}

/* Column k of rows first .. , with zeros where there is no row; returns how many there are. */
static size_t take(const lsq_matrix *m, size_t first, size_t k, double *block) {
  const size_t count = lsq_size_min(m->rows - first, BLOCK);
  for (size_t n = 0; n < BLOCK; n++)
    block[n] = n < count ? lsq_matrix_row(m, first + n)[k] : 0;
  return count;
}

static void put(const double *block, size_t count, const lsq_matrix *m, size_t first, size_t k) {
  for (size_t n = 0; n < count; n++)
    lsq_matrix_row(m, first + n)[k] = block[n];
}

static void layer_forward(const lsq_triangle_blocks *self, size_t l, const lsq_matrix *in,
                          const block_work *work) {
  const lsq_block_layer *layer = &self->layer[l];
  const lsq_matrix *z = &work->z[l];
  double block[BLOCK], out[BLOCK];
  lsq_dense_forward(in, &layer->weight, layer->offset, z);
  for (size_t k = 0; k < z->cols; k++) {
    const fold_sum folds = folds_of(self, layer, k);
    for (size_t first = 0, count; first < z->rows; first += count) {
      count = take(z, first, k, block);
      block_forward(&folds, block, out);
      put(out, count, &work->f[l], first, k);
    }
  }
}

static void forward(const lsq_triangle_blocks *self, const lsq_matrix *x, const block_work *work,
                    const lsq_matrix *output) {
  for (size_t l = 0; l < self->layers; l++)
    layer_forward(self, l, l == 0 ? x : &work->f[l - 1], work);
  lsq_dense_forward(&work->f[self->layers - 1], &self->output, self->output_bias, output);
}

void lsq_triangle_blocks_predict(const lsq_triangle_blocks *self, const lsq_matrix *x,
                                 const lsq_matrix *out, void *workspace) {
  block_work work;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&work, &arena, self, x->rows);
  forward(self, x, &work, out);
}

/* work->f[l] holds dL/d(blocks); work->z[l] becomes dL/dz. */
static void layer_backward(const lsq_triangle_blocks *self, size_t l, const block_work *work,
                           const lsq_block_layer *gradient) {
  const lsq_block_layer *layer = &self->layer[l];
  const lsq_matrix *z = &work->z[l];
  double block[BLOCK], g[BLOCK];
  for (size_t k = 0; k < z->cols; k++) {
    const fold_sum folds = folds_of(self, layer, k);
    double *by_peak = lsq_matrix_row(&gradient->peaks, k), by_wave[MOST] = {0}, by_scale[MOST];
    for (size_t first = 0, count; first < z->rows; first += count) {
      count = take(z, first, k, block);
      take(&work->f[l], first, k, g);
      block_backward(&folds, block, g, &gradient->factor[k], by_peak, by_wave);
      put(g, count, z, first, k);
    }
    lsq_triangle_by_scale(folds.depth, folds.sigma, folds.scales, by_wave, by_scale);
    lsq_triangle_enforced_backward(folds.depth, folds.sigma < 0, folds.peaks, by_scale, by_peak);
  }
}

double lsq_triangle_blocks_gradient(const lsq_triangle_blocks *self, const lsq_matrix *x,
                                    const lsq_matrix *y, const double *weights, double *gradient,
                                    void *workspace) {
  const lsq_rows rows = {.x = x, .weights = weights};
  block_work work;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&work, &arena, self, x->rows);
  forward(self, x, &work, &work.output);
  const double count = lsq_loss_count(self->loss, lsq_rows_weight(&rows), y->cols);
  if (gradient == NULL)
    return lsq_loss_sum(self->loss, self->loss->standard, &work.output, y, weights) / count;

  const double sum =
      lsq_loss_backward(self->loss, self->loss->standard, &work.output, y, weights, 1 / count);
  memset(gradient, 0, self->parameter_count * sizeof *gradient);
  double *end = gradient + (self->output.data - self->parameters);
  const lsq_matrix *last = &work.f[self->layers - 1];
  lsq_matrix into = lsq_matrix_over(end, self->output.rows, self->output.cols);
  lsq_dense_gradient(last, &work.output, &into, end + into.rows * into.cols);
  lsq_dense_backward(&work.output, &self->output, last);
  for (size_t l = self->layers; l-- > 0;) {
    const lsq_block_layer *layer = &self->layer[l];
    lsq_block_layer part = *layer;
    part.weight.data = gradient + (layer->weight.data - self->parameters);
    part.offset = gradient + (layer->offset - self->parameters);
    part.factor = gradient + (layer->factor - self->parameters);
    part.peaks.data = gradient + (layer->peaks.data - self->parameters);
    layer_backward(self, l, &work, &part);
    lsq_dense_gradient(l == 0 ? x : &work.f[l - 1], &work.z[l], &part.weight, part.offset);
    if (l > 0)
      lsq_dense_backward(&work.z[l], &layer->weight, &work.f[l - 1]);
  }
  return sum / count;
}

/* --- fresh draws -------------------------------------------------------------------------- */

/* Scales direction k, already in the weight's column, such that z covers [0, 1]. */
static void cover(const lsq_block_layer *layer, size_t k, const lsq_matrix *in,
                  const double *weights) {
  const size_t blocks = layer->weight.cols;
  double *column = layer->weight.data + k, low = HUGE_VAL, high = -HUGE_VAL;
  for (size_t n = 0; n < in->rows; n++) {
    double z = 0;
    if (weights != NULL && weights[n] == 0)
      continue;
    for (size_t p = 0; p < in->cols; p++)
      z += lsq_matrix_row(in, n)[p] * column[p * blocks];
    low = fmin(low, z);
    high = fmax(high, z);
  }
  const double range = high > low ? high - low : 1;
  for (size_t p = 0; p < in->cols; p++)
    column[p * blocks] /= range;
  layer->offset[k] = in->rows == 0 ? 0 : -low / range;
}

static void draw_block(const lsq_block_layer *layer, size_t k, lsq_random *random) {
  const size_t inputs = layer->weight.rows, blocks = layer->weight.cols;
  double norm = 0, *peaks = lsq_matrix_row(&layer->peaks, k);
  for (size_t p = 0; p < inputs; p++) {
    const double u = lsq_random_normal(random);
    layer->weight.data[p * blocks + k] = u;
    norm += u * u;
  }
  for (size_t p = 0; p < inputs; p++)
    layer->weight.data[p * blocks + k] /= sqrt(norm);
  for (size_t i = 0; i < layer->peaks.cols; i++)
    peaks[i] = lsq_triangle_draw_peak(random);
  layer->factor[k] = 0;
}

void lsq_triangle_blocks_draw(lsq_triangle_blocks *self, const lsq_matrix *x, const double *weights,
                              lsq_random *random, void *workspace) {
  block_work work;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&work, &arena, self, x->rows);
  const lsq_matrix *in = x;
  for (size_t l = 0; l < self->layers; l++) {
    for (size_t k = 0; k < self->layer[l].weight.cols; k++) {
      draw_block(&self->layer[l], k, random);
      cover(&self->layer[l], k, in, weights);
    }
    layer_forward(self, l, in, &work);
    in = &work.f[l];
  }
  const double deviation = 1 / sqrt((double)self->output.rows);
  const bool positive = self->output.cols == 1;
  for (size_t i = 0; i < self->output.rows * self->output.cols; i++) {
    const double drawn = deviation * lsq_random_normal(random);
    self->output.data[i] = positive ? fabs(drawn) : drawn;
  }
  for (size_t j = 0; j < self->output.cols; j++)
    self->output_bias[j] = 0;
}

/* --- the equal dense net ------------------------------------------------------------------ */

enum { PLUS, MINUS, BELOW, ABOVE, CARRY, WIDTH = LSQ_BLOCK_WIDTH }; /* a block's neurons */

void lsq_triangle_blocks_widths(const lsq_triangle_blocks *self, size_t *widths) {
  *widths++ = lsq_triangle_blocks_inputs(self);
  for (size_t l = 0; l < self->layers; l++)
    for (size_t i = 0; i < self->depth; i++)
      *widths++ = WIDTH * self->layer[l].weight.cols;
  *widths = self->output.cols;
}

/* The linear form of a block's neurons, behind wave i, that is the sum so far. */
static void sum_form(const fold_sum *f, size_t i, double *form) {
  const double scale = f->sigma * f->scales[i];
  form[PLUS] = 1;
  form[MINUS] = -1;
  form[BELOW] = -scale / f->turns[i];
  form[ABOVE] = -scale / (1 - f->turns[i]);
  form[CARRY] = scale;
}

/* Sets the I layer's columns of block k to factor times the linear form z, of which `from`
   (count) are weights of consecutive inputs from `first`. */
static void set_input_rows(const lsq_layer *into, size_t k, const fold_sum *f, size_t first,
                           const double *from, size_t count) {
  for (size_t p = 0; p < count; p++) {
    double *row = lsq_matrix_row(&into->weight, first + p) + k * WIDTH;
    row[PLUS] = f->factor * from[p];
    row[MINUS] = -f->factor * from[p];
    row[BELOW] = -from[p];
    row[ABOVE] = from[p];
  }
}

static void set_input_bias(const lsq_layer *into, size_t k, const fold_sum *f, double offset) {
  double *bias = into->bias + k * WIDTH;
  bias[PLUS] = f->factor * offset;
  bias[MINUS] = -f->factor * offset;
  bias[BELOW] = f->turns[0] - offset;
  bias[ABOVE] = offset - f->turns[0];
  bias[CARRY] = 1;
}

static void set_input(const lsq_triangle_blocks *self, size_t l, const lsq_layer *into) {
  const lsq_block_layer *layer = &self->layer[l];
  for (size_t k = 0; k < layer->weight.cols; k++) {
    const fold_sum folds = folds_of(self, layer, k);
    set_input_bias(into, k, &folds, layer->offset[k]);
    for (size_t p = 0; p < layer->weight.rows; p++) {
      const double weight = lsq_matrix_row(&layer->weight, p)[k];
      double form[WIDTH];
      if (l == 0) {
        set_input_rows(into, k, &folds, p, &weight, 1);
        continue;
      }
      const fold_sum below = folds_of(self, &self->layer[l - 1], p);
      sum_form(&below, below.depth - 1, form);
      for (size_t q = 0; q < WIDTH; q++)
        form[q] *= weight;
      set_input_rows(into, k, &folds, p * WIDTH, form, WIDTH);
    }
  }
}

/* Hidden layer behind wave i of block k. */
static void set_hidden(const fold_sum *f, size_t i, size_t k, const lsq_layer *into) {
  double form[WIDTH];
  const double scale = f->scales[i], below = scale / f->turns[i], above = scale / (1 - f->turns[i]);
  sum_form(f, i, form);
  for (size_t p = 0; p < WIDTH; p++) {
    double *row = lsq_matrix_row(&into->weight, k * WIDTH + p) + k * WIDTH;
    const double folded = p == BELOW ? below : p == ABOVE ? above : 0;
    const double turn = p == CARRY ? scale * f->turns[i + 1] : 0;
    row[PLUS] = form[p];
    row[MINUS] = -form[p];
    row[BELOW] = turn - folded;
    row[ABOVE] = folded - turn;
    row[CARRY] = p == CARRY ? scale : 0;
  }
}

void lsq_triangle_blocks_set_weights(const lsq_triangle_blocks *self, lsq_network *net) {
  const lsq_layer *into = net->layers;
  double form[WIDTH];
  memset(net->parameters, 0, net->parameter_count * sizeof *net->parameters);
  for (size_t l = 0; l < self->layers; l++, into += self->depth) {
    set_input(self, l, into);
    for (size_t k = 0; k < self->layer[l].weight.cols; k++) {
      const fold_sum folds = folds_of(self, &self->layer[l], k);
      for (size_t i = 0; i + 1 < self->depth; i++)
        set_hidden(&folds, i, k, into + i + 1);
    }
  }
  for (size_t k = 0; k < self->output.rows; k++) {
    const fold_sum folds = folds_of(self, &self->layer[self->layers - 1], k);
    sum_form(&folds, self->depth - 1, form);
    for (size_t p = 0; p < WIDTH; p++)
      for (size_t j = 0; j < self->output.cols; j++)
        lsq_matrix_row(&into->weight, k * WIDTH + p)[j] =
            form[p] * lsq_matrix_row(&self->output, k)[j];
  }
  memcpy(into->bias, self->output_bias, self->output.cols * sizeof *into->bias);
}

void lsq_triangle_blocks_mask(const lsq_triangle_blocks *self, const lsq_network *net,
                              double *mask) {
  for (size_t i = 0; i < net->parameter_count; i++)
    mask[i] = 1;
  for (size_t k = 0; k + 1 < net->depth; k++) {
    const lsq_matrix *weight = &net->layers[k].weight;
    if (k % self->depth == 0) /* into a layer of blocks: dense */
      continue;
    for (size_t p = 0; p < weight->rows; p++)
      for (size_t q = 0; q < weight->cols; q++)
        if (p / WIDTH != q / WIDTH)
          mask[(size_t)(weight->data - net->parameters) + p * weight->cols + q] = 0;
  }
}
