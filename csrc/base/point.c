#include "base/point.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void lsq_point(char *text) {
  const size_t length = strspn(text, "+-0123456789einfa");
  if (text[length] == '\0')
    return;
  const size_t rest = length + strcspn(text + length, "0123456789");
  text[length] = '.';
  memmove(text + length + 1, text + rest, strlen(text + rest) + 1);
}

const char *lsq_number_text(double value, int digits, char text[LSQ_POINT_SIZE]) {
  snprintf(text, LSQ_POINT_SIZE, "%.*g", digits, value);
  lsq_point(text);
  return text;
}
