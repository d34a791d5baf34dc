#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/bytes.h"
#include "io/number.h"
#include "io/safetensors.h"
#include "nn/skip.h"

enum { ALIGNMENT = 8 }; /* bytes, of the data within the file */

static void write_string(lsq_writer *writer, lsq_text text) {
  char escape[8];
  lsq_writer_text(writer, "\"");
  for (size_t i = 0; i < text.length; i++) {
    unsigned char c = (unsigned char)text.bytes[i];
    if (c < 0x20 || c == '"' || c == '\\') {
      snprintf(escape, sizeof escape, c < 0x20 ? "\\u%04x" : "\\%c", c);
      lsq_writer_text(writer, escape);
    } else
      lsq_writer_bytes(writer, text.bytes + i, 1);
  }
  lsq_writer_text(writer, "\"");
}

static lsq_text text_of(const char *word) {
  return (lsq_text){word, strlen(word)};
}

static void write_pair(lsq_writer *writer, lsq_text key, lsq_text value) {
  write_string(writer, key);
  lsq_writer_text(writer, ":");
  write_string(writer, value);
}

/* The widths, "7,64,1", within quotes of their own: there may be any number of them. */
static void write_widths(lsq_writer *writer, const lsq_network *net) {
  char number[32];
  snprintf(number, sizeof number, "\"%zu", lsq_network_inputs(net));
  lsq_writer_text(writer, number);
  for (size_t k = 0; k < net->depth; k++) {
    snprintf(number, sizeof number, ",%zu", net->layers[k].weight.cols);
    lsq_writer_text(writer, number);
  }
  lsq_writer_text(writer, "\"");
}

static void write_metadata(lsq_writer *writer, const lsq_network *net, const lsq_metadata *extra,
                           size_t count) {
  char alpha[LSQ_NUMBER_SIZE], parameter[LSQ_NUMBER_SIZE];
  lsq_number_format(net->alpha, alpha);
  lsq_number_format(net->loss_parameter, parameter);
  const char *const values[LSQ_KEYS] = {[LSQ_KEY_FORMAT] = LSQ_FORMAT,
                                        [LSQ_KEY_VERSION] = LSQ_FORMAT_VERSION,
                                        [LSQ_KEY_ACTIVATION] = net->activation->name,
                                        [LSQ_KEY_ALPHA] = alpha,
                                        [LSQ_KEY_OUTPUT_ACTIVATION] = net->output_activation->name,
                                        [LSQ_KEY_LOSS] = net->loss->name,
                                        [LSQ_KEY_LOSS_PARAMETER] =
                                            net->loss->parameter == NULL ? NULL : parameter};
  lsq_writer_text(writer, "\"__metadata__\":{");
  for (int k = 0; k < LSQ_KEYS; k++) {
    if (k != LSQ_KEY_LAYERS && values[k] == NULL)
      continue;
    lsq_writer_text(writer, k == 0 ? "" : ",");
    if (k != LSQ_KEY_LAYERS) {
      write_pair(writer, text_of(lsq_metadata_keys[k]), text_of(values[k]));
      continue;
    }
    write_string(writer, text_of(lsq_metadata_keys[k]));
    lsq_writer_text(writer, ":");
    write_widths(writer, net);
  }
  for (size_t k = 0; k < count; k++) {
    lsq_writer_text(writer, ",");
    write_pair(writer, extra[k].key, extra[k].value);
  }
  lsq_writer_text(writer, "}");
}

/* The entry of a weight whose data begin at *offset, which becomes where they end. */
static void write_matrix(lsq_writer *writer, const char *name, const lsq_matrix *weight,
                         size_t *offset) {
  char text[192];
  const size_t end = *offset + weight->rows * weight->cols * sizeof(double);
  snprintf(text, sizeof text,
           ",\"%s\":{\"dtype\":\"F64\",\"shape\":[%zu,%zu],\"data_offsets\":[%zu,%zu]}", name,
           weight->rows, weight->cols, *offset, end);
  lsq_writer_text(writer, text);
  *offset = end;
}

static void write_header(lsq_writer *writer, const lsq_network *net, const lsq_metadata *extra,
                         size_t count) {
  char name[48], text[192];
  size_t offset = 0;
  lsq_writer_text(writer, "{");
  write_metadata(writer, net, extra, count);
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_layer *layer = &net->layers[k];
    snprintf(name, sizeof name, "layers.%zu.weight", k + 1);
    write_matrix(writer, name, &layer->weight, &offset);
    if (layer->bias == NULL)
      continue;
    const size_t end = offset + layer->weight.cols * sizeof(double);
    snprintf(text, sizeof text,
             ",\"layers.%zu.bias\":{\"dtype\":\"F64\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}",
             k + 1, layer->weight.cols, offset, end);
    lsq_writer_text(writer, text);
    offset = end;
  }
  if (lsq_network_skips(net))
    write_matrix(writer, "skip.weight", &net->skip, &offset);
  lsq_writer_text(writer, "}");
}

static int compare_keys(const void *a, const void *b) {
  const lsq_text left = ((const lsq_metadata *)a)->key, right = ((const lsq_metadata *)b)->key;
  size_t common = left.length < right.length ? left.length : right.length;
  int order = memcmp(left.bytes, right.bytes, common);
  return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

lsq_status lsq_safetensors_write(lsq_writer *writer, const char *path, const lsq_network *net,
                                 lsq_metadata *extra, size_t count, lsq_error *error) {
  lsq_number_locale locale;
  unsigned char length[8];
  if (count > 0)
    qsort(extra, count, sizeof *extra, compare_keys);
  if (!lsq_number_enter(&locale, error))
    return error->status;
  /* The header's length stands before it: written once to be measured, then in earnest. */
  lsq_writer_measure(writer);
  write_header(writer, net, extra, count);
  const size_t used = writer->total;
  const size_t padded = (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  lsq_status status = lsq_writer_open(writer, path, error);
  if (status == LSQ_OK) {
    lsq_put_little_endian(length, padded, sizeof length);
    lsq_writer_bytes(writer, length, sizeof length);
    write_header(writer, net, extra, count);
    lsq_writer_bytes(writer, "        ", padded - used);
    lsq_writer_doubles(writer, net->parameters, net->parameter_count);
    status = lsq_writer_save(writer, error);
  }
  lsq_number_leave(&locale);
  return status;
}
