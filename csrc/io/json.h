/* A strict pull parser for JSON (RFC 8259) over a block of memory: the caller asks for what it
   expects. The first failure sticks, so that several steps may be checked at once. A number
   that is asked for must be a size; any other value can be skipped.

     if (lsq_json_open(&json, '{'))
       while (lsq_json_next(&json, '}'))
         if (lsq_json_key(&json, &key)) ... one value ...
     if (json.failure != NULL) ...
*/
#ifndef LSQ_IO_JSON_H
#define LSQ_IO_JSON_H

#include <stdbool.h>

#include "io/text.h"

typedef struct {
  const char *position, *end;
  const char *failure; /* what is wrong at the position, or NULL */
  bool fresh;          /* a bracket was just opened: no comma before the next entry */
} lsq_json;

void lsq_json_begin(lsq_json *json, lsq_text text);

/* Steps into an object '{' or an array '['. */
bool lsq_json_open(lsq_json *json, char bracket);

/* Whether an entry follows; if not, steps past the closing bracket. */
bool lsq_json_next(lsq_json *json, char closing);

/* The bytes between the quotes, checked, with escapes still in them. */
bool lsq_json_string(lsq_json *json, lsq_text *string);

/* A string and the colon behind it. */
bool lsq_json_key(lsq_json *json, lsq_text *key);

bool lsq_json_size(lsq_json *json, size_t *size);

/* Any value, nested no deeper than 64. */
bool lsq_json_skip(lsq_json *json);

/* Whether nothing but blanks follows. */
bool lsq_json_end(lsq_json *json);

/* Replaces the escapes of a checked string; `out` has room for its length. */
size_t lsq_json_decode(lsq_text string, char *out);

/* Whether a checked string means `word`, whose length is below 64. */
bool lsq_json_equals(lsq_text string, const char *word);

#endif
