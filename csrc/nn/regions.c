#include "nn/regions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/skip.h"

/* What a layer makes of an interval on which its inputs are linear. */
typedef struct {
  double left;             /* where the interval begins */
  double *value, *slope;   /* before the activation: value at `left`, and slope */
  double *magnitude;       /* sum of the absolute terms of each slope */
  double *cuts;            /* the interval's ends and the kinks between them, ascending */
  size_t count, next;      /* cuts; the part from cut `next` to the one after it comes next */
  double *out, *out_slope; /* after the activation, on the part that is being walked */
} level;

struct lsq_regions {
  const lsq_network *net;
  level *levels;  /* one a layer */
  size_t current; /* level that the walk is at */
  double tolerance, gap;
  double *slope, *magnitude; /* of the outputs, on the last piece */
  size_t pieces;
};

static void layout(lsq_regions *r, lsq_arena *arena, const lsq_network *net) {
  r->levels = lsq_arena_take(arena, net->depth, sizeof *r->levels);
  const size_t outputs = lsq_network_outputs(net);
  r->slope = lsq_arena_doubles(arena, outputs);
  r->magnitude = lsq_arena_doubles(arena, outputs);
  for (size_t k = 0; k < net->depth; k++) {
    const size_t width = net->layers[k].weight.cols;
    double *numbers = lsq_arena_doubles(arena, 6 * width + 2);
    if (numbers == NULL)
      continue;
    r->levels[k] = (level){.value = numbers,
                           .slope = numbers + width,
                           .magnitude = numbers + 2 * width,
                           .out = numbers + 3 * width,
                           .out_slope = numbers + 4 * width,
                           .cuts = numbers + 5 * width};
  }
}

bool lsq_regions_countable(const lsq_network *net) {
  return lsq_network_inputs(net) == 1 && net->output_activation->piecewise_linear &&
         (net->depth == 1 || net->activation->piecewise_linear);
}

size_t lsq_regions_size(const lsq_network *net) {
  lsq_regions r;
  lsq_arena arena = lsq_arena_measure();
  lsq_arena_take(&arena, 1, sizeof r);
  layout(&r, &arena, net);
  return arena.used;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Cuts [left, right] at the kinks of the level's units, and drops cuts that are too close to
   the one before or to the right end. */
static void cut(const lsq_regions *r, level *l, size_t width, bool has_kinks, double right) {
  size_t count = 1;
  l->cuts[0] = l->left;
  for (size_t j = 0; has_kinks && j < width; j++) {
    const double kink = l->left - l->value[j] / l->slope[j];
    if (kink > l->left && kink < right) /* not where the slope is 0: infinite or NaN */
      l->cuts[count++] = kink;
  }
  qsort(l->cuts + 1, count - 1, sizeof *l->cuts, compare);
  size_t kept = 1;
  for (size_t i = 1; i < count; i++)
    if (l->cuts[i] - l->cuts[kept - 1] > r->gap && right - l->cuts[i] > r->gap)
      l->cuts[kept++] = l->cuts[i];
  l->cuts[kept++] = right;
  l->count = kept;
  l->next = 0;
}

/* What direct connections bring to the last level: the input's value is where it begins. */
static void add_skip(const lsq_network *net, level *l) {
  for (size_t j = 0; lsq_network_skips(net) && j < net->skip.cols; j++) {
    l->value[j] += l->left * net->skip.data[j];
    l->slope[j] += net->skip.data[j];
    l->magnitude[j] += fabs(net->skip.data[j]);
  }
}

/* The walk goes down to level k, whose inputs have these values at `left` and these slopes. */
static void enter(lsq_regions *r, size_t k, const double *value, const double *slope, double left,
                  double right) {
  const lsq_layer *layer = &r->net->layers[k];
  const size_t inputs = layer->weight.rows, width = layer->weight.cols;
  level *l = &r->levels[k];
  l->left = left;
  for (size_t j = 0; j < width; j++) {
    l->value[j] = layer->bias == NULL ? 0 : layer->bias[j];
    l->slope[j] = l->magnitude[j] = 0;
  }
  for (size_t i = 0; i < inputs; i++) {
    const double *weight = lsq_matrix_row(&layer->weight, i);
    for (size_t j = 0; j < width; j++) {
      l->value[j] += value[i] * weight[j];
      l->slope[j] += slope[i] * weight[j];
      l->magnitude[j] += fabs(slope[i] * weight[j]);
    }
  }
  if (k + 1 == r->net->depth)
    add_skip(r->net, l);
  cut(r, l, width, lsq_activation_has_kink(lsq_network_activation(r->net, k)), right);
  r->current = k;
}

/* Applies the activation on a part: which side of its kink a unit is on shows in the middle. */
static void activate(const lsq_regions *r, size_t k, double left, double right) {
  level *l = &r->levels[k];
  const double below = lsq_activation_slope(lsq_network_activation(r->net, k), r->net->alpha);
  const double middle = left + (right - left) / 2;
  for (size_t j = 0; j < r->net->layers[k].weight.cols; j++) {
    const double factor = l->value[j] + l->slope[j] * (middle - l->left) > 0 ? 1 : below;
    l->out[j] = factor * (l->value[j] + l->slope[j] * (left - l->left));
    l->out_slope[j] = factor * l->slope[j];
  }
}

/* The outputs are linear on this part: a new piece, unless all slopes stayed. */
static void visit(lsq_regions *r, const level *l) {
  const size_t outputs = lsq_network_outputs(r->net);
  bool changed = r->pieces == 0;
  for (size_t j = 0; j < outputs && !changed; j++) {
    const double scale = fmax(r->magnitude[j], l->magnitude[j]);
    changed = fabs(l->out_slope[j] - r->slope[j]) > r->tolerance * scale;
  }
  r->pieces += changed;
  memcpy(r->slope, l->out_slope, outputs * sizeof(double));
  memcpy(r->magnitude, l->magnitude, outputs * sizeof(double));
}

lsq_regions *lsq_regions_start(void *memory, const lsq_network *net, double low, double high,
                               double tolerance) {
  lsq_arena arena = lsq_arena_over(memory);
  lsq_regions *r = lsq_arena_take(&arena, 1, sizeof *r);
  layout(r, &arena, net);
  r->net = net;
  r->tolerance = tolerance;
  r->gap = 1e-12 * fmax(fabs(low), fabs(high));
  r->pieces = 0;
  const double slope = 1;
  enter(r, 0, &low, &slope, low, high);
  return r;
}

bool lsq_regions_step(lsq_regions *r) {
  for (int intervals = 0; intervals < 4096; intervals++) {
    level *l = &r->levels[r->current];
    if (l->next + 1 == l->count) {
      if (r->current == 0)
        return false;
      r->current--;
      continue;
    }
    const double left = l->cuts[l->next], right = l->cuts[l->next + 1];
    l->next++;
    activate(r, r->current, left, right);
    if (r->current + 1 == r->net->depth)
      visit(r, l);
    else
      enter(r, r->current + 1, l->out, l->out_slope, left, right);
  }
  return true;
}

size_t lsq_regions_count(const lsq_regions *r) {
  return r->pieces;
}
