#include "train/ills_point.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "linalg/linalg.h"
#include "linalg/narrow.h"
#include "nn/blocks.h"
#include "nn/dense.h"

static const double LEAST_WEIGHT = 1e-6;
static const double ROUNDING = 0x1p-47; /* of rms residuals against rms targets */
static const double NEAR = 1e-9;        /* |H - z| below which the secant is the tangent */

void lsq_ills_point_place(lsq_ills_point *point, lsq_arena *arena, const lsq_network *net,
                          size_t rows) {
  lsq_network_place_like(&point->net, arena, net);
  point->inputs = lsq_arena_take(arena, net->depth, sizeof *point->inputs);
  point->z = lsq_arena_take(arena, net->depth, sizeof *point->z);
  point->a = lsq_arena_take(arena, net->depth, sizeof *point->a);
  for (size_t l = 0; l < net->depth; l++) {
    const lsq_matrix inputs = lsq_arena_matrix(arena, rows, net->layers[l].weight.rows + 1);
    const lsq_matrix z = lsq_arena_matrix(arena, rows, net->layers[l].weight.cols);
    const lsq_matrix a = lsq_arena_matrix(arena, rows, net->layers[l].weight.cols);
    if (point->inputs == NULL)
      continue;
    point->inputs[l] = inputs;
    point->z[l] = z;
    point->a[l] = a;
  }
}

static void place_factor(lsq_ills_factor *factor, lsq_arena *arena, size_t rows, size_t cols) {
  factor->q = lsq_arena_doubles(arena, lsq_size_multiply(rows, cols));
  factor->r = lsq_arena_doubles(arena, cols * cols);
}

void lsq_ills_output_place(lsq_ills_output *output, lsq_arena *arena, const lsq_network *net,
                           const lsq_ills_settings *settings, const lsq_rows *data) {
  const size_t rows = data->y->rows, c = data->y->cols;
  const bool weighted = data->weights != NULL;
  size_t bytes = 0, entries = 0, widest = 0, inputs = 0;
  size_t first = 0, others = 0; /* narrow inputs */
  *output = (lsq_ills_output){.settings = settings};
  for (size_t l = 0; l < net->depth; l++) {
    const size_t p = net->layers[l].weight.rows + (net->layers[l].bias != NULL);
    const size_t width = net->layers[l].weight.cols;
    bytes = lsq_size_max(bytes, lsq_least_squares_workspace(rows, p, width));
    if (l == 0 && p <= LSQ_NARROW)
      first = p;
    if ((l > 0 || net->depth == 1) && p <= LSQ_NARROW) /* a weighted output layer is not X alone */
      others = lsq_size_max(others, p);
    if (l + 1 == net->depth)
      bytes = lsq_size_max(bytes, lsq_least_squares_workspace(rows, p, 1));
    entries = lsq_size_max(entries, lsq_size_multiply(p, width));
    if (weighted || l + 1 == net->depth)
      inputs = lsq_size_max(inputs, net->layers[l].weight.rows + 1);
    widest = lsq_size_max(widest, width);
  }
  output->y = lsq_arena_matrix(arena, rows, c);
  output->clipped = lsq_arena_matrix(arena, rows, c);
  output->targets = lsq_arena_matrix(arena, rows, c);
  output->slopes = lsq_arena_matrix(arena, rows, c);
  output->weights = lsq_arena_matrix(arena, rows, c);
  output->scaled = lsq_arena_matrix(arena, rows, inputs);
  if (weighted) {
    output->roots = lsq_arena_doubles(arena, rows);
    output->scaled_targets = lsq_arena_matrix(arena, rows, widest);
  }
  output->column = lsq_arena_matrix(arena, rows, 1);
  output->solution = lsq_arena_matrix(arena, entries, 1);
  place_factor(&output->first, arena, rows, first);
  place_factor(&output->factor, arena, rows, others);
  output->workspace = lsq_arena_take(arena, bytes, 1);
}

static lsq_matrix without_ones(const lsq_matrix *inputs) {
  return (lsq_matrix){inputs->data, inputs->rows, inputs->cols - 1, inputs->stride};
}

void lsq_ills_point_start(lsq_ills_point *point, const lsq_network *net, const lsq_matrix *x) {
  const lsq_matrix first = without_ones(&point->inputs[0]);
  lsq_matrix_copy(x, &first);
  for (size_t l = 0; l < net->depth; l++)
    for (size_t i = 0; i < x->rows; i++)
      lsq_matrix_row(&point->inputs[l], i)[point->inputs[l].cols - 1] = 1;
  memcpy(point->net.parameters, net->parameters, net->parameter_count * sizeof(double));
}

void lsq_ills_factorise(const lsq_matrix *inputs, lsq_ills_factor *factor) {
  factor->valid = inputs->cols <= LSQ_NARROW && inputs->rows >= inputs->cols &&
                  lsq_narrow_qr(inputs, factor->q, factor->r);
}

/* `from`, its rows scaled for output k; in `to` where they do not all count alike. */
static lsq_matrix scale_rows(const lsq_ills_scale *scale, size_t k, const lsq_matrix *from,
                             const lsq_matrix *to) {
  if (scale->weighting == NULL && scale->roots == NULL)
    return *from;
  const lsq_matrix scaled = lsq_matrix_over(to->data, from->rows, from->cols);
  for (size_t i = 0; i < from->rows; i++) {
    const double weight = lsq_ills_scale_of(scale, i, k);
    const double *source = lsq_matrix_row(from, i);
    double *row = lsq_matrix_row(&scaled, i);
    for (size_t j = 0; j < from->cols; j++)
      row[j] = weight * source[j];
  }
  return scaled;
}

static lsq_matrix scaled_inputs(const lsq_ills_output *output, const lsq_ills_point *point,
                                size_t l) {
  const lsq_matrix inputs = lsq_ills_fit_inputs(point, l);
  return scale_rows(&(lsq_ills_scale){.roots = output->roots}, 0, &inputs, &output->scaled);
}

static void start_scale(lsq_ills_output *output, const lsq_rows *rows) {
  output->rows = rows;
  output->weight = lsq_rows_weight(rows);
  for (size_t i = 0; output->roots != NULL && i < rows->y->rows; i++)
    output->roots[i] = sqrt(rows->weights[i]);
  const bool weighted = output->settings->weighting != LSQ_WEIGHTING_NONE;
  output->scale = (lsq_ills_scale){weighted ? &output->weights : NULL, output->roots};
}

void lsq_ills_output_start(lsq_ills_output *output, const lsq_ills_point *point,
                           const lsq_rows *rows) {
  const lsq_network *net = &point->net;
  const double margin = output->settings->target_margin;
  start_scale(output, rows);
  const lsq_matrix inputs = scaled_inputs(output, point, 0);
  lsq_matrix_copy(rows->y, &output->y);
  lsq_matrix_copy(rows->y, &output->clipped);
  lsq_activation_clip(net->output_activation, margin, &output->clipped);
  lsq_matrix_copy(&output->clipped, &output->targets);
  lsq_activation_invert(net->output_activation, net->alpha, margin, &output->targets);
  lsq_matrix_fill(&output->slopes, 1);
  lsq_activation_backward(net->output_activation, net->alpha, &output->targets, &output->clipped,
                          &output->slopes);
  lsq_ills_factorise(&inputs, &output->first);
}

static void forward_rows(lsq_ills_point *point, size_t first_layer, size_t first, size_t rows) {
  const lsq_network *net = &point->net;
  for (size_t l = first_layer; l < net->depth; l++) {
    const lsq_matrix all = without_ones(&point->inputs[l]);
    const lsq_matrix in = lsq_matrix_rows(&all, first, rows);
    const lsq_matrix z = lsq_matrix_rows(&point->z[l], first, rows);
    const lsq_matrix a = lsq_matrix_rows(&point->a[l], first, rows);
    lsq_dense_forward(&in, &net->layers[l].weight, net->layers[l].bias, &z);
    lsq_matrix_copy(&z, &a);
    lsq_activate(lsq_network_activation(net, l), net->alpha, &a);
    if (l + 1 == net->depth)
      break;
    const lsq_matrix above = without_ones(&point->inputs[l + 1]);
    const lsq_matrix out = lsq_matrix_rows(&above, first, rows);
    lsq_matrix_copy(&a, &out);
  }
}

void lsq_ills_forward(lsq_ills_point *point, size_t first) {
  const size_t rows = point->inputs[0].rows;
  const lsq_blocks blocks = lsq_blocks_of(rows, 2 * lsq_network_widest(&point->net));
  const bool pays = rows * point->net.parameter_count >= LSQ_PARALLEL_WORK;
#pragma omp parallel for schedule(dynamic) if (pays)
  for (size_t b = 0; b < blocks.count; b++)
    forward_rows(point, first, lsq_blocks_first(&blocks, b), lsq_blocks_rows(&blocks, b));
}

void lsq_ills_weigh(lsq_ills_output *output, const lsq_ills_point *point) {
  if (output->settings->weighting == LSQ_WEIGHTING_NONE)
    return;
  const bool secant = output->settings->weighting == LSQ_WEIGHTING_SECANT;
  const lsq_matrix *z = &point->z[point->net.depth - 1], *a = &point->a[point->net.depth - 1];
  const size_t count = z->rows * z->cols; /* all of them are contiguous */
  for (size_t i = 0; i < count; i++) {
    const double gap = output->targets.data[i] - z->data[i];
    double weight = output->slopes.data[i];
    if (secant && !(fabs(gap) < NEAR))
      weight = fabs((output->clipped.data[i] - a->data[i]) / gap);
    output->weights.data[i] = weight < LEAST_WEIGHT ? LEAST_WEIGHT : weight;
  }
}

lsq_matrix lsq_ills_weighted_inputs(lsq_ills_output *output, const lsq_ills_point *point,
                                    size_t k) {
  const lsq_matrix inputs = lsq_ills_fit_inputs(point, point->net.depth - 1);
  return scale_rows(&output->scale, k, &inputs, &output->scaled);
}

/* solution <- the minimum-norm least-squares solution of inputs solution = targets. */
static lsq_status fit(lsq_ills_output *output, const lsq_ills_factor *factor,
                      const lsq_matrix *inputs, const lsq_matrix *targets,
                      const lsq_matrix *solution, lsq_error *error) {
  const double rcond = output->settings->rcond;
  if (factor->valid &&
      lsq_narrow_solve(factor->q, factor->r, inputs->cols, rcond, targets, solution))
    return LSQ_OK;
  return lsq_least_squares(inputs, targets, rcond, solution, NULL, output->workspace, error);
}

lsq_status lsq_ills_fit_layer(lsq_ills_output *output, const lsq_ills_point *from, size_t l,
                              const lsq_matrix *targets, lsq_network *to, lsq_error *error) {
  const lsq_matrix inputs = scaled_inputs(output, from, l);
  const lsq_matrix scaled =
      scale_rows(&(lsq_ills_scale){.roots = output->roots}, 0, targets, &output->scaled_targets);
  const lsq_layer *layer = &to->layers[l];
  const size_t d = layer->weight.rows;
  const lsq_matrix solution = lsq_matrix_over(output->solution.data, inputs.cols, targets->cols);
  const lsq_ills_factor *factor = l == 0 ? &output->first : &output->factor;
  if (l > 0)
    lsq_ills_factorise(&inputs, &output->factor);
  const lsq_status status = fit(output, factor, &inputs, &scaled, &solution, error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix weight = lsq_matrix_rows(&solution, 0, d);
  lsq_matrix_copy(&weight, &layer->weight);
  if (layer->bias != NULL)
    memcpy(layer->bias, lsq_matrix_row(&solution, d), targets->cols * sizeof(double));
  return LSQ_OK;
}

static lsq_status fit_weighted(lsq_ills_output *output, lsq_ills_point *point, lsq_error *error) {
  const lsq_layer *layer = &point->net.layers[point->net.depth - 1];
  const size_t d = layer->weight.rows;
  for (size_t k = 0; k < layer->weight.cols; k++) {
    const lsq_matrix inputs = lsq_ills_weighted_inputs(output, point, k);
    const lsq_matrix solution = lsq_matrix_over(output->solution.data, inputs.cols, 1);
    for (size_t i = 0; i < inputs.rows; i++)
      output->column.data[i] =
          lsq_ills_scale_of(&output->scale, i, k) * lsq_matrix_row(&output->targets, i)[k];
    lsq_ills_factorise(&inputs, &output->factor);
    const lsq_status status =
        fit(output, &output->factor, &inputs, &output->column, &solution, error);
    if (status != LSQ_OK)
      return status;
    for (size_t j = 0; j < d; j++)
      lsq_matrix_row(&layer->weight, j)[k] = solution.data[j];
    if (layer->bias != NULL)
      layer->bias[k] = solution.data[d];
  }
  return LSQ_OK;
}

lsq_status lsq_ills_fit_output(lsq_ills_output *output, lsq_ills_point *point, lsq_error *error) {
  const size_t last = point->net.depth - 1;
  lsq_status status;
  if (output->settings->weighting == LSQ_WEIGHTING_NONE)
    status = lsq_ills_fit_layer(output, point, last, &output->targets, &point->net, error);
  else {
    lsq_ills_weigh(output, point);
    status = fit_weighted(output, point, error);
  }
  if (status != LSQ_OK)
    return status;
  lsq_ills_forward(point, last);
  lsq_ills_measure(output, point);
  return LSQ_OK;
}

static LSQ_CLONES double squared_distance(const double *restrict a, const double *restrict b,
                                          size_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

/* The sum over all entries of (a - b)^2, by the samples' weights. */
static double sum_of_squares(const lsq_ills_output *output, const lsq_matrix *a,
                             const lsq_matrix *b) {
  const double *weights = output->rows->weights;
  if (weights == NULL)
    return squared_distance(a->data, b->data, a->rows * a->cols);
  double sum = 0;
  for (size_t i = 0; i < a->rows; i++)
    if (weights[i] > 0)
      sum += weights[i] * squared_distance(lsq_matrix_row(a, i), lsq_matrix_row(b, i), a->cols);
  return sum;
}

/* The same of H - z times the slopes at H. */
static double sum_by_slopes(const lsq_ills_output *output, const lsq_matrix *z) {
  const double *weights = output->rows->weights;
  double sum = 0;
  for (size_t i = 0; i < z->rows * z->cols; i++) {
    const double weight = fmax(output->slopes.data[i], LEAST_WEIGHT);
    const double gap = weight * (output->targets.data[i] - z->data[i]);
    sum += weights == NULL ? gap * gap : weights[i / z->cols] * (gap * gap);
  }
  return sum;
}

double lsq_ills_floor(const lsq_ills_output *output) {
  const bool secant = output->settings->weighting == LSQ_WEIGHTING_SECANT;
  const lsq_matrix *targets = secant ? &output->clipped : &output->targets;
  double square = 0;
  for (size_t i = 0; i < targets->rows * targets->cols; i++) {
    const double entry = targets->data[i] * targets->data[i];
    square +=
        output->rows->weights == NULL ? entry : output->rows->weights[i / targets->cols] * entry;
  }
  return ROUNDING * ROUNDING * square / (output->weight * (double)targets->cols);
}

void lsq_ills_measure(const lsq_ills_output *output, lsq_ills_point *point) {
  const lsq_matrix *z = &point->z[point->net.depth - 1], *a = &point->a[point->net.depth - 1];
  const double count = output->weight * (double)z->cols;
  double objective = 0;
  switch (output->settings->weighting) {
  case LSQ_WEIGHTING_NONE:
    objective = sum_of_squares(output, &output->targets, z);
    break;
  case LSQ_WEIGHTING_TARGET:
    objective = sum_by_slopes(output, z);
    break;
  case LSQ_WEIGHTING_SECANT: /* its weighted residual is the one behind the activation */
    objective = sum_of_squares(output, &output->clipped, a);
  }
  point->loss = sum_of_squares(output, &output->y, a) / count;
  point->objective = objective / count;
}
