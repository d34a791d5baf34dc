/* How a matrix is printed. */
#include <stdio.h>
#include <string.h>

#include "base/point.h"
#include "lua/matrix.h"

enum {
  EDGE = 5,             /* rows and columns shown at each end of a larger matrix */
  SHOWN = 2 * EDGE + 1, /* one of them holds "..." */
  TEXT = 16             /* bytes of a number of six digits, and a few to spare */
};

typedef struct {
  size_t count; /* shown */
  size_t total;
} span;

static span span_of(size_t total) {
  return (span){total <= 2 * EDGE ? total : SHOWN, total};
}

/* The element behind the k-th shown one; false: "...". */
static bool shown(span s, size_t k, size_t *index) {
  const bool elided = s.count < s.total && k >= EDGE;
  *index = elided ? s.total - s.count + k : k;
  return !(elided && k == EDGE);
}

/* Six digits; the point is a point whatever the locale says. */
static void format(double x, char *text) {
  if (isnan(x)) { /* whose sign says nothing */
    strcpy(text, "nan");
    return;
  }
  snprintf(text, TEXT, "%.6g", x);
  lsq_point(text);
}

int lsq_lua_matrix_tostring(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const span rows = span_of(m->rows), cols = span_of(m->cols);
  char texts[SHOWN][SHOWN][TEXT];
  size_t width[SHOWN] = {0};
  for (size_t i = 0; i < rows.count; i++)
    for (size_t j = 0; j < cols.count; j++) {
      size_t row, col;
      const bool is_row = shown(rows, i, &row), is_col = shown(cols, j, &col);
      if (is_row && is_col)
        format(lsq_matrix_row(m, row)[col], texts[i][j]);
      else
        strcpy(texts[i][j], "...");
      width[j] = lsq_size_max(width[j], strlen(texts[i][j]));
    }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  lua_pushfstring(L, "matrix %I x %I", (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
  luaL_addvalue(&buffer);
  for (size_t i = 0; i < rows.count && cols.count != 0; i++) {
    luaL_addchar(&buffer, '\n');
    for (size_t j = 0; j < cols.count; j++) {
      for (size_t blank = strlen(texts[i][j]); blank < width[j] + 2; blank++)
        luaL_addchar(&buffer, ' ');
      luaL_addstring(&buffer, texts[i][j]);
    }
  }
  luaL_pushresult(&buffer);
  return 1;
}
