#include "io/safetensors.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/bytes.h"
#include "io/number.h"

const char *const lsq_metadata_keys[LSQ_KEYS] = {
    "format", "format_version",    "layers", "activation",
    "alpha",  "output_activation", "loss",   "loss_parameter"};

enum {
  LENGTH_SIZE = 8,            /* bytes of the header's length */
  LONGEST_HEADER = 100000000, /* the limit of the safetensors library */
  SHORTEST_ENTRY = 60         /* "layers.1.weight":{"dtype":"F64","shape":[1,1],... */
};

/* For "%.*s": what messages show of a text from the file. */
#define SHOWN(text) (int)((text).length < 60 ? (text).length : 60), (text).bytes

static lsq_status fail_json(const lsq_stored_network *stored, const lsq_json *json,
                            lsq_error *error) {
  return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: the header is wrong at byte %zu: %s",
                  stored->path, (size_t)(json->position - stored->header.bytes), json->failure);
}

/* The index of the string in a list that ends with NULL; -1 for another. */
static int find_word(lsq_text string, const char *const *words) {
  for (int k = 0; words[k] != NULL; k++)
    if (lsq_json_equals(string, words[k]))
      return k;
  return -1;
}

static size_t find_key(lsq_text key) {
  size_t k = 0;
  while (k < LSQ_KEYS && !lsq_json_equals(key, lsq_metadata_keys[k]))
    k++;
  return k;
}

bool lsq_stored_next_extra(lsq_json *json, lsq_text *key, lsq_text *value) {
  while (lsq_json_next(json, '}') && lsq_json_key(json, key) && lsq_json_string(json, value))
    if (find_key(*key) == LSQ_KEYS)
      return true;
  return false;
}

/* Our own pairs of the object that comes next. */
static lsq_status read_metadata(lsq_stored_network *stored, lsq_json *json, lsq_text *values,
                                lsq_error *error) {
  lsq_text key, value;
  if (stored->metadata.bytes != NULL)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: __metadata__ appears twice", stored->path);
  lsq_json_open(json, '{');
  stored->metadata.bytes = json->position - 1;
  while (lsq_json_next(json, '}') && lsq_json_key(json, &key) && lsq_json_string(json, &value)) {
    size_t k = find_key(key);
    if (k < LSQ_KEYS && values[k].bytes != NULL)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: metadata '%s' appears twice", stored->path,
                      lsq_metadata_keys[k]);
    if (k < LSQ_KEYS)
      values[k] = value;
  }
  stored->metadata.length = (size_t)(json->position - stored->metadata.bytes);
  return json->failure == NULL ? LSQ_OK : fail_json(stored, json, error);
}

/* Goes through the header once and finds the metadata. */
static lsq_status find_metadata(lsq_stored_network *stored, lsq_text *values, lsq_error *error) {
  lsq_json json;
  lsq_text key;
  lsq_json_begin(&json, stored->header);
  lsq_json_open(&json, '{');
  while (lsq_json_next(&json, '}') && lsq_json_key(&json, &key))
    if (!lsq_json_equals(key, "__metadata__"))
      lsq_json_skip(&json);
    else if (read_metadata(stored, &json, values, error) != LSQ_OK)
      return error->status;
  if (!lsq_json_end(&json))
    return fail_json(stored, &json, error);
  return LSQ_OK;
}

/* The width at *p, moving to the comma or the end behind it; 0 when it is none. */
static size_t read_width(const char **p, const char *end) {
  const char *q = *p;
  size_t width = 0;
  if (q < end && *q == '0')
    return 0;
  for (; q < end && *q >= '0' && *q <= '9'; q++)
    width = lsq_size_add(lsq_size_multiply(width, 10), (size_t)(*q - '0'));
  *p = q;
  return q == end || *q == ',' ? width : 0;
}

static lsq_status count_layers(lsq_stored_network *stored, lsq_error *error) {
  const char *p = stored->layers.bytes, *end = p + stored->layers.length;
  size_t widths = 0;
  bool right = true, more = true;
  for (; more && right; widths++) {
    size_t width = read_width(&p, end);
    right = width > 0 && width < SIZE_MAX;
    more = p < end;
    p++;
  }
  if (!right || widths < 2)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: layers '%.*s' are not widths such as '7,64,1'",
                    stored->path, SHOWN(stored->layers));
  stored->depth = widths - 1;
  if (stored->depth > stored->header.length / SHORTEST_ENTRY)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu layers, but fewer tensors", stored->path,
                    stored->depth);
  return LSQ_OK;
}

/* NaN where the text is no number. */
static lsq_status read_number(lsq_text text, double *value, lsq_error *error) {
  lsq_number_locale locale;
  if (!lsq_number_enter(&locale, error))
    return error->status;
  if (lsq_number_parse(text.bytes, value) != text.bytes + text.length)
    *value = NAN;
  lsq_number_leave(&locale);
  return LSQ_OK;
}

static lsq_status read_alpha(lsq_stored_network *stored, lsq_text text, lsq_error *error) {
  if (read_number(text, &stored->alpha, error) != LSQ_OK)
    return error->status;
  if (!(stored->alpha >= 0 && stored->alpha < 1))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: alpha '%.*s' is not in [0,1)", stored->path,
                    SHOWN(text));
  return LSQ_OK;
}

/* Of a loss that has one; files of others need not say any. */
static lsq_status read_loss_parameter(lsq_stored_network *stored, lsq_text text, lsq_error *error) {
  const lsq_loss *loss = stored->loss;
  stored->loss_parameter = loss->standard;
  if (loss->parameter == NULL)
    return LSQ_OK;
  if (text.bytes == NULL)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: metadata 'loss_parameter' is missing",
                    stored->path);
  if (read_number(text, &stored->loss_parameter, error) != LSQ_OK)
    return error->status;
  if (!(stored->loss_parameter >= loss->minimum && stored->loss_parameter <= loss->maximum))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: loss_parameter '%.*s' is no %s of the loss %s",
                    stored->path, SHOWN(text), loss->parameter, loss->name);
  return LSQ_OK;
}

/* Whether a version is a whole number, and thus one that we may come to know. */
static bool is_newer(lsq_text version) {
  for (size_t i = 0; i < version.length; i++)
    if (version.bytes[i] < '0' || version.bytes[i] > '9')
      return false;
  return version.length > 0 && version.bytes[0] != '0';
}

static lsq_status check_format(const lsq_stored_network *stored, const lsq_text *values,
                               lsq_error *error) {
  const lsq_text format = values[LSQ_KEY_FORMAT], version = values[LSQ_KEY_VERSION];
  if (format.bytes == NULL || !lsq_json_equals(format, LSQ_FORMAT))
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: not a network of lsqnet: metadata 'format' is not '" LSQ_FORMAT "'",
                    stored->path);
  if (version.bytes != NULL && lsq_json_equals(version, LSQ_BLEND_VERSION))
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: a blend and no network: lsqnet.load_model loads it", stored->path);
  for (size_t k = 0; k < LSQ_KEYS; k++)
    if (values[k].bytes == NULL && k != LSQ_KEY_LOSS_PARAMETER)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: metadata '%s' is missing", stored->path,
                      lsq_metadata_keys[k]);
  if (lsq_json_equals(version, LSQ_FORMAT_VERSION))
    return LSQ_OK;
  return lsq_fail(error, LSQ_BAD_FORMAT,
                  is_newer(version)
                      ? "%.200s: format version %.*s is newer than this lsqnet, which reads "
                        "version " LSQ_FORMAT_VERSION
                      : "%.200s: format version '%.*s' is not known",
                  stored->path, SHOWN(version));
}

/* One of the metadata that name one of several things. */
static lsq_status read_choice(const lsq_stored_network *stored, const lsq_text *values, int key,
                              const char *const *names, int *choice, lsq_error *error) {
  *choice = find_word(values[key], names);
  if (*choice >= 0)
    return LSQ_OK;
  return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %s '%.*s' is not known", stored->path,
                  lsq_metadata_keys[key], SHOWN(values[key]));
}

static lsq_status check_metadata(lsq_stored_network *stored, const lsq_text *values,
                                 lsq_error *error) {
  int activation, output_activation, loss;
  if (check_format(stored, values, error) != LSQ_OK ||
      read_choice(stored, values, LSQ_KEY_ACTIVATION, lsq_activation_names, &activation, error) !=
          LSQ_OK ||
      read_choice(stored, values, LSQ_KEY_OUTPUT_ACTIVATION, lsq_activation_names,
                  &output_activation, error) != LSQ_OK ||
      read_choice(stored, values, LSQ_KEY_LOSS, lsq_loss_names, &loss, error) != LSQ_OK ||
      read_alpha(stored, values[LSQ_KEY_ALPHA], error) != LSQ_OK)
    return error->status;
  stored->activation = lsq_activations[activation];
  stored->output_activation = lsq_activations[output_activation];
  stored->loss = lsq_losses[loss];
  if (read_loss_parameter(stored, values[LSQ_KEY_LOSS_PARAMETER], error) != LSQ_OK)
    return error->status;
  stored->layers = values[LSQ_KEY_LAYERS];
  return count_layers(stored, error);
}

lsq_status lsq_stored_open(lsq_stored_network *stored, const char *path, const void *block,
                           size_t size, lsq_error *error) {
  const char *bytes = block;
  lsq_text values[LSQ_KEYS] = {{NULL, 0}};
  *stored = (lsq_stored_network){.path = path};
  if (size < LENGTH_SIZE)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu bytes are no safetensors file", path, size);
  uint64_t length = lsq_little_endian(block, LENGTH_SIZE);
  if (length > size - LENGTH_SIZE)
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: not a safetensors file, or it ends within its header", path);
  if (length > LONGEST_HEADER)
    return lsq_fail(error, LSQ_TOO_LARGE, "%.200s: a header of more than %d bytes", path,
                    LONGEST_HEADER);
  if (length == 0 || bytes[LENGTH_SIZE] != '{')
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: not a safetensors file", path);
  stored->header = (lsq_text){bytes + LENGTH_SIZE, (size_t)length};
  stored->data = (const unsigned char *)bytes + LENGTH_SIZE + length;
  stored->data_size = size - LENGTH_SIZE - (size_t)length;
  lsq_status status = find_metadata(stored, values, error);
  return status == LSQ_OK ? check_metadata(stored, values, error) : status;
}

void lsq_stored_place(lsq_stored_network *stored, lsq_arena *arena) {
  stored->widths = lsq_arena_take(arena, stored->depth + 1, sizeof *stored->widths);
  stored->bias = lsq_arena_take(arena, stored->depth, sizeof *stored->bias);
  stored->tensors = lsq_arena_take(arena, 2 * stored->depth + 1, sizeof *stored->tensors);
}

/* What the header says of a tensor. */
typedef struct {
  lsq_text type;
  size_t shape[2], axes;
  size_t offsets[2], offset_count;
} entry;

/* An array of sizes; *count becomes how many there are, of which two are kept. */
static bool read_sizes(lsq_json *json, size_t sizes[2], size_t *count) {
  size_t size;
  *count = 0;
  for (lsq_json_open(json, '['); lsq_json_next(json, ']'); ++*count)
    if (lsq_json_size(json, &size) && *count < 2)
      sizes[*count] = size;
  return json->failure == NULL;
}

static bool read_entry(lsq_json *json, entry *e) {
  enum { TYPE = 1, SHAPE = 2, OFFSETS = 4 };
  static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
  unsigned seen = 0;
  lsq_text key;
  lsq_json_open(json, '{');
  while (lsq_json_next(json, '}') && lsq_json_key(json, &key)) {
    int k = find_word(key, keys);
    if (k < 0) {
      lsq_json_skip(json);
      continue;
    }
    if (seen & 1u << k && json->failure == NULL)
      json->failure = "an entry of a tensor appears twice";
    seen |= 1u << k;
    if (k == 0)
      lsq_json_string(json, &e->type);
    else if (k == 1)
      read_sizes(json, e->shape, &e->axes);
    else
      read_sizes(json, e->offsets, &e->offset_count);
  }
  if (seen != (TYPE | SHAPE | OFFSETS) && json->failure == NULL)
    json->failure = "a tensor lacks dtype, shape or data_offsets";
  return json->failure == NULL;
}

/* The index of `layers.K.weight`, `layers.K.bias` or `skip.weight`; SIZE_MAX for another name. */
static size_t tensor_index(lsq_text name, size_t depth) {
  char text[64];
  static const char prefix[] = "layers.";
  const size_t start = sizeof prefix - 1;
  if (name.length >= sizeof text)
    return SIZE_MAX;
  text[lsq_json_decode(name, text)] = '\0';
  if (strcmp(text, "skip.weight") == 0)
    return 2 * depth;
  if (strncmp(text, prefix, start) != 0 || text[start] == '0')
    return SIZE_MAX;
  size_t k = 0;
  const char *p = text + start;
  for (; *p >= '0' && *p <= '9'; p++)
    k = lsq_size_add(lsq_size_multiply(k, 10), (size_t)(*p - '0'));
  bool bias = strcmp(p, ".bias") == 0;
  if (k == 0 || k > depth || (!bias && strcmp(p, ".weight") != 0))
    return SIZE_MAX;
  return 2 * (k - 1) + bias;
}

static lsq_status check_entry(lsq_stored_network *stored, lsq_text name, const entry *e,
                              lsq_error *error) {
  size_t index = tensor_index(name, stored->depth);
  if (index == SIZE_MAX)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: tensor '%.*s' is none of this network's",
                    stored->path, SHOWN(name));
  lsq_stored_tensor *tensor = stored->tensors + index;
  if (tensor->begin != SIZE_MAX)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: tensor '%.*s' appears twice", stored->path,
                    SHOWN(name));
  tensor->single = lsq_json_equals(e->type, "F32");
  if (!tensor->single && !lsq_json_equals(e->type, "F64"))
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: tensor '%.*s' has type '%.*s' (F64 and F32 are read)", stored->path,
                    SHOWN(name), SHOWN(e->type));
  const bool skip = index == 2 * stored->depth, bias = index % 2 == 1;
  const size_t inputs = stored->widths[skip ? 0 : index / 2];
  const size_t outputs = stored->widths[skip ? stored->depth : index / 2 + 1];
  if (bias && (e->axes != 1 || e->shape[0] != outputs))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: tensor '%.*s': shape [%zu] expected",
                    stored->path, SHOWN(name), outputs);
  if (!bias && (e->axes != 2 || e->shape[0] != inputs || e->shape[1] != outputs))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: tensor '%.*s': shape [%zu, %zu] expected",
                    stored->path, SHOWN(name), inputs, outputs);
  size_t bytes = lsq_size_multiply(bias ? 1 : inputs, outputs);
  bytes = lsq_size_multiply(bytes, tensor->single ? 4 : 8);
  if (e->offset_count != 2 || e->offsets[0] > e->offsets[1] || e->offsets[1] > stored->data_size ||
      e->offsets[1] - e->offsets[0] != bytes)
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: the data_offsets of tensor '%.*s' do not fit its shape or the file",
                    stored->path, SHOWN(name));
  tensor->begin = e->offsets[0];
  tensor->end = e->offsets[1];
  return LSQ_OK;
}

static int compare_places(const void *a, const void *b) {
  const lsq_stored_tensor *left = a, *right = b;
  return (left->begin > right->begin) - (left->begin < right->begin);
}

/* Afterwards the tensors are in the order of the data, the absent ones last. */
static lsq_status check_places(lsq_stored_network *stored, lsq_error *error) {
  size_t end = 0;
  const size_t most = 2 * stored->depth + 1;
  qsort(stored->tensors, most, sizeof *stored->tensors, compare_places);
  for (size_t k = 0; k < most && stored->tensors[k].begin != SIZE_MAX; k++) {
    const lsq_stored_tensor *tensor = stored->tensors + k;
    if (tensor->begin != end)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: tensors %s at byte %zu of the data",
                      stored->path, tensor->begin < end ? "overlap" : "leave a gap",
                      tensor->begin < end ? tensor->begin : end);
    end = tensor->end;
  }
  if (end != stored->data_size)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu bytes behind the last tensor", stored->path,
                    stored->data_size - end);
  return LSQ_OK;
}

lsq_status lsq_stored_check(lsq_stored_network *stored, lsq_error *error) {
  lsq_json json;
  lsq_text name;
  const char *p = stored->layers.bytes, *end = p + stored->layers.length;
  for (size_t k = 0; k <= stored->depth; k++, p++)
    stored->widths[k] = read_width(&p, end);
  for (size_t k = 0; k <= 2 * stored->depth; k++)
    stored->tensors[k] = (lsq_stored_tensor){SIZE_MAX, SIZE_MAX, k, false};
  lsq_json_begin(&json, stored->header);
  lsq_json_open(&json, '{');
  while (lsq_json_next(&json, '}') && lsq_json_key(&json, &name)) {
    entry e = {{"", 0}, {0, 0}, 0, {0, 0}, 0};
    if (lsq_json_equals(name, "__metadata__"))
      lsq_json_skip(&json);
    else if (read_entry(&json, &e) && check_entry(stored, name, &e, error) != LSQ_OK)
      return error->status;
  }
  if (json.failure != NULL)
    return fail_json(stored, &json, error);
  for (size_t k = 0; k < stored->depth; k++) {
    if (stored->tensors[2 * k].begin == SIZE_MAX)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: tensor 'layers.%zu.weight' is missing",
                      stored->path, k + 1);
    stored->bias[k] = stored->tensors[2 * k + 1].begin != SIZE_MAX;
  }
  stored->skip = stored->tensors[2 * stored->depth].begin != SIZE_MAX;
  return check_places(stored, error);
}

/* Where the tensor of that index goes. */
static double *values_of(const lsq_network *net, size_t index) {
  if (index == 2 * net->depth)
    return net->skip.data;
  const lsq_layer *layer = net->layers + index / 2;
  return index % 2 == 1 ? layer->bias : layer->weight.data;
}

void lsq_stored_read(const lsq_stored_network *stored, lsq_network *net) {
  net->activation = stored->activation;
  net->output_activation = stored->output_activation;
  net->alpha = stored->alpha;
  net->loss = stored->loss;
  net->loss_parameter = stored->loss_parameter;
  for (size_t k = 0; k <= 2 * stored->depth && stored->tensors[k].begin != SIZE_MAX; k++) {
    const lsq_stored_tensor *tensor = stored->tensors + k;
    double *values = values_of(net, tensor->index);
    const size_t size = tensor->single ? 4 : 8;
    for (size_t at = tensor->begin; at < tensor->end; at += size) {
      uint64_t word = lsq_little_endian(stored->data + at, size);
      *values++ = tensor->single ? lsq_double_of_single(word) : lsq_double_of(word);
    }
  }
}
