#include "train/kronecker_gram.h"

#include <string.h>

#include "base/simd.h"
#include "nn/dense.h"

/* Layers k >= l. Where they are one, both factors are symmetric and packed: the upper triangle,
   row by row. */
typedef struct {
  size_t k, l;
  size_t k_taken, l_taken, k_given, l_given; /* lengths of a~ and of delta */
  bool packed, k_bias, l_bias;
  bool shared; /* the last layer of a plain net with itself: one sum serves every output */
  size_t left, right;
} layer_pair;

static size_t packed_length(size_t n) {
  return n * (n + 1) / 2;
}

static layer_pair pair_of(const lsq_network *net, bool is_plain, size_t k, size_t l) {
  const lsq_layer *upper = &net->layers[k], *lower = &net->layers[l];
  layer_pair p = {.k = k,
                  .l = l,
                  .k_bias = upper->bias != NULL,
                  .l_bias = lower->bias != NULL,
                  .k_given = upper->weight.cols,
                  .l_given = lower->weight.cols,
                  .packed = k == l,
                  .shared = is_plain && k == l && k + 1 == net->depth};
  p.k_taken = upper->weight.rows + p.k_bias;
  p.l_taken = lower->weight.rows + p.l_bias;
  p.left = p.packed ? packed_length(p.k_taken) : lsq_size_multiply(p.k_taken, p.l_taken);
  p.right = p.packed ? packed_length(p.k_given) : lsq_size_multiply(p.k_given, p.l_given);
  if (p.shared)
    p.right = 1;
  return p;
}

lsq_kronecker_size lsq_kronecker_size_of(const lsq_network *net, bool is_plain) {
  lsq_kronecker_size size = {0, 0, 0, 0, 0};
  const double outputs = (double)lsq_network_outputs(net);
  for (size_t k = 0; k < net->depth; k++)
    for (size_t l = 0; l <= k; l++) {
      const layer_pair p = pair_of(net, is_plain, k, l);
      const bool once = is_plain && k + 1 == net->depth;
      size.sums = lsq_size_add(size.sums, lsq_size_multiply(p.left, p.right));
      size.left = lsq_size_max(size.left, p.left);
      size.right = lsq_size_max(size.right, p.right);
      size.products += (double)p.left * (double)p.right;
      size.factors += (double)p.left + (double)p.right * (once ? 1 : outputs);
    }
  return size;
}

/* out <- a~ b~', row by row. */
static LSQ_CLONES void outer(const double *a, size_t a_count, bool a_bias, const double *b,
                             size_t b_count, bool b_bias, double *out) {
  for (size_t p = 0; p < a_count + a_bias; p++) {
    const double factor = p < a_count ? a[p] : 1;
    for (size_t q = 0; q < b_count; q++)
      out[q] = factor * b[q];
    if (b_bias)
      out[b_count] = factor;
    out += b_count + b_bias;
  }
}

/* The upper triangle of a~ a~', packed. */
static LSQ_CLONES void square(const double *a, size_t count, bool bias, double *out) {
  for (size_t p = 0; p < count + bias; p++) {
    const double factor = p < count ? a[p] : 1;
    for (size_t q = p; q < count; q++)
      *out++ = factor * a[q];
    if (bias)
      *out++ = factor;
  }
}

/* out += d e', and the packed triangle of d d'. What is 0 in d adds nothing. */
static LSQ_CLONES void add_outer(const double *d, size_t d_count, const double *e, size_t e_count,
                                 double *out) {
  for (size_t p = 0; p < d_count; p++, out += e_count)
    for (size_t q = 0; d[p] != 0 && q < e_count; q++)
      out[q] += d[p] * e[q];
}

static LSQ_CLONES void add_square(const double *d, size_t count, double *out) {
  for (size_t p = 0; p < count; out += count - p, p++)
    for (size_t q = p; d[p] != 0 && q < count; q++)
      out[q - p] += d[p] * d[q];
}

static void fill_left(const lsq_row_factors *block, const layer_pair *p, double *left) {
  const lsq_matrix *upper = &block->inputs[p->k], *lower = &block->inputs[p->l];
  for (size_t i = 0; i < block->rows; i++, left += p->left)
    if (p->packed)
      square(lsq_matrix_row(upper, i), upper->cols, p->k_bias, left);
    else
      outer(lsq_matrix_row(upper, i), upper->cols, p->k_bias, lsq_matrix_row(lower, i), lower->cols,
            p->l_bias, left);
}

/* Of a plain net the weight of row i is the square of its delta of the first output. */
static void fill_right(const lsq_row_factors *block, const layer_pair *p, double *right) {
  const size_t outputs = lsq_network_outputs(block->net);
  const lsq_matrix *upper = &block->deltas[p->k], *lower = &block->deltas[p->l];
  memset(right, 0, block->rows * p->right * sizeof *right);
  for (size_t i = 0; i < block->rows; i++, right += p->right) {
    if (p->shared) {
      *right = *lsq_matrix_row(upper, i) * *lsq_matrix_row(upper, i);
      continue;
    }
    for (size_t o = 0; o < outputs; o++) {
      const double *d = lsq_matrix_row(upper, o * block->rows + i);
      if (p->packed)
        add_square(d, p->k_given, right);
      else
        add_outer(d, p->k_given, lsq_matrix_row(lower, o * block->rows + i), p->l_given, right);
    }
  }
}

void lsq_kronecker_add(const lsq_row_factors *block, double *sums, double *left, double *right) {
  for (size_t k = 0; k < block->net->depth; k++)
    for (size_t l = 0; l <= k; l++) {
      const layer_pair p = pair_of(block->net, block->is_plain, k, l);
      const lsq_matrix a = lsq_matrix_over(left, block->rows, p.left);
      const lsq_matrix d = lsq_matrix_over(right, block->rows, p.right);
      const lsq_matrix sum = lsq_matrix_over(sums, p.left, p.right);
      fill_left(block, &p, left);
      fill_right(block, &p, right);
      lsq_dense_gradient(&a, &d, &sum, NULL);
      sums += p.left * p.right;
    }
}

static void put(const lsq_matrix *lower, size_t a, size_t b, double value) {
  lsq_matrix_row(lower, lsq_size_max(a, b))[lsq_size_min(a, b)] = value;
}

/* A layer's parameters are numbered taken by taken, given by given, the bias last. */
static void expand_layer(const layer_pair *p, size_t place, const double *sums,
                         const lsq_matrix *matrix) {
  const size_t w = p->k_given;
  for (size_t a = 0; a < p->k_taken; a++)
    for (size_t b = a; b < p->k_taken; b++)
      for (size_t u = 0; u < w; u++)
        for (size_t v = u; v < w; v++) {
          const double value = p->shared ? (u == v ? *sums : 0) : *sums++;
          put(matrix, place + a * w + u, place + b * w + v, value);
          put(matrix, place + a * w + v, place + b * w + u, value);
          if (p->shared && u + 1 == w)
            sums++;
        }
}

static void expand_pair(const layer_pair *p, size_t k_place, size_t l_place, const double *sums,
                        const lsq_matrix *matrix) {
  for (size_t a = 0; a < p->k_taken; a++)
    for (size_t b = 0; b < p->l_taken; b++)
      for (size_t u = 0; u < p->k_given; u++) {
        double *row = lsq_matrix_row(matrix, k_place + a * p->k_given + u);
        memcpy(row + l_place + b * p->l_given, sums, p->l_given * sizeof *row);
        sums += p->l_given;
      }
}

void lsq_kronecker_expand(const lsq_network *net, bool is_plain, const double *sums,
                          const lsq_matrix *matrix) {
  for (size_t k = 0; k < net->depth; k++)
    for (size_t l = 0; l <= k; l++) {
      const layer_pair p = pair_of(net, is_plain, k, l);
      const size_t k_place = (size_t)(net->layers[k].weight.data - net->parameters);
      const size_t l_place = (size_t)(net->layers[l].weight.data - net->parameters);
      if (p.packed)
        expand_layer(&p, k_place, sums, matrix);
      else
        expand_pair(&p, k_place, l_place, sums, matrix);
      sums += p.left * p.right;
    }
}
