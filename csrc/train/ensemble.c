#include "train/ensemble.h"

#include <string.h>

#include "base/simd.h"

static const double beta1 = .9, beta2 = .99, epsilon = 1e-8;
static const size_t warm_up = 30, patience = 3;

/* Where the pieces of a net's parameters begin. */
static size_t at_bias(const lsq_ensemble *e) {
  return e->width * e->options.units;
}

static size_t at_output(const lsq_ensemble *e) {
  return at_bias(e) + e->options.units;
}

static size_t at_offset(const lsq_ensemble *e) {
  return at_output(e) + e->options.units * e->y->cols;
}

static float *floats(lsq_arena *arena, size_t count) {
  return lsq_arena_take(arena, count, sizeof(float));
}

void lsq_ensemble_place(lsq_ensemble *e, lsq_arena *arena) {
  const size_t n = e->x->rows, h = e->options.units, nets = e->options.nets;
  e->width = lsq_piecewise_width(e->map);
  e->knots = e->map->knots.rows;
  e->parameters = at_offset(e) + e->y->cols;
  const size_t all = lsq_size_multiply(nets, e->parameters);
  e->start = lsq_arena_take(arena, n + 1, sizeof *e->start);
  e->entries = lsq_arena_take(arena, lsq_size_multiply(n, e->x->cols), sizeof *e->entries);
  e->nets = lsq_arena_take(arena, nets, sizeof *e->nets);
  size_t *orders = lsq_arena_take(arena, lsq_size_multiply(n, nets), sizeof *orders);
  for (size_t k = 0; k < nets && e->nets != NULL; k++)
    e->nets[k].order = orders + k * n;
  e->now = floats(arena, all);
  e->momentum = floats(arena, all);
  e->square = floats(arena, all);
  e->average = floats(arena, all);
  e->kept = floats(arena, all);
  e->gradient = floats(arena, e->parameters);
  e->tables = floats(arena, lsq_size_multiply(e->knots, h));
  e->table_gradient = floats(arena, lsq_size_multiply(e->knots, h));
  e->base = floats(arena, h);
  e->z = floats(arena, h);
  e->delta = floats(arena, h);
  e->out = floats(arena, e->y->cols);
  e->held_out = lsq_arena_matrix(arena, n, e->y->cols);
  e->trial = lsq_arena_matrix(arena, n, e->y->cols);
}

/* Rows as entries: columns at their first knot add nothing. */
static void locate_rows(lsq_ensemble *e) {
  size_t count = 0;
  for (size_t i = 0; i < e->x->rows; i++) {
    e->start[i] = count;
    for (size_t j = 0; j < e->x->cols; j++) {
      const lsq_piecewise_place place = lsq_piecewise_locate(e->map, j, lsq_matrix_row(e->x, i)[j]);
      if (place.fraction > 0 || place.knot != (size_t)e->map->first.data[j])
        e->entries[count++] = (lsq_ensemble_entry){(uint32_t)place.knot, (float)place.fraction};
    }
  }
  e->start[e->x->rows] = count;
}

static void list_rows(lsq_ensemble *e) {
  e->fewest = e->x->rows;
  for (size_t k = 0; k < e->options.nets; k++) {
    lsq_ensemble_net *net = e->nets + k;
    net->rows = 0;
    for (size_t i = 0; i < e->x->rows; i++)
      if (e->fold[i] != (double)(k + 1))
        net->order[net->rows++] = i;
    e->fewest = lsq_size_min(e->fewest, net->rows);
  }
}

static void shuffle(lsq_ensemble_net *net) {
  for (size_t left = net->rows; left > 1; left--) {
    const size_t other = lsq_random_below(&net->random, left), kept = net->order[left - 1];
    net->order[left - 1] = net->order[other];
    net->order[other] = kept;
  }
}

/* A column of W of unit length, whose unit is at -.7 of a row's product with it: that row's F is
   read off its entries, once. */
static void start_unit(lsq_ensemble *e, lsq_ensemble_net *net, float *w, size_t unit,
                       const double *row) {
  const size_t h = e->options.units;
  double squares = 0, product = 0;
  for (size_t i = 0; i < e->width; i++) {
    const double value = lsq_random_normal(&net->random);
    squares += value * value;
    product += value * row[i];
    w[i * h + unit] = (float)value;
  }
  const double length = sqrt(squares);
  for (size_t i = 0; i < e->width; i++)
    w[i * h + unit] = (float)(w[i * h + unit] / length);
  w[at_bias(e) + unit] = (float)(-.7 * product / length);
}

/* `row` has room for a row of F. */
static void start_net(lsq_ensemble *e, size_t k, double *row) {
  lsq_ensemble_net *net = e->nets + k;
  float *w = e->now + k * e->parameters;
  const size_t h = e->options.units;
  const lsq_matrix f = lsq_matrix_over(row, 1, e->width);
  for (size_t u = 0; u < h; u++) {
    const size_t drawn = net->order[lsq_random_below(&net->random, net->rows)];
    const lsq_matrix x = lsq_matrix_rows(e->x, drawn, 1);
    lsq_piecewise_expand(e->map, &x, &f);
    start_unit(e, net, w, u, row);
  }
  for (size_t i = at_output(e); i < at_offset(e); i++)
    w[i] = (float)(.3 / sqrt((double)h) * lsq_random_normal(&net->random));
  for (size_t i = at_offset(e); i < e->parameters; i++)
    w[i] = 0;
  shuffle(net);
}

/* 2^round(log2(rows / 32)) within 16 .. 256, and at most the rows. */
static size_t batch_size(size_t rows) {
  const double power = exp2(round(log2((double)lsq_size_max(rows, 1) / 32)));
  return lsq_size_min((size_t)fmin(256, fmax(16, power)), rows);
}

void lsq_ensemble_start(lsq_ensemble *e) {
  const size_t all = e->options.nets * e->parameters * sizeof(float);
  lsq_random random;
  lsq_random_seed(&random, e->options.seed);
  locate_rows(e);
  list_rows(e);
  e->batch = batch_size(e->fewest);
  e->position = e->step = e->worse = e->best_step = 0;
  e->next_check = e->options.first_check;
  for (size_t k = 0; k < e->options.nets; k++) {
    e->nets[k].random = lsq_random_split(&random);
    start_net(e, k, (double *)(void *)e->momentum);
  }
  memset(e->momentum, 0, all);
  memset(e->square, 0, all);
  memcpy(e->average, e->now, all);
}

LSQ_CLONES static void add_scaled(float *to, float factor, const float *from, size_t count) {
#pragma omp simd
  for (size_t u = 0; u < count; u++)
    to[u] += factor * from[u];
}

/* What lsq_piecewise_tables does, of one net's weights. */
static void fill_tables(lsq_ensemble *e, const float *w) {
  const size_t h = e->options.units, d = e->x->cols;
  const double *first = e->map->first.data, *knots = e->map->knots.data;
  size_t bin = d;
  memcpy(e->base, w + at_bias(e), h * sizeof *w);
  for (size_t j = 0; j < d; j++) {
    const size_t begin = (size_t)first[j], end = (size_t)first[j + 1];
    if (begin == end)
      continue;
    const double mean = e->map->mean.data[j], deviation = e->map->deviation.data[j];
    add_scaled(e->base, (float)((knots[begin] - mean) / deviation), w + j * h, h);
    memset(e->tables + begin * h, 0, h * sizeof(float));
    for (size_t k = begin; k + 1 < end; k++) {
      float *next = e->tables + (k + 1) * h;
      memcpy(next, next - h, h * sizeof *next);
      add_scaled(next, (float)((knots[k + 1] - knots[k]) / deviation), w + j * h, h);
      if (e->map->centre.data[k] == LSQ_NO_BIN)
        continue;
      add_scaled(next, 2, w + bin * h, h);
      add_scaled(e->base, (float)(-1 - e->map->centre.data[k]), w + bin * h, h);
      bin++;
    }
  }
}

/* The gradient by the weights from that by the tables and by the units' inputs. */
static void gather_gradient(lsq_ensemble *e, float *gradient) {
  const size_t h = e->options.units, d = e->x->cols;
  const double *first = e->map->first.data, *knots = e->map->knots.data;
  const float *sum = gradient + at_bias(e);
  memset(gradient, 0, at_bias(e) * sizeof *gradient);
  size_t bin = e->width;
  for (size_t j = d; j-- > 0;) { /* downwards: what is behind a bin adds up */
    const size_t begin = (size_t)first[j], end = (size_t)first[j + 1];
    if (begin == end)
      continue;
    const double mean = e->map->mean.data[j], deviation = e->map->deviation.data[j];
    float *behind = e->delta;
    memset(behind, 0, h * sizeof *behind);
    for (size_t k = end - 1; k-- > begin;) {
      add_scaled(behind, 1, e->table_gradient + (k + 1) * h, h);
      add_scaled(gradient + j * h, (float)((knots[k + 1] - knots[k]) / deviation), behind, h);
      if (e->map->centre.data[k] == LSQ_NO_BIN)
        continue;
      bin--;
      add_scaled(gradient + bin * h, 2, behind, h);
      add_scaled(gradient + bin * h, (float)(-1 - e->map->centre.data[k]), sum, h);
    }
    add_scaled(gradient + j * h, (float)((knots[begin] - mean) / deviation), sum, h);
  }
}

LSQ_CLONES static void weigh_row(float *z, const float *base, const lsq_ensemble_entry *entry,
                                 const lsq_ensemble_entry *end, const float *tables, size_t h) {
  memcpy(z, base, h * sizeof *z);
  for (; entry < end; entry++) {
    const float *at = tables + entry->at * h, *next = at + h;
    const float fraction = entry->fraction, rest = 1 - fraction;
#pragma omp simd
    for (size_t u = 0; u < h; u++)
      z[u] += rest * at[u] + fraction * next[u];
  }
#pragma omp simd
  for (size_t u = 0; u < h; u++)
    z[u] = z[u] > 0 ? z[u] : 0;
}

LSQ_CLONES static void spread_row(const float *delta, const lsq_ensemble_entry *entry,
                                  const lsq_ensemble_entry *end, float *tables, size_t h) {
  for (; entry < end; entry++) {
    float *at = tables + entry->at * h, *next = at + h;
    const float fraction = entry->fraction, rest = 1 - fraction;
#pragma omp simd
    for (size_t u = 0; u < h; u++) {
      at[u] += rest * delta[u];
      next[u] += fraction * delta[u];
    }
  }
}

LSQ_CLONES static float product(const float *a, const float *b, size_t step, size_t count) {
  float sum = 0;
  if (step == 1) {
#pragma omp simd reduction(+ : sum)
    for (size_t u = 0; u < count; u++)
      sum += a[u] * b[u];
    return sum;
  }
  for (size_t u = 0; u < count; u++)
    sum += a[u] * b[u * step];
  return sum;
}

static void outputs_of_row(lsq_ensemble *e, const float *w, size_t row, float *out) {
  const size_t h = e->options.units, c = e->y->cols;
  weigh_row(e->z, e->base, e->entries + e->start[row], e->entries + e->start[row + 1], e->tables,
            h);
  for (size_t o = 0; o < c; o++)
    out[o] = w[at_offset(e) + o] + product(e->z, w + at_output(e) + o, c, h);
}

/* out <- the derivative of the loss by it, times `scale`. */
static void derive(const lsq_ensemble *e, size_t row, float *out, float scale) {
  const size_t c = e->y->cols;
  const double *y = lsq_matrix_row(e->y, row);
  if (!e->options.classes) {
    for (size_t o = 0; o < c; o++)
      out[o] = 2 * scale * (out[o] - (float)y[o]);
    return;
  }
  float most = out[0], sum = 0;
  for (size_t o = 1; o < c; o++)
    most = fmaxf(most, out[o]);
  for (size_t o = 0; o < c; o++)
    sum += out[o] = expf(out[o] - most);
  for (size_t o = 0; o < c; o++)
    out[o] = scale * (out[o] / sum - (float)y[o]);
}

static void add_row(lsq_ensemble *e, const float *w, size_t row, float *gradient) {
  const size_t h = e->options.units, c = e->y->cols;
  const float *v = w + at_output(e);
  float *gv = gradient + at_output(e);
  outputs_of_row(e, w, row, e->out);
  derive(e, row, e->out, 1.0F / (float)e->batch);
  memset(e->delta, 0, h * sizeof(float));
  for (size_t o = 0; o < c; o++) {
    const float g = e->out[o];
    gradient[at_offset(e) + o] += g;
    for (size_t u = 0; u < h; u++) {
      gv[u * c + o] += g * e->z[u];
      e->delta[u] += g * v[u * c + o];
    }
  }
  for (size_t u = 0; u < h; u++)
    e->delta[u] = e->z[u] > 0 ? e->delta[u] : 0;
  add_scaled(gradient + at_bias(e), 1, e->delta, h);
  spread_row(e->delta, e->entries + e->start[row], e->entries + e->start[row + 1],
             e->table_gradient, h);
}

typedef struct {
  float rate, shrink, keep; /* Adam's, the decay's, the average's */
} update;

LSQ_CLONES static void descend(float *restrict w, float *restrict m, float *restrict v,
                               float *restrict average, const float *restrict g, size_t count,
                               update by) {
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    m[i] += (float)(1 - beta1) * (g[i] - m[i]);
    v[i] += (float)(1 - beta2) * (g[i] * g[i] - v[i]);
    w[i] = w[i] * by.shrink - by.rate * m[i] / (sqrtf(v[i]) + (float)epsilon);
    average[i] += by.keep * (w[i] - average[i]);
  }
}

static void update_net(lsq_ensemble *e, size_t k) {
  const double t = (double)e->step;
  const double rate = e->options.rate * fmin(1, t / (double)warm_up);
  const double memory = fmin(e->step < 400 ? .98 : .995, t / (t + 5));
  const size_t offset = k * e->parameters;
  update by = {.rate = (float)(rate * sqrt(1 - pow(beta2, t)) / (1 - pow(beta1, t))),
               .keep = (float)(1 - memory)};
  const size_t ends[] = {0, at_bias(e), at_output(e), at_offset(e), e->parameters};
  for (size_t piece = 0; piece < 4; piece++) { /* weights, biases, weights, biases */
    const size_t from = offset + ends[piece];
    by.shrink = piece % 2 == 0 ? (float)(1 - rate * e->options.decay) : 1;
    descend(e->now + from, e->momentum + from, e->square + from, e->average + from,
            e->gradient + ends[piece], ends[piece + 1] - ends[piece], by);
  }
}

static void step_net(lsq_ensemble *e, size_t k) {
  const float *w = e->now + k * e->parameters;
  fill_tables(e, w);
  memset(e->gradient, 0, e->parameters * sizeof(float));
  memset(e->table_gradient, 0, e->knots * e->options.units * sizeof(float));
  for (size_t i = 0; i < e->batch; i++)
    add_row(e, w, e->nets[k].order[e->position + i], e->gradient);
  gather_gradient(e, e->gradient);
  update_net(e, k);
}

static double loss_of_row(const lsq_ensemble *e, const float *out, const double *y) {
  const size_t c = e->y->cols;
  double loss = 0, most = out[0], sum = 0;
  if (!e->options.classes) {
    for (size_t o = 0; o < c; o++)
      loss += (out[o] - y[o]) * (out[o] - y[o]);
    return loss;
  }
  for (size_t o = 1; o < c; o++)
    most = fmax(most, out[o]);
  for (size_t o = 0; o < c; o++)
    sum += exp(out[o] - most);
  for (size_t o = 0; o < c; o++)
    loss += y[o] * (most + log(sum) - out[o]);
  return loss;
}

/* The mean loss of the averaged nets on what each has not seen; their outputs go to `trial`. */
static double judge(lsq_ensemble *e) {
  double sum = 0;
  size_t count = 0;
  for (size_t k = 0; k < e->options.nets; k++) {
    const float *w = e->average + k * e->parameters;
    fill_tables(e, w);
    for (size_t i = 0; i < e->x->rows; i++) {
      if (e->fold[i] != (double)(k + 1))
        continue;
      outputs_of_row(e, w, i, e->out);
      sum += loss_of_row(e, e->out, lsq_matrix_row(e->y, i));
      count++;
      for (size_t o = 0; o < e->y->cols; o++)
        lsq_matrix_row(&e->trial, i)[o] = e->out[o];
    }
  }
  return sum / (double)count;
}

bool lsq_ensemble_check(lsq_ensemble *e) {
  const double loss = judge(e);
  if (e->best_step == 0 || loss < e->best * .9995) {
    e->best = loss;
    e->best_step = e->step;
    e->worse = 0;
    memcpy(e->kept, e->average, e->options.nets * e->parameters * sizeof(float));
    lsq_matrix_copy(&e->trial, &e->held_out);
  } else {
    e->worse++;
  }
  return e->worse < patience;
}

bool lsq_ensemble_step(lsq_ensemble *e) {
  if (e->position + e->batch > e->fewest) { /* all reshuffle together, the rest is dropped */
    for (size_t k = 0; k < e->options.nets; k++)
      shuffle(e->nets + k);
    e->position = 0;
  }
  e->step++;
  for (size_t k = 0; k < e->options.nets; k++)
    step_net(e, k);
  e->position += e->batch;
  if (e->step != e->next_check && e->step != e->options.most_steps)
    return true;
  e->next_check = (size_t)ceil((double)e->next_check * 1.4);
  return lsq_ensemble_check(e) && e->step < e->options.most_steps;
}

void lsq_ensemble_join(const lsq_ensemble *e, const lsq_matrix *weight, const lsq_matrix *bias,
                       const lsq_matrix *output, const lsq_matrix *offset) {
  const size_t h = e->options.units, c = e->y->cols, nets = e->options.nets;
  lsq_matrix_fill(offset, 0);
  for (size_t k = 0; k < nets; k++) {
    const float *w = e->kept + k * e->parameters;
    for (size_t i = 0; i < e->width; i++)
      for (size_t u = 0; u < h; u++)
        lsq_matrix_row(weight, i)[k * h + u] = w[i * h + u];
    for (size_t u = 0; u < h; u++)
      bias->data[k * h + u] = w[at_bias(e) + u];
    for (size_t u = 0; u < h; u++)
      for (size_t o = 0; o < c; o++)
        lsq_matrix_row(output, k * h + u)[o] = w[at_output(e) + u * c + o] / (double)nets;
    for (size_t o = 0; o < c; o++)
      offset->data[o] += w[at_offset(e) + o] / (double)nets;
  }
}
