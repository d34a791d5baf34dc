#include "train/layer_solver.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "nn/dense.h"

static lsq_matrix columns(const lsq_matrix *m, size_t count) {
  return (lsq_matrix){m->data, m->rows, count, m->stride};
}

/* G: the inputs of a layer, with the column of ones where it has a bias. */
static lsq_matrix regressors(const lsq_network *net, size_t k, const lsq_matrix *inputs) {
  const lsq_layer *layer = &net->layers[k];
  return columns(inputs, layer->weight.rows + (layer->bias != NULL));
}

static double cut_off(double rcond, const lsq_matrix *m) {
  return rcond > 0 ? rcond : lsq_default_rcond(m->rows, m->cols);
}

static void append_ones(const lsq_matrix *from, const lsq_matrix *to) {
  const lsq_matrix part = columns(to, from->cols);
  lsq_matrix_copy(from, &part);
  for (size_t i = 0; i < to->rows; i++)
    lsq_matrix_row(to, i)[from->cols] = 1;
}

static size_t widest(const lsq_network *net) {
  size_t most = 0;
  for (size_t k = 0; k < net->depth; k++)
    most = lsq_size_max(most, net->layers[k].weight.cols);
  return most;
}

void lsq_layer_data_place(lsq_layer_data *data, lsq_arena *arena, const lsq_network *net,
                          const lsq_rows *rows) {
  const size_t outputs = rows->y->cols;
  *data = (lsq_layer_data){.rows = rows};
  data->roots = lsq_arena_matrix(arena, rows->weights == NULL ? 0 : rows->x->rows, 1);
  data->targets = lsq_arena_matrix(arena, rows->x->rows, outputs + 1);
  data->first = lsq_arena_matrix(arena, rows->x->cols + (net->layers[0].bias != NULL), outputs + 1);
}

/* Each row times its root; nothing where there are none. */
static void weigh(const lsq_layer_data *data, const lsq_matrix *m) {
  for (size_t i = 0; i < data->roots.rows; i++) {
    double *row = lsq_matrix_row(m, i);
    for (size_t j = 0; j < m->cols; j++)
      row[j] *= data->roots.data[i];
  }
}

typedef struct {
  lsq_matrix inputs; /* [X 1] */
  void *solver;
} data_work;

static void place_data_work(data_work *w, lsq_arena *arena, const lsq_network *net, size_t rows) {
  const size_t inputs = lsq_network_inputs(net), outputs = lsq_network_outputs(net);
  w->inputs = lsq_arena_matrix(arena, rows, inputs + 1);
  w->solver = lsq_arena_take(
      arena,
      lsq_small_least_squares_workspace(rows, inputs + (net->layers[0].bias != NULL), outputs + 1),
      1);
}

size_t lsq_layer_data_workspace(const lsq_network *net, const lsq_rows *rows) {
  data_work w;
  lsq_arena arena = lsq_arena_measure();
  place_data_work(&w, &arena, net, rows->x->rows);
  return arena.used;
}

lsq_status lsq_layer_data_start(lsq_layer_data *data, const lsq_network *net, double rcond,
                                void *workspace, lsq_error *error) {
  data_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  const lsq_rows *rows = data->rows;
  place_data_work(&w, &arena, net, rows->x->rows);
  data->rcond = rcond;
  for (size_t i = 0; i < data->roots.rows; i++)
    data->roots.data[i] = sqrt(rows->weights[i]);
  append_ones(rows->x, &w.inputs);
  append_ones(rows->y, &data->targets);
  weigh(data, &w.inputs);
  weigh(data, &data->targets);
  const lsq_matrix g = regressors(net, 0, &w.inputs);
  return lsq_small_least_squares(&g, &data->targets, cut_off(rcond, &g), &data->first, w.solver,
                                 error);
}

/* For the regression of any layer but the first, and the pseudoinverse behind any hidden one. */
static size_t solver_workspace(const lsq_network *net, size_t rows) {
  const size_t outputs = lsq_network_outputs(net);
  size_t most = 0;
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_layer *layer = &net->layers[k];
    most = lsq_size_max(most, lsq_small_least_squares_workspace(
                                  rows, layer->weight.rows + (layer->bias != NULL), outputs + 1));
    most = lsq_size_max(most, lsq_pseudoinverse_workspace(layer->weight.cols, outputs));
    most = lsq_size_max(most, lsq_pseudoinverse_workspace(layer->weight.cols + 1, outputs + 1));
  }
  return most;
}

void lsq_layer_solver_place(lsq_layer_solver *self, lsq_arena *arena, const lsq_network *net,
                            const lsq_rows *data) {
  const size_t rows = data->x->rows, outputs = data->y->cols, width = widest(net);
  size_t most_inputs = 0;
  *self = (lsq_layer_solver){.valid = 0};
  lsq_network_place_like(&self->net, arena, net);
  self->inputs = lsq_arena_take(arena, net->depth, sizeof *self->inputs);
  for (size_t k = 0; k < net->depth; k++) {
    const size_t inputs = net->layers[k].weight.rows;
    const lsq_matrix placed = lsq_arena_matrix(arena, rows, inputs + 1);
    if (self->inputs != NULL)
      self->inputs[k] = placed;
    most_inputs = lsq_size_max(most_inputs, inputs);
  }
  self->weighted = lsq_arena_matrix(arena, data->weights == NULL ? 0 : rows, most_inputs + 1);
  self->output = lsq_arena_matrix(arena, rows, outputs);
  self->solution = lsq_arena_matrix(arena, most_inputs + 1, outputs + 1);
  self->product = lsq_arena_matrix(arena, width, outputs);
  self->next = lsq_arena_matrix(arena, width, outputs);
  self->shift = lsq_arena_doubles(arena, width);
  self->next_shift = lsq_arena_doubles(arena, width);
  self->homogeneous = lsq_arena_matrix(arena, width + 1, outputs + 1);
  self->inverse = lsq_arena_matrix(arena, outputs + 1, width + 1);
  self->backward = lsq_arena_matrix(arena, outputs + 1, width);
  self->workspace = lsq_arena_take(arena, solver_workspace(net, rows), 1);
}

void lsq_layer_solver_start(lsq_layer_solver *self, const lsq_layer_data *data) {
  self->data = data;
  append_ones(data->rows->x, &self->inputs[0]);
  for (size_t k = 1; k < self->net.depth; k++)
    for (size_t i = 0; i < self->inputs[k].rows; i++)
      lsq_matrix_row(&self->inputs[k], i)[self->inputs[k].cols - 1] = 1;
  self->valid = 0;
}

void lsq_layer_solver_reset(lsq_layer_solver *self) {
  self->valid = 0;
}

/* ForwardTo. */
static void forward_to(lsq_layer_solver *self, size_t k) {
  for (; self->valid < k; self->valid++) {
    const lsq_layer *layer = &self->net.layers[self->valid];
    const lsq_matrix from = columns(&self->inputs[self->valid], layer->weight.rows);
    const lsq_matrix to = columns(&self->inputs[self->valid + 1], layer->weight.cols);
    lsq_dense_forward(&from, &layer->weight, layer->bias, &to);
    lsq_activate(self->net.activation, self->net.alpha, &to);
  }
}

double lsq_layer_solver_loss(lsq_layer_solver *self) {
  const size_t last = self->net.depth - 1;
  const lsq_layer *layer = &self->net.layers[last];
  const lsq_rows *rows = self->data->rows;
  forward_to(self, last);
  const lsq_matrix from = columns(&self->inputs[last], layer->weight.rows);
  lsq_dense_forward(&from, &layer->weight, layer->bias, &self->output);
  lsq_activate(self->net.output_activation, self->net.alpha, &self->output);
  return lsq_loss_sum(&lsq_loss_mse, 0, &self->output, rows->y, rows->weights) /
         lsq_loss_count(&lsq_loss_mse, lsq_rows_weight(rows), self->output.cols);
}

/* product (m_k x p) and shift (p): without ReLUs the layers behind layer k map h to
   h product + shift. */
static void multiply_behind(lsq_layer_solver *self, size_t k, lsq_matrix *product) {
  const lsq_network *net = &self->net;
  const size_t last = net->depth - 1, outputs = lsq_network_outputs(net);
  *product = lsq_matrix_over(self->product.data, net->layers[last].weight.rows, outputs);
  lsq_matrix_copy(&net->layers[last].weight, product);
  for (size_t j = 0; j < outputs; j++)
    self->shift[j] = net->layers[last].bias == NULL ? 0 : net->layers[last].bias[j];
  for (size_t i = last; i-- > k + 1;) {
    const lsq_layer *layer = &net->layers[i];
    if (layer->bias != NULL) {
      const lsq_matrix bias = lsq_matrix_over(layer->bias, 1, layer->weight.cols);
      const lsq_matrix shift = lsq_matrix_over(self->next_shift, 1, outputs);
      lsq_dense_forward(&bias, product, self->shift, &shift);
      memcpy(self->shift, self->next_shift, outputs * sizeof *self->shift);
    }
    const lsq_matrix next = lsq_matrix_over(self->next.data, layer->weight.rows, outputs);
    lsq_dense_forward(&layer->weight, product, NULL, &next);
    *product = lsq_matrix_over(self->product.data, next.rows, outputs);
    lsq_matrix_copy(&next, product);
  }
}

/* inverse (1 x m) = the pseudoinverse of a column, a' / |a|^2. */
static void invert_column(const lsq_matrix *a, const lsq_matrix *inverse) {
  double largest = 0, sum = 0;
  for (size_t i = 0; i < a->rows; i++)
    largest = fmax(largest, fabs(a->data[i]));
  for (size_t i = 0; i < a->rows; i++)
    sum += (a->data[i] / largest) * (a->data[i] / largest);
  for (size_t i = 0; i < a->rows; i++)
    inverse->data[i] = largest == 0 ? 0 : a->data[i] / largest / sum / largest;
}

static lsq_status affine_backward(lsq_layer_solver *self, const lsq_matrix *product,
                                  const lsq_matrix *backward, lsq_error *error) {
  const size_t p = product->cols;
  const lsq_matrix inverse = lsq_matrix_rows(backward, 0, p);
  const lsq_matrix last = lsq_matrix_rows(backward, p, 1);
  lsq_status status = LSQ_OK;
  if (p == 1)
    invert_column(product, &inverse);
  else
    status = lsq_pseudoinverse(product, cut_off(self->data->rcond, product), &inverse,
                               self->workspace, error);
  if (status != LSQ_OK)
    return status;
  for (size_t j = 0; j < p; j++)
    self->next_shift[j] = -self->shift[j];
  const lsq_matrix shift = lsq_matrix_over(self->next_shift, 1, p);
  lsq_dense_forward(&shift, &inverse, NULL, &last);
  return LSQ_OK;
}

static lsq_status homogeneous_backward(lsq_layer_solver *self, const lsq_matrix *product,
                                       const lsq_matrix *backward, lsq_error *error) {
  const size_t m = product->rows, p = product->cols;
  const lsq_matrix whole = lsq_matrix_over(self->homogeneous.data, m + 1, p + 1);
  const lsq_matrix inverse = lsq_matrix_over(self->inverse.data, p + 1, m + 1);
  const lsq_matrix left = columns(&whole, p), kept = columns(&inverse, m);
  const lsq_matrix upper = lsq_matrix_rows(&left, 0, m);
  lsq_matrix_fill(&whole, 0);
  lsq_matrix_copy(product, &upper);
  memcpy(lsq_matrix_row(&whole, m), self->shift, p * sizeof *self->shift);
  lsq_matrix_row(&whole, m)[p] = 1;
  const lsq_status status = lsq_pseudoinverse(&whole, cut_off(self->data->rcond, &whole), &inverse,
                                              self->workspace, error);
  if (status == LSQ_OK)
    lsq_matrix_copy(&kept, backward);
  return status;
}

/* [W; b] <- S K. */
static void set_layer(const lsq_layer *layer, const lsq_matrix *solution,
                      const lsq_matrix *backward) {
  const size_t inputs = layer->weight.rows;
  const lsq_matrix upper = lsq_matrix_rows(solution, 0, inputs);
  lsq_dense_forward(&upper, backward, NULL, &layer->weight);
  if (layer->bias == NULL)
    return;
  const lsq_matrix last = lsq_matrix_rows(solution, inputs, 1);
  const lsq_matrix bias = lsq_matrix_over(layer->bias, 1, layer->weight.cols);
  lsq_dense_forward(&last, backward, NULL, &bias);
}

/* G of layer k, times the roots. */
static lsq_matrix weighted_regressors(const lsq_layer_solver *self, size_t k) {
  const lsq_matrix g = regressors(&self->net, k, &self->inputs[k]);
  if (self->data->roots.rows == 0)
    return g;
  const lsq_matrix weighted = columns(&self->weighted, g.cols);
  lsq_matrix_copy(&g, &weighted);
  weigh(self->data, &weighted);
  return weighted;
}

/* pinv(G) [Y 1], or pinv(G) Y alone where sides = p: a view of the first layer's, or solved. */
static lsq_status regress(lsq_layer_solver *self, size_t k, size_t sides, lsq_matrix *solution,
                          lsq_error *error) {
  const lsq_layer_data *data = self->data;
  *solution = columns(&data->first, sides);
  if (k == 0)
    return LSQ_OK;
  forward_to(self, k);
  const lsq_matrix g = weighted_regressors(self, k);
  const lsq_matrix targets = columns(&data->targets, sides);
  *solution = lsq_matrix_over(self->solution.data, g.cols, sides);
  return lsq_small_least_squares(&g, &targets, cut_off(data->rcond, &g), solution, self->workspace,
                                 error);
}

static lsq_status solve_output(lsq_layer_solver *self, lsq_error *error) {
  const size_t k = self->net.depth - 1;
  const lsq_layer *layer = &self->net.layers[k];
  lsq_matrix solution;
  const lsq_status status = regress(self, k, layer->weight.cols, &solution, error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix upper = lsq_matrix_rows(&solution, 0, layer->weight.rows);
  lsq_matrix_copy(&upper, &layer->weight);
  if (layer->bias != NULL)
    memcpy(layer->bias, lsq_matrix_row(&solution, layer->weight.rows),
           layer->weight.cols * sizeof(double));
  return LSQ_OK;
}

static lsq_status solve_hidden(lsq_layer_solver *self, size_t k, lsq_backward form,
                               lsq_error *error) {
  const lsq_layer *layer = &self->net.layers[k];
  const size_t outputs = lsq_network_outputs(&self->net);
  const lsq_matrix backward = lsq_matrix_over(self->backward.data, outputs + 1, layer->weight.cols);
  lsq_matrix solution, product;
  lsq_status status = regress(self, k, outputs + 1, &solution, error);
  if (status != LSQ_OK)
    return status;
  multiply_behind(self, k, &product);
  status = form == LSQ_AFFINE_BACKWARD ? affine_backward(self, &product, &backward, error)
                                       : homogeneous_backward(self, &product, &backward, error);
  if (status == LSQ_OK)
    set_layer(layer, &solution, &backward);
  return status;
}

lsq_status lsq_layer_solver_solve(lsq_layer_solver *self, size_t k, lsq_backward form,
                                  lsq_error *error) {
  const lsq_status status =
      k + 1 == self->net.depth ? solve_output(self, error) : solve_hidden(self, k, form, error);
  self->valid = lsq_size_min(self->valid, k);
  return status;
}
