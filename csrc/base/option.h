/* Options are declared once, beside the code that uses them: a table of lsq_option describes
   the fields of a plain struct. Checking, did-you-mean, defaults, --help and the reference
   all come from the table. */
#ifndef LSQ_BASE_OPTION_H
#define LSQ_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum {
  LSQ_OPTION_NUMBER,  /* double */
  LSQ_OPTION_INTEGER, /* int64_t; of choices, which it may have, -1 the first, -2 the second */
  LSQ_OPTION_BOOLEAN, /* bool */
  LSQ_OPTION_CHOICE,  /* int, an index into choices */
  LSQ_OPTION_SWITCH,  /* int: 0 false, 1 true, 2 and on the index of a choice, plus 2 */
  LSQ_OPTION_VALUE    /* no field: a Lua value that the glue checks itself */
} lsq_option_type;

/* The table ends with an entry whose name is NULL. A default that another option decides is
   unset: NaN of a NUMBER, -1 of a CHOICE or SWITCH; the trainer resolves it. */
typedef struct {
  const char *name;
  lsq_option_type type;
  size_t offset;           /* of the field in the options struct */
  double standard;         /* the default; of a BOOLEAN 0 or 1, of a CHOICE its index */
  double minimum, maximum; /* inclusive, of NUMBER and INTEGER */
  const char *const
      *choices;     /* of CHOICE and, may be NULL, SWITCH and INTEGER; NULL after the last */
  const char *text; /* one line: what it does, with its unit */
} lsq_option;

/* The entry of that name, NULL where there is none; options may be NULL. */
static inline const lsq_option *lsq_option_find(const lsq_option *options, const char *name) {
  for (; options != NULL && options->name != NULL; options++)
    if (strcmp(options->name, name) == 0)
      return options;
  return NULL;
}

/* The field of an entry in the options struct. */
static inline const void *lsq_option_field(const lsq_option *option, const void *options) {
  return (const unsigned char *)options + option->offset;
}

#endif
