/* Columns as piecewise-linear inputs of a net: each standardised, and as a thermometer whose bins
   lie between knots, F = [S, P]. P has as many columns as there are bins, so F is never formed
   where a product with it is wanted: a row of it is linear between two knots of each column, and
   the products at the knots are prefix sums over bins (lsq_piecewise_tables). */
#ifndef LSQ_NN_PIECEWISE_H
#define LSQ_NN_PIECEWISE_H

#include <stdint.h>

#include "base/matrix.h"

/* A bin gives 2 clip((x - b) / (b' - b), 0, 1) - 1 less its mean over the rows it was made from. A
   bin that hardly varies there is no input. */
typedef struct {
  lsq_matrix mean, deviation; /* 1 x d */
  lsq_matrix first;           /* 1 x (d + 1): knots first[j] .. first[j + 1] - 1 are column j's */
  lsq_matrix knots;           /* one a row, ascending in each column; a column may have none */
  lsq_matrix centre;          /* that mean, of the bin behind each knot; LSQ_NO_BIN without one */
} lsq_piecewise;

#define LSQ_NO_BIN 2.0 /* no mean of values in [-1, 1] */

/* The most knots that lsq_piecewise_fit makes of d columns. */
static inline size_t lsq_piecewise_most_knots(size_t d, size_t bins) {
  return d * (bins + 1);
}

/* Makes the map from x (n x d, n > 0, finite). map's matrices have room, knots and centre of
   lsq_piecewise_most_knots rows, which are cut; bins 0 makes S alone. scratch: n doubles. */
void lsq_piecewise_fit(lsq_piecewise *map, const lsq_matrix *x, size_t bins, double *scratch);

/* Columns of F: those of S, and behind them one a bin. */
size_t lsq_piecewise_width(const lsq_piecewise *map);

/* Where a value stands among its column's knots: at `knot` plus `fraction` of the way to the next;
   `beyond` is what its standardised value is above that of the last knot, or below the first's (all
   of it in a column of no knots). */
typedef struct {
  size_t knot;
  double fraction, beyond;
} lsq_piecewise_place;

lsq_piecewise_place lsq_piecewise_locate(const lsq_piecewise *map, size_t column, double value);

/* f (n x width) = [S, P] of x. */
void lsq_piecewise_expand(const lsq_piecewise *map, const lsq_matrix *x, const lsq_matrix *f);

/* What F w is made of, w (width x h): tables (a row a knot, h columns) get the product of a
   column's inputs at each knot less that at its first, base (h) the product where all columns are
   at their first knots, or at their means where they have none. */
void lsq_piecewise_tables(const lsq_piecewise *map, const lsq_matrix *w, const lsq_matrix *tables,
                          double *base);

#endif
