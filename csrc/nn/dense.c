/* One micro-kernel serves all products: BLOCK rows by one cache line of columns of the result
   stay in registers while the inner dimension runs.

   GFLOP/s of forward / gradient / backward on 256 rows, one thread of a 2.6 GHz Xeon, AVX-512:
   13 x 64: 49 / 40 / 49; 64 x 64: 69 / 53 / 67; 256 x 256: 72 / 57 / 71; 512 x 512: 58 / 38 / 60;
   AVX2 code: 24 / 30 / 23, 42 / 38 / 40, 45 / 39 / 44, 40 / 33 / 40. OpenBLAS: 62, 61, 68, 72;
   reference BLAS: 5, 5, 6, 5. So there is no size from which a BLAS would have to take over:
   the most to be won is less than a factor of 2, the most to be lost one of 10. */
#include "nn/dense.h"

#include <string.h>

#include "base/simd.h"
#include "base/size.h"

enum {
  LANES = 8,
  BLOCK = 8,   /* rows: 8 x LANES sums are 8 registers of AVX-512 */
  DEPTH = 256, /* of the inner dimension at a time: a panel of it fills 16 kB */
  ROWS = 128,  /* the same where it is the rows of two matrices, which the L2 cache holds */
  PACKED = 32, /* rows of the result from which a copy of the panel pays */
  FEW = 3,     /* outputs for which lanes run along the inner dimension */
  DOTS = 4     /* rows whose dot products run together */
};

/* The left factor of a product: element (row, k) at data[row * row_step + k * step]. */
typedef struct {
  const double *data;
  size_t row_step, step;
} left_factor;

/* depth x LANES of the right factor. */
typedef struct {
  const double *data;
  size_t stride;
} panel;

/* c (rows x LANES) = start + a b, rows a constant at most BLOCK; start (stride start_stride,
   0: one row for all) may be c itself. */
LSQ_INLINE void multiply_block(size_t rows, left_factor a, panel b, size_t depth,
                               const double *start, size_t start_stride, double *c, size_t stride) {
  double sum[BLOCK][LANES];
#pragma GCC unroll 8
  for (size_t r = 0; r < rows; r++) {
#pragma omp simd
    for (size_t q = 0; q < LANES; q++)
      sum[r][q] = start[r * start_stride + q];
  }
  for (size_t k = 0; k < depth; k++) {
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++) {
      const double left = a.data[r * a.row_step + k * a.step];
#pragma omp simd
      for (size_t q = 0; q < LANES; q++)
        sum[r][q] += left * b.data[k * b.stride + q];
    }
  }
#pragma GCC unroll 8
  for (size_t r = 0; r < rows; r++) {
#pragma omp simd
    for (size_t q = 0; q < LANES; q++)
      c[r * stride + q] = sum[r][q];
  }
}

/* The same for any number of rows up to BLOCK. */
LSQ_INLINE void multiply_rows(size_t rows, left_factor a, panel b, size_t depth,
                              const double *start, size_t start_stride, double *c, size_t stride) {
  switch (rows) {
  case 1:
    multiply_block(1, a, b, depth, start, start_stride, c, stride);
    break;
  case 2:
    multiply_block(2, a, b, depth, start, start_stride, c, stride);
    break;
  case 3:
    multiply_block(3, a, b, depth, start, start_stride, c, stride);
    break;
  case 4:
    multiply_block(4, a, b, depth, start, start_stride, c, stride);
    break;
  case 5:
    multiply_block(5, a, b, depth, start, start_stride, c, stride);
    break;
  case 6:
    multiply_block(6, a, b, depth, start, start_stride, c, stride);
    break;
  case 7:
    multiply_block(7, a, b, depth, start, start_stride, c, stride);
    break;
  default:
    multiply_block(8, a, b, depth, start, start_stride, c, stride);
  }
}

/* c (rows x LANES) = start + a b, for any number of rows. */
LSQ_CLONES
static void multiply_panel(size_t rows, left_factor a, panel b, size_t depth, const double *start,
                           size_t start_stride, double *c, size_t stride) {
  for (size_t count; rows > 0; rows -= count) {
    count = lsq_size_min(rows, BLOCK);
    multiply_rows(count, a, b, depth, start, start_stride, c, stride);
    a.data += count * a.row_step;
    start += count * start_stride;
    c += count * stride;
  }
}

/* The same where not all columns of c exist: row r has width + r * growth of them, at most
   `most`; the others are neither read nor written. */
LSQ_CLONES
static void multiply_edge(size_t rows, left_factor a, panel b, size_t depth, const double *start,
                          size_t start_stride, double *c, size_t stride, size_t width,
                          size_t growth, size_t most) {
  double block[BLOCK * LANES] = {0};
  for (size_t first = 0; first < rows; first += BLOCK) {
    const size_t count = lsq_size_min(rows - first, BLOCK);
    for (size_t r = 0; r < count; r++) {
      const size_t w = lsq_size_min(width + (first + r) * growth, most);
      const double *from = start + (first + r) * start_stride;
      for (size_t q = 0; q < w; q++)
        block[r * LANES + q] = from[q];
    }
    multiply_rows(count, a, b, depth, block, LANES, block, LANES);
    a.data += count * a.row_step;
    for (size_t r = 0; r < count; r++) {
      const size_t w = lsq_size_min(width + (first + r) * growth, most);
      double *to = c + (first + r) * stride;
      for (size_t q = 0; q < w; q++)
        to[q] = block[r * LANES + q];
    }
  }
}

/* Columns first .. of m as a panel: in place, or where `copy` asks for it or fewer than LANES
   columns are left, a copy in `memory` (m->rows x LANES) with zeros beside. */
static panel panel_of(const lsq_matrix *m, size_t first, bool copy, double *memory) {
  const size_t width = lsq_size_min(m->cols - first, LANES);
  if (width == LANES && !copy)
    return (panel){m->data + first, m->stride};
  for (size_t k = 0; k < m->rows; k++) {
    const double *row = lsq_matrix_row(m, k) + first;
    if (width == LANES)
      memcpy(memory + k * LANES, row, LANES * sizeof *row);
    else
      for (size_t q = 0; q < LANES; q++)
        memory[k * LANES + q] = q < width ? row[q] : 0;
  }
  return (panel){memory, LANES};
}

/* The panel of rows first .. of m, transposed: m->cols x LANES. */
static panel transposed_panel(const lsq_matrix *m, size_t first, double *memory) {
  const size_t width = lsq_size_min(m->rows - first, LANES);
  for (size_t q = 0; q < LANES; q++) {
    const double *row = lsq_matrix_row(m, first + (q < width ? q : 0));
    for (size_t k = 0; k < m->cols; k++)
      memory[k * LANES + q] = q < width ? row[k] : 0;
  }
  return (panel){memory, LANES};
}

static lsq_matrix columns_of(const lsq_matrix *m, size_t first, size_t count) {
  return (lsq_matrix){m->data + first, m->rows, count, m->stride};
}

/* Columns first .. of c = start + a b. */
static void multiply_columns(left_factor a, panel b, size_t depth, const double *start,
                             size_t start_stride, const lsq_matrix *c, size_t first) {
  const size_t width = c->cols - first;
  if (width >= LANES)
    multiply_panel(c->rows, a, b, depth, start, start_stride, c->data + first, c->stride);
  else
    multiply_edge(c->rows, a, b, depth, start, start_stride, c->data + first, c->stride, width, 0,
                  width);
}

/* z[r] += row r of x . w, for `rows` rows, a constant at most DOTS. */
LSQ_INLINE void add_dots(size_t rows, const double *x, size_t x_stride, const double *w,
                         size_t depth, double *z, size_t z_stride) {
  double sum[DOTS][LANES] = {{0}};
  size_t k = 0;
  for (; k + LANES <= depth; k += LANES) {
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
      for (size_t q = 0; q < LANES; q++)
        sum[r][q] += x[r * x_stride + k + q] * w[k + q];
    }
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < rows; r++) {
    const double *s = sum[r];
    double rest = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    for (size_t at = k; at < depth; at++)
      rest += x[r * x_stride + at] * w[at];
    z[r * z_stride] += rest;
  }
}

/* Forward with at most FEW outputs: one dot product per row and output. */
LSQ_CLONES
static void forward_few(const lsq_matrix *x, const lsq_matrix *weight, const lsq_matrix *z) {
  double column[DEPTH];
  for (size_t q = 0; q < z->cols; q++) {
    for (size_t k = 0; k < weight->rows; k++)
      column[k] = lsq_matrix_row(weight, k)[q];
    size_t i = 0;
    for (; i + DOTS <= x->rows; i += DOTS)
      add_dots(DOTS, lsq_matrix_row(x, i), x->stride, column, x->cols, lsq_matrix_row(z, i) + q,
               z->stride);
    for (; i < x->rows; i++)
      add_dots(1, lsq_matrix_row(x, i), x->stride, column, x->cols, lsq_matrix_row(z, i) + q,
               z->stride);
  }
}

/* Forward with at most FEW outputs, a constant, and fewer than LANES inputs: panels of whole lanes
   would be mostly zeros. */
LSQ_INLINE void forward_narrow(size_t outputs, const lsq_matrix *x, const lsq_matrix *weight,
                               const double *bias, const lsq_matrix *z) {
  double w[LANES][FEW];
  for (size_t k = 0; k < weight->rows; k++)
    for (size_t q = 0; q < outputs; q++)
      w[k][q] = lsq_matrix_row(weight, k)[q];
  for (size_t i = 0; i < x->rows; i++) {
    const double *from = lsq_matrix_row(x, i);
    double sum[FEW];
#pragma GCC unroll 3
    for (size_t q = 0; q < outputs; q++)
      sum[q] = bias == NULL ? 0 : bias[q];
    for (size_t k = 0; k < x->cols; k++)
#pragma GCC unroll 3
      for (size_t q = 0; q < outputs; q++)
        sum[q] += from[k] * w[k][q];
#pragma GCC unroll 3
    for (size_t q = 0; q < outputs; q++)
      lsq_matrix_row(z, i)[q] = sum[q];
  }
}

LSQ_CLONES
static void forward_narrow_to(const lsq_matrix *x, const lsq_matrix *weight, const double *bias,
                              const lsq_matrix *z) {
  if (z->cols == 1)
    forward_narrow(1, x, weight, bias, z);
  else if (z->cols == 2)
    forward_narrow(2, x, weight, bias, z);
  else
    forward_narrow(3, x, weight, bias, z);
}

static void fill_rows(const double *row, const lsq_matrix *z) {
  for (size_t i = 0; i < z->rows; i++)
    for (size_t q = 0; q < z->cols; q++)
      lsq_matrix_row(z, i)[q] = row == NULL ? 0 : row[q];
}

void lsq_dense_forward(const lsq_matrix *x, const lsq_matrix *weight, const double *bias,
                       const lsq_matrix *z) {
  const bool few = z->cols <= FEW && x->cols >= LANES;
  double memory[DEPTH * LANES];
  static const double zeros[LANES];
  if (z->cols <= FEW && z->cols > 0 && x->cols < LANES) {
    forward_narrow_to(x, weight, bias, z);
    return;
  }
  if (few || x->cols == 0)
    fill_rows(bias, z);
  for (size_t k = 0; k < x->cols; k += DEPTH) {
    const size_t depth = lsq_size_min(x->cols - k, DEPTH);
    const lsq_matrix part = lsq_matrix_rows(weight, k, depth), inputs = columns_of(x, k, depth);
    if (few) {
      forward_few(&inputs, &part, z);
      continue;
    }
    for (size_t first = 0; first < z->cols; first += LANES) {
      const left_factor a = {inputs.data, x->stride, 1};
      const panel b = panel_of(&part, first, z->rows >= PACKED, memory);
      const double *start = k > 0 ? z->data + first : bias != NULL ? bias + first : zeros;
      multiply_columns(a, b, depth, start, k > 0 ? z->stride : 0, z, first);
    }
  }
}

/* g (inputs) += x' delta, for one column of delta. */
LSQ_CLONES
static void add_weighted_rows(const lsq_matrix *x, const double *delta, size_t delta_stride,
                              double *restrict g) {
  size_t i = 0;
  for (; i + DOTS <= x->rows; i += DOTS) {
    const double *a = lsq_matrix_row(x, i), *b = a + x->stride, *c = b + x->stride,
                 *d = c + x->stride;
    const double *at = delta + i * delta_stride;
    const double u = at[0], v = at[delta_stride], w = at[2 * delta_stride],
                 y = at[3 * delta_stride];
#pragma omp simd
    for (size_t p = 0; p < x->cols; p++)
      g[p] += (a[p] * u + b[p] * v) + (c[p] * w + d[p] * y);
  }
  for (; i < x->rows; i++) {
    const double *a = lsq_matrix_row(x, i), u = delta[i * delta_stride];
#pragma omp simd
    for (size_t p = 0; p < x->cols; p++)
      g[p] += a[p] * u;
  }
}

/* Gradient with at most FEW outputs: lanes run along the inputs. */
static void gradient_few(const lsq_matrix *x, const lsq_matrix *delta, const lsq_matrix *gradient) {
  double sum[DEPTH];
  for (size_t p = 0; p < x->cols; p += DEPTH) {
    const lsq_matrix part = columns_of(x, p, lsq_size_min(x->cols - p, DEPTH));
    for (size_t q = 0; q < delta->cols; q++) {
      memset(sum, 0, part.cols * sizeof *sum);
      add_weighted_rows(&part, delta->data + q, delta->stride, sum);
      for (size_t r = 0; r < part.cols; r++)
        lsq_matrix_row(gradient, p + r)[q] += sum[r];
    }
  }
}

LSQ_CLONES
static void add_column_sums(const lsq_matrix *delta, double *restrict sum) {
  for (size_t i = 0; i < delta->rows; i++) {
    const double *row = lsq_matrix_row(delta, i);
#pragma omp simd
    for (size_t q = 0; q < delta->cols; q++)
      sum[q] += row[q];
  }
}

void lsq_dense_gradient(const lsq_matrix *x, const lsq_matrix *delta,
                        const lsq_matrix *gradient_weight, double *gradient_bias) {
  double memory[ROWS * LANES];
  if (gradient_bias != NULL)
    add_column_sums(delta, gradient_bias);
  if (delta->cols <= FEW) {
    gradient_few(x, delta, gradient_weight);
    return;
  }
  for (size_t i = 0; i < x->rows; i += ROWS) {
    const size_t depth = lsq_size_min(x->rows - i, ROWS);
    const lsq_matrix part = lsq_matrix_rows(delta, i, depth);
    const left_factor a = {lsq_matrix_row(x, i), 1, x->stride};
    for (size_t first = 0; first < delta->cols; first += LANES)
      multiply_columns(a, panel_of(&part, first, x->cols >= PACKED, memory), depth,
                       gradient_weight->data + first, gradient_weight->stride, gradient_weight,
                       first);
  }
}

void lsq_dense_backward(const lsq_matrix *delta, const lsq_matrix *weight, const lsq_matrix *out) {
  double memory[DEPTH * LANES];
  static const double zeros[LANES];
  if (delta->cols == 0)
    fill_rows(NULL, out);
  for (size_t k = 0; k < delta->cols; k += DEPTH) {
    const size_t depth = lsq_size_min(delta->cols - k, DEPTH);
    const lsq_matrix part = columns_of(weight, k, depth);
    const left_factor a = {delta->data + k, delta->stride, 1};
    for (size_t first = 0; first < out->cols; first += LANES)
      multiply_columns(a, transposed_panel(&part, first, memory), depth,
                       k > 0 ? out->data + first : zeros, k > 0 ? out->stride : 0, out, first);
  }
}

void lsq_dense_gram(const lsq_matrix *s, const lsq_matrix *sum) {
  double memory[ROWS * LANES];
  for (size_t i = 0; i < s->rows; i += ROWS) {
    const size_t depth = lsq_size_min(s->rows - i, ROWS);
    const lsq_matrix part = lsq_matrix_rows(s, i, depth);
    for (size_t first = 0; first < s->cols; first += LANES) {
      const panel b = panel_of(&part, first, s->cols - first >= PACKED, memory);
      const size_t width = lsq_size_min(s->cols - first, LANES);
      /* The rows that cross the diagonal, then those below. */
      left_factor a = {part.data + first, 1, s->stride};
      double *c = lsq_matrix_row(sum, first) + first;
      multiply_edge(width, a, b, depth, c, sum->stride, c, sum->stride, 1, 1, width);
      if (first + width < s->cols) {
        a.data += width;
        c += width * sum->stride;
        multiply_panel(s->cols - first - width, a, b, depth, c, sum->stride, c, sum->stride);
      }
    }
  }
}
