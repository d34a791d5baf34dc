#include <string.h>

#include "io/csv_field.h"
#include "io/table.h"

enum { SAMPLE = 50 }; /* lines that are looked at */

typedef struct {
  size_t fields[SAMPLE]; /* of each line */
  size_t filled;         /* of the first line without its empty fields at the end */
  size_t most_filled;    /* of any line */
  size_t lines;
} sample;

/* The fields of the line at *position, which moves behind it; 0 where a quote is not in order. */
static size_t count_fields(const lsq_csv *csv, const char **position, size_t *filled) {
  size_t count = 0;
  *filled = 0;
  const char *p = *position;
  do {
    lsq_csv_field f = lsq_csv_find_field(csv, p);
    if (f.trouble != NULL) {
      const char *end = memchr(p, '\n', (size_t)(csv->end - p));
      *position = end == NULL ? csv->end : end + 1;
      return 0;
    }
    count++;
    if (f.begin < f.end)
      *filled = count;
    p = f.after;
  } while (lsq_csv_step(csv->separator, &p));
  *position = lsq_csv_next_line(p);
  return count;
}

static void take_sample(const lsq_csv *csv, sample *s) {
  const char *p = csv->position;
  size_t line = 0, filled;
  s->lines = s->most_filled = 0;
  while (s->lines < SAMPLE && lsq_csv_skip_blank_lines(csv, &p, &line)) {
    s->fields[s->lines] = count_fields(csv, &p, &filled);
    s->most_filled = lsq_size_max(s->most_filled, filled);
    if (s->lines++ == 0)
      s->filled = filled;
  }
}

/* How many lines have the number of fields that most have, *fields; of equally frequent numbers
   that which comes first. */
static size_t most_frequent(const sample *s, size_t *fields) {
  size_t best = 0;
  *fields = 0;
  for (size_t i = 0; i < s->lines; i++) {
    size_t count = 0;
    for (size_t k = 0; k < s->lines; k++)
      count += s->fields[k] == s->fields[i];
    if (count > best) {
      best = count;
      *fields = s->fields[i];
    }
  }
  return best;
}

char lsq_table_sniff_separator(const lsq_csv *csv) {
  /* From the least preferred to the most: a later one wins a tie. */
  static const char candidates[] = {' ', ',', '|', ';', '\t'};
  char best = ',';
  size_t best_count = 0;
  bool best_whole = false;
  for (size_t i = 0; i < sizeof candidates; i++) {
    lsq_csv tried = *csv;
    sample s;
    size_t fields;
    tried.separator = candidates[i];
    take_sample(&tried, &s);
    size_t count = most_frequent(&s, &fields);
    if (fields < 2 || 2 * count <= s.lines)
      continue;
    bool whole = count == s.lines;
    if (count > best_count || (count == best_count && whole >= best_whole) || best == ' ') {
      best = candidates[i];
      best_count = count;
      best_whole = whole;
    }
  }
  return best;
}

void lsq_table_sniff_columns(lsq_table_text *text) {
  sample s;
  size_t fields;
  take_sample(&text->csv, &s);
  most_frequent(&s, &fields);
  text->csv.columns = lsq_size_max(lsq_size_max(s.filled, fields), 1);
  text->short_first = fields > 1 && s.fields[0] + 1 == fields && s.most_filled >= fields;
}

/* Whether the line at p is `sep=;`, as spreadsheets write it. */
static bool is_separator_line(const char *p, const char *end) {
  static const char word[] = "sep=";
  if (end - p < 5)
    return false;
  for (size_t i = 0; i < 4; i++)
    if ((i < 3 ? p[i] | 0x20 : p[i]) != word[i])
      return false;
  return lsq_csv_is_line_end(p + 5) && (lsq_csv_is_separator(p[4]) || p[4] == '\t');
}

lsq_status lsq_table_open(lsq_table_text *text, const char *path, const char *block, size_t size,
                          char separator, char comment, lsq_error *error) {
  *text = (lsq_table_text){.block = block, .decimal = '.'};
  lsq_csv *csv = &text->csv;
  const lsq_status status = lsq_csv_open(csv, path, block, size, ',', error);
  if (status != LSQ_OK)
    return status;
  if (is_separator_line(csv->position, csv->end)) {
    text->separator_line = true;
    if (separator == '\0')
      separator = csv->position[4];
    csv->position = lsq_csv_next_line(csv->position + 5);
    csv->line++;
  }
  bool found = lsq_csv_skip_blank_lines(csv, &csv->position, &csv->line);
  if (found) {
    csv->comment = comment != '\0' ? comment : *csv->position == '#' ? '#' : '\0';
    found = lsq_csv_skip_blank_lines(csv, &csv->position, &csv->line);
  }
  if (!found)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: the file is empty", path);
  csv->separator = separator != '\0' ? separator : lsq_table_sniff_separator(csv);
  lsq_table_sniff_columns(text);
  return LSQ_OK;
}
