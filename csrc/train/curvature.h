/* The Gauss-Newton matrix of a net, summed over rows without its Jacobian ever being there as a
   whole:

     matrix = sum_i w_i J_i' C_i J_i,   J_i = d(output) / d(parameters) of row i (c x P),

   C_i = 1 for the squared error, else half the loss's second derivatives by the output. With
   C_i = R_i R_i' and delta_ko the derivative of R_io' (output) by what layer k puts out before its
   activation, column o of J_i' R_i is, layer by layer, a~_k (x) delta_ko: a~ what the layer takes,
   and 1 for its bias. Three ways:

   JACOBIAN   forms these columns in row blocks and sums their squares: c P^2 operations a row;
   KRONECKER  sums (a~_k (x) a~_l)' (sum_o delta_ko (x) delta_lo) for every pair of layers, packed
              triangles where k = l: 2 sum |A||D| operations a row, for several outputs or layers
              far fewer;
   PATTERN    of a two-layer ReLU net, from the activation-pattern Gram kernel. */
#ifndef LSQ_TRAIN_CURVATURE_H
#define LSQ_TRAIN_CURVATURE_H

#include "base/rows.h"
#include "train/pattern_curvature.h"

typedef enum { LSQ_BY_JACOBIAN, LSQ_BY_KRONECKER, LSQ_BY_PATTERN } lsq_curvature_way;

typedef struct lsq_curvature_lane lsq_curvature_lane;

typedef struct {
  const lsq_rows *rows;
  const size_t *order; /* row numbers to go by; NULL: as they come */
  lsq_network net;     /* over parameters of its own: where the matrix is formed */
  lsq_curvature_way way;
  bool is_plain;       /* C_i = 1 and an identity output: delta of the last layer is e_o */
  size_t first, count; /* of this sum's rows */
  size_t done, each;   /* rows done of each lane's share */
  size_t block_rows, length, lanes, used;
  lsq_curvature_lane *lane;
  lsq_pattern_curvature pattern;
} lsq_curvature;

/* Whether a net of this kind can be summed that way, and the way that costs least. */
bool lsq_curvature_takes(const lsq_network *net, lsq_curvature_way way);
lsq_curvature_way lsq_curvature_cheapest(const lsq_network *net, size_t rows);

/* Of a row, in nanoseconds of the machine that the rates were measured on. */
double lsq_curvature_cost(const lsq_network *net, lsq_curvature_way way);

void lsq_curvature_place(lsq_curvature *self, lsq_arena *arena, const lsq_network *net,
                         const lsq_rows *rows, lsq_curvature_way way);

/* Begins the sum at the given parameters over `count` rows from number `first` on, cyclic;
   order, NULL or a permutation of all rows, says which row a number is. */
void lsq_curvature_begin(lsq_curvature *self, const double *parameters, const size_t *order,
                         size_t first, size_t count);

/* The next rows; true when the sum is complete. About 0.05 s of work, if there is so much. */
bool lsq_curvature_advance(lsq_curvature *self);

/* After that: matrix (P x P) <- the sum, its lower triangle. */
void lsq_curvature_finish(lsq_curvature *self, const lsq_matrix *matrix);

lsq_status lsq_curvature_status(const lsq_curvature *self, lsq_error *error);

#endif
