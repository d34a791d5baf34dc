/* Dates and times of day as texts. Days are counted in the Gregorian calendar. */
#include "io/csv_field.h"
#include "io/table.h"

typedef struct {
  const char *p, *end;
} cursor;

/* From `fewest` to `most` digits. */
static bool read_digits(cursor *c, size_t fewest, size_t most, int *value) {
  size_t count = 0;
  *value = 0;
  for (; count < most && c->p < c->end && *c->p >= '0' && *c->p <= '9'; count++)
    *value = *value * 10 + (*c->p++ - '0');
  return count >= fewest;
}

static bool read_char(cursor *c, char wanted) {
  if (c->p == c->end || *c->p != wanted)
    return false;
  c->p++;
  return true;
}

/* One of `wanted`, which *found gets. */
static bool read_one_of(cursor *c, const char *wanted, char *found) {
  for (; c->p < c->end && *wanted != '\0'; wanted++)
    if (*c->p == *wanted) {
      *found = *c->p++;
      return true;
    }
  return false;
}

static bool is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_date(int year, int month, int day) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month >= 1 && month <= 12 && day >= 1 &&
         day <= days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01, with years that begin in March so that the leap day is the last. */
static double days_since_1970(int year, int month, int day) {
  int shifted = month <= 2 ? year - 1 : year;
  int era = (shifted >= 0 ? shifted : shifted - 399) / 400, year_of_era = shifted - era * 400;
  int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return (double)era * 146097 + day_of_era - 719468;
}

/* Hours since midnight: 18:00, 18:00:30, 18:00:30.25, 18.00.00. With points the seconds have to
   be there, or it were a number. */
static bool read_time(cursor *c, double *hours) {
  int hour, minute, second = 0;
  char mark;
  double fraction = 0, unit = 0.1;
  if (!read_digits(c, 1, 2, &hour) || !read_one_of(c, ":.", &mark) ||
      !read_digits(c, 2, 2, &minute))
    return false;
  bool seconds = read_char(c, mark);
  if ((seconds && !read_digits(c, 2, 2, &second)) || (mark == '.' && !seconds))
    return false;
  if (seconds && mark == ':' && c->p + 1 < c->end && *c->p == '.')
    for (c->p++; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, unit /= 10)
      fraction += unit * (*c->p - '0');
  *hours = hour + minute / 60.0 + (second + fraction) / 3600;
  return hour < 24 && minute < 60 && second < 60;
}

/* Z, +02:00, +0200 or +02; nothing is allowed too. */
static bool read_zone(cursor *c, double *hours) {
  char sign;
  int hour, minute = 0;
  *hours = 0;
  if (c->p == c->end || read_char(c, 'Z'))
    return true;
  if (!read_one_of(c, "+-", &sign) || !read_digits(c, 2, 2, &hour))
    return false;
  bool colon = read_char(c, ':');
  if ((colon || c->p < c->end) && !read_digits(c, 2, 2, &minute))
    return false;
  *hours = (sign == '-' ? -1 : 1) * (hour + minute / 60.0);
  return hour < 24 && minute < 60;
}

/* What may follow a date: T or blanks, and a time. */
static bool read_rest(cursor *c, bool zone, double *hours) {
  double offset = 0;
  *hours = 0;
  if (c->p == c->end)
    return true;
  if (!read_char(c, 'T')) {
    if (*c->p != ' ')
      return false;
    while (c->p < c->end && *c->p == ' ')
      c->p++;
  }
  if (!read_time(c, hours))
    return false;
  if (zone && !read_zone(c, &offset))
    return false;
  *hours -= offset;
  return c->p == c->end;
}

static bool read_iso(cursor *c, int *year, int *month, int *day) {
  char mark;
  return read_digits(c, 4, 4, year) && read_one_of(c, "-/", &mark) && read_digits(c, 1, 2, month) &&
         read_char(c, mark) && read_digits(c, 1, 2, day);
}

static bool read_slashes(cursor *c, int *first, int *second, int *year) {
  char mark;
  return read_digits(c, 1, 2, first) && read_one_of(c, "/.-", &mark) &&
         read_digits(c, 1, 2, second) && read_char(c, mark) && read_digits(c, 4, 4, year);
}

/* The usual form, `2020-03-01`, in one look. */
static bool read_plain_iso(const char *p, int *year, int *month, int *day) {
  int digit[10];
  for (int i = 0; i < 10; i++)
    digit[i] = p[i] - '0';
  for (int i = 0; i < 10; i++)
    if (i != 4 && i != 7 && (digit[i] < 0 || digit[i] > 9))
      return false;
  *year = digit[0] * 1000 + digit[1] * 100 + digit[2] * 10 + digit[3];
  *month = digit[5] * 10 + digit[6];
  *day = digit[8] * 10 + digit[9];
  return p[4] == '-' && p[7] == '-' && is_date(*year, *month, *day);
}

bool lsq_date_parse(const char *begin, const char *end, lsq_date_format format, double *value) {
  cursor c = {begin, end};
  int year, month, day;
  double hours;
  if (format == LSQ_DATE_TIME) {
    bool fits = read_time(&c, &hours) && c.p == end;
    if (fits && value != NULL)
      *value = hours;
    return fits;
  }
  if (format == LSQ_DATE_ISO && end - begin == 10 && read_plain_iso(begin, &year, &month, &day)) {
    if (value != NULL)
      *value = days_since_1970(year, month, day);
    return true;
  }
  bool read = format == LSQ_DATE_ISO   ? read_iso(&c, &year, &month, &day)
              : format == LSQ_DATE_DMY ? read_slashes(&c, &day, &month, &year)
                                       : read_slashes(&c, &month, &day, &year);
  if (!read || !is_date(year, month, day) || !read_rest(&c, format == LSQ_DATE_ISO, &hours))
    return false;
  if (value != NULL)
    *value = days_since_1970(year, month, day) + hours / 24;
  return true;
}

enum { ENOUGH = 100 }; /* texts after which a format that none fits is given up */

void lsq_table_count_dates(const lsq_table_text *text, const lsq_matrix *column,
                           size_t fits[LSQ_DATE_FORMATS]) {
  memset(fits, 0, LSQ_DATE_FORMATS * sizeof *fits);
  for (size_t i = 0, texts = 0; i < column->rows; i++) {
    const double *cell = lsq_matrix_row(column, i);
    if (lsq_cell_kind_of(cell) != LSQ_CELL_TEXT)
      continue;
    lsq_cell_text t = lsq_table_text_of(text, cell);
    size_t fitting = 0;
    texts++;
    for (int format = 0; format < LSQ_DATE_FORMATS; format++) {
      if (fits[format] == 0 && texts > ENOUGH)
        continue;
      fits[format] += lsq_date_parse(t.begin, t.end, (lsq_date_format)format, NULL);
      fitting = lsq_size_max(fitting, fits[format]);
    }
    if (fitting == 0 && texts >= ENOUGH) /* texts of another kind, as most are */
      return;
  }
}

void lsq_table_convert_dates(const lsq_table_text *text, const lsq_matrix *column,
                             lsq_date_format format) {
  for (size_t i = 0; i < column->rows; i++) {
    double *cell = lsq_matrix_row(column, i), value;
    if (lsq_cell_kind_of(cell) != LSQ_CELL_TEXT)
      continue;
    lsq_cell_text t = lsq_table_text_of(text, cell);
    if (lsq_date_parse(t.begin, t.end, format, &value))
      *cell = value;
  }
}
