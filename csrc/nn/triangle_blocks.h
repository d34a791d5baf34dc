/* Triangle waves as activation functions, so that functions of several inputs and curves that
   are neither convex nor concave can be pretrained too. Block k of a layer computes

     z = x w_k + c_k,  block_k(z) = r_k z + sigma_k sum_{i<d} s_i (1 - V_i(z)),
     V_i = fold_i o ... o fold_0,  fold_i(v) = relu(b_i - v) / b_i + relu(v - b_i) / (1 - b_i),

   b_0 = a_0, b_i = 1 - a_i: on [0, 1] V_i is 1 - W_i of nn/triangle.h, and for r = 1 the block
   that triangle's F. Upside down, no neuron ever dies, and beyond [0, 1] the block goes on
   with the slope of its last piece. Layers of blocks may be stacked, with no ReLU between;
   the output is linear in the blocks of the last. Scales S are enforced. */
#ifndef LSQ_NN_TRIANGLE_BLOCKS_H
#define LSQ_NN_TRIANGLE_BLOCKS_H

#include "nn/network.h"

enum { LSQ_BLOCK_WIDTH = 5 }; /* neurons of a block: two sums, two of the fold, a constant */

typedef enum {
  LSQ_SIGNS_ALTERNATING, /* +, -, +, ...: a difference of convex functions */
  LSQ_SIGNS_ADDED,
  LSQ_SIGNS_SUBTRACTED
} lsq_block_signs;

typedef struct {
  lsq_matrix weight; /* inputs x blocks */
  double *offset;    /* blocks: c */
  double *factor;    /* blocks: r */
  lsq_matrix peaks;  /* blocks x (d + 1): a */
} lsq_block_layer;

typedef struct {
  size_t depth;  /* d, of every block */
  size_t layers; /* of blocks, at least 1 */
  lsq_block_layer *layer;
  lsq_matrix output; /* blocks of the last layer x outputs */
  double *output_bias;
  lsq_block_signs signs;
  const lsq_loss *loss; /* with its parameter's default */
  size_t parameter_count;
  double *parameters; /* weight, offset, factor, peaks of each layer, output, output_bias */
} lsq_triangle_blocks;

/* widths has 1 + layers + 1 entries: inputs, blocks of each layer, outputs. */
void lsq_triangle_blocks_place(lsq_triangle_blocks *self, lsq_arena *arena, size_t depth,
                               size_t layers, const size_t *widths);

/* Points the layers into another flat vector of the same layout. */
void lsq_triangle_blocks_point(lsq_triangle_blocks *self, double *parameters);

static inline size_t lsq_triangle_blocks_inputs(const lsq_triangle_blocks *self) {
  return self->layer[0].weight.rows;
}

/* Bytes of workspace of the functions below on so many rows. */
size_t lsq_triangle_blocks_workspace(const lsq_triangle_blocks *self, size_t rows);

/* Draws everything anew: directions w uniform, such that each z covers [0, 1] over the rows
   of x whose weight (NULL: all 1) is above 0, peaks uniform in [0.2, 0.8), output weights N(0, 1 /
   blocks), bias 0. Two choices of ours: r = 0, a bowl with no slope of its own, where r = 1 is a
   ramp that descent first has to flatten; and of one output positive weights, so that the signs
   decide which blocks are concave. Otherwise many nets stay at a linear fit. */
void lsq_triangle_blocks_draw(lsq_triangle_blocks *self, const lsq_matrix *x, const double *weights,
                              lsq_random *random, void *workspace);

void lsq_triangle_blocks_predict(const lsq_triangle_blocks *self, const lsq_matrix *x,
                                 const lsq_matrix *out, void *workspace);

/* The mean loss, by weights (rows; NULL: all 1); gradient (parameter_count), NULL: not asked for.
 */
double lsq_triangle_blocks_gradient(const lsq_triangle_blocks *self, const lsq_matrix *x,
                                    const lsq_matrix *y, const double *weights, double *gradient,
                                    void *workspace);

/* The shape of the equal dense net: widths has 2 + layers * depth entries. */
void lsq_triangle_blocks_widths(const lsq_triangle_blocks *self, size_t *widths);

/* Writes the weights of the equal dense net. */
void lsq_triangle_blocks_set_weights(const lsq_triangle_blocks *self, lsq_network *net);

/* mask (parameters of the dense net): 0 for hidden weights between neurons of two blocks of
   the same layer, otherwise 1. */
void lsq_triangle_blocks_mask(const lsq_triangle_blocks *self, const lsq_network *net,
                              double *mask);

#endif
