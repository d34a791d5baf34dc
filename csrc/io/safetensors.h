/* Networks as safetensors files: eight bytes with the header's length, a header of JSON, the
   tensors' bytes. Tensors are `layers.K.weight` [inputs, outputs] and `layers.K.bias`
   [outputs], K from 1, and `skip.weight` [inputs, outputs] of a net with direct connections, F64
   (F32 is read too); the strings of `__metadata__` describe the rest.
   Loading is over a block that holds the whole file: open, then find the memory, then read. */
#ifndef LSQ_IO_SAFETENSORS_H
#define LSQ_IO_SAFETENSORS_H

#include "io/file.h"
#include "io/json.h"
#include "nn/network.h"

/* A tensor of the file. Absent biases have begin = end = SIZE_MAX. */
typedef struct {
  size_t begin, end; /* bytes of the data */
  size_t index;      /* 2 (K - 1), and 1 more for a bias; 2 depth: the direct connections */
  bool single;       /* F32 */
} lsq_stored_tensor;

typedef struct {
  const char *path;
  lsq_text header, metadata; /* the JSON texts of the two objects */
  const unsigned char *data;
  size_t data_size;
  size_t depth;
  lsq_text layers; /* "7,64,1" */
  const lsq_activation *activation, *output_activation;
  double alpha;
  const lsq_loss *loss;
  double loss_parameter;
  /* Placed by lsq_stored_place: */
  size_t *widths; /* depth + 1 */
  bool *bias;     /* depth */
  bool skip;
  lsq_stored_tensor *tensors; /* 2 depth + 1 */
} lsq_stored_network;

/* Reads the header's metadata. What it allocates for is bounded by the file's size.
   LSQ_BAD_FORMAT, LSQ_TOO_LARGE. */
lsq_status lsq_stored_open(lsq_stored_network *stored, const char *path, const void *block,
                           size_t size, lsq_error *error);

/* Places widths, bias and tensors; measures with a measuring arena. */
void lsq_stored_place(lsq_stored_network *stored, lsq_arena *arena);

/* Fills them and checks every tensor: shape, type, place; that none is missing or unknown,
   and that together they are the file's data without gaps. */
lsq_status lsq_stored_check(lsq_stored_network *stored, lsq_error *error);

/* Fills a network of the stored shape. */
void lsq_stored_read(const lsq_stored_network *stored, lsq_network *net);

/* The next pair of the metadata that is not our own, still with escapes; `json` is started by
   lsq_json_begin(&json, stored->metadata) and lsq_json_open(&json, '{'). */
bool lsq_stored_next_extra(lsq_json *json, lsq_text *key, lsq_text *value);

/* A pair of metadata, as valid UTF-8 without escapes. */
typedef struct {
  lsq_text key, value;
} lsq_metadata;

/* Saves a network, with `count` pairs of metadata beside our own, which are put in order. */
lsq_status lsq_safetensors_write(lsq_writer *writer, const char *path, const lsq_network *net,
                                 lsq_metadata *extra, size_t count, lsq_error *error);

/* The metadata of our own: keys, and the values of the first two. */
enum {
  LSQ_KEY_FORMAT,
  LSQ_KEY_VERSION,
  LSQ_KEY_LAYERS,
  LSQ_KEY_ACTIVATION,
  LSQ_KEY_ALPHA,
  LSQ_KEY_OUTPUT_ACTIVATION,
  LSQ_KEY_LOSS,
  LSQ_KEY_LOSS_PARAMETER, /* only where the loss has one */
  LSQ_KEYS
};
extern const char *const lsq_metadata_keys[LSQ_KEYS];
#define LSQ_FORMAT "lsqnet"
#define LSQ_FORMAT_VERSION "1"
#define LSQ_BLEND_VERSION "2" /* of lua/lsqnet/model/file.lua, whose tensors are no layers */

#endif
