/* Element by element: operations on two matrices, fills, comparisons. */
#ifndef LSQ_LINALG_ELEMENTWISE_H
#define LSQ_LINALG_ELEMENTWISE_H

#include "base/matrix.h"
#include "base/random.h"

typedef enum { LSQ_ADD, LSQ_SUBTRACT, LSQ_MULTIPLY, LSQ_DIVIDE } lsq_operation;

/* What stands on one side of an operation: a matrix, or one whose single row, column or
   number is spread by a step of 0. */
typedef struct {
  const double *data;
  size_t row_step, col_step; /* doubles to the next row, to the next column */
} lsq_operand;

static inline lsq_operand lsq_operand_number(const double *value) {
  return (lsq_operand){value, 0, 0};
}

/* m over a result of rows x cols: m has that shape, or is one row or one column of it.
   False when it is none of these. */
bool lsq_operand_spread(const lsq_matrix *m, size_t rows, size_t cols, lsq_operand *operand);

/* out = a operation b. out may be the very memory of an operand of its shape, and overlap
   the operands in no other way. */
void lsq_elementwise(lsq_operation operation, lsq_operand a, lsq_operand b, const lsq_matrix *out);

/* Whether all elements are equal as numbers (no NaN is equal to anything). Same shape. */
bool lsq_equal(const lsq_matrix *a, const lsq_matrix *b);

/* Whether everywhere |a - b| <= absolute + relative |b|; infinities are close to themselves
   alone, a NaN to nothing. Same shape. */
bool lsq_all_close(const lsq_matrix *a, const lsq_matrix *b, double relative, double absolute);

void lsq_fill_identity(const lsq_matrix *m);

/* Zeros above the diagonal. */
void lsq_clear_above_diagonal(const lsq_matrix *m);

/* m (n x 1) = n equally spaced numbers from first to last, both included exactly. */
void lsq_fill_linspace(const lsq_matrix *m, double first, double last);

/* Uniform in [0, 1), and standard normal numbers, row by row. */
void lsq_fill_uniform(const lsq_matrix *m, lsq_random *random);
void lsq_fill_normal(const lsq_matrix *m, lsq_random *random);

#endif
