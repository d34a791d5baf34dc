#include "io/json.h"

#include <stdint.h>
#include <string.h>

#include "base/size.h"

enum { DEEPEST = 64 };

void lsq_json_begin(lsq_json *json, lsq_text text) {
  *json = (lsq_json){text.bytes, text.bytes + text.length, NULL, false};
}

static bool fail(lsq_json *json, const char *what) {
  if (json->failure == NULL)
    json->failure = what;
  return false;
}

/* Skips blanks; the next byte, or zero at the end and after a failure. */
static char peek(lsq_json *json) {
  if (json->failure != NULL)
    return '\0';
  while (json->position < json->end && strchr(" \t\r\n", *json->position) != NULL &&
         *json->position != '\0')
    json->position++;
  return json->position < json->end ? *json->position : '\0';
}

bool lsq_json_open(lsq_json *json, char bracket) {
  if (peek(json) != bracket)
    return fail(json, bracket == '{' ? "an object expected" : "an array expected");
  json->position++;
  json->fresh = true;
  return true;
}

bool lsq_json_next(lsq_json *json, char closing) {
  char next = peek(json);
  bool fresh = json->fresh;
  json->fresh = false;
  if (json->failure != NULL)
    return false;
  if (next == closing) {
    json->position++;
    return false;
  }
  if (fresh)
    return true;
  if (next != ',')
    return fail(json, "a comma or a closing bracket expected");
  json->position++;
  return true;
}

/* Four hexadecimal digits at p, or -1. */
static long hexadecimal(const char *p, const char *end) {
  static const char digits[] = "0123456789abcdef";
  long value = 0;
  for (int i = 0; i < 4; i++, p++) {
    char lower = (char)(p < end && *p >= 'A' && *p <= 'F' ? *p + ('a' - 'A') : 0);
    const char *digit = p < end && *p != '\0' ? strchr(digits, lower != 0 ? lower : *p) : NULL;
    if (digit == NULL)
      return -1;
    value = value * 16 + (digit - digits);
  }
  return value;
}

/* The character that the \u escape at p means, *length bytes long there (6, or 12 for a pair
   of surrogates); -1 if it means none. */
static long escaped_character(const char *p, const char *end, size_t *length) {
  long unit = end - p >= 6 ? hexadecimal(p + 2, end) : -1;
  *length = 6;
  if (unit < 0xd800 || unit > 0xdfff)
    return unit;
  if (unit >= 0xdc00 || end - p < 12 || p[6] != '\\' || p[7] != 'u')
    return -1;
  long low = hexadecimal(p + 8, end);
  *length = 12;
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : -1;
}

/* Length of the escape at p, 0 when it is wrong. */
static size_t escape_length(const char *p, const char *end) {
  size_t length;
  if (end - p < 2)
    return 0;
  if (p[1] == 'u')
    return escaped_character(p, end, &length) >= 0 ? length : 0;
  return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

/* Length of the UTF-8 character at p, 0 when it is wrong (RFC 3629: neither too long a form
   nor a surrogate nor above U+10FFFF). */
static size_t character_length(const char *p, const char *end) {
  unsigned char first = (unsigned char)*p;
  if (first < 0x80)
    return first >= 0x20;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || (size_t)(end - p) < length)
    return 0;
  for (size_t i = 1; i < length; i++)
    if (((unsigned char)p[i] & 0xc0) != 0x80)
      return 0;
  unsigned char second = (unsigned char)p[1];
  bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
               (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

bool lsq_json_string(lsq_json *json, lsq_text *string) {
  if (peek(json) != '"')
    return fail(json, "a string expected");
  const char *begin = ++json->position;
  while (json->position < json->end && *json->position != '"') {
    const char *p = json->position;
    size_t length = *p == '\\' ? escape_length(p, json->end) : character_length(p, json->end);
    if (length == 0)
      return fail(json, *p == '\\' ? "a wrong escape in a string"
                                   : "a string with a control character or no UTF-8");
    json->position += length;
  }
  if (json->position == json->end)
    return fail(json, "a string is never closed");
  *string = (lsq_text){begin, (size_t)(json->position++ - begin)};
  return true;
}

bool lsq_json_key(lsq_json *json, lsq_text *key) {
  if (!lsq_json_string(json, key))
    return false;
  if (peek(json) != ':')
    return fail(json, "a colon expected");
  json->position++;
  return true;
}

static bool is_digit(const lsq_json *json) {
  return json->position < json->end && *json->position >= '0' && *json->position <= '9';
}

bool lsq_json_size(lsq_json *json, size_t *size) {
  char first = peek(json);
  if (json->failure != NULL || !is_digit(json))
    return fail(json, "a whole number expected");
  const char *begin = json->position;
  for (*size = 0; is_digit(json); json->position++)
    *size = lsq_size_add(lsq_size_multiply(*size, 10), (size_t)(*json->position - '0'));
  char next = json->position < json->end ? *json->position : '\0';
  if ((first == '0' && json->position - begin > 1) || next == '.' || next == 'e' || next == 'E')
    return fail(json, "a whole number expected");
  return true;
}

static bool skip_digits(lsq_json *json) {
  if (!is_digit(json))
    return fail(json, "a digit expected");
  while (is_digit(json))
    json->position++;
  return true;
}

/* Moves past one of the given characters if it comes next. */
static bool take(lsq_json *json, const char *characters) {
  if (json->position == json->end || *json->position == '\0' ||
      strchr(characters, *json->position) == NULL)
    return false;
  json->position++;
  return true;
}

static bool skip_number(lsq_json *json) {
  take(json, "-");
  if (!take(json, "0") && !skip_digits(json))
    return false;
  if (take(json, ".") && !skip_digits(json))
    return false;
  if (take(json, "eE")) {
    take(json, "+-");
    return skip_digits(json);
  }
  return true;
}

static bool skip_word(lsq_json *json) {
  static const char *const words[] = {"true", "false", "null"};
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    size_t length = strlen(words[k]);
    if ((size_t)(json->end - json->position) >= length &&
        memcmp(json->position, words[k], length) == 0) {
      json->position += length;
      return true;
    }
  }
  return fail(json, "a value expected");
}

static bool skip_value(lsq_json *json, int depth) {
  lsq_text ignored;
  char first = peek(json);
  if (json->failure != NULL)
    return false;
  if (first == '"')
    return lsq_json_string(json, &ignored);
  if (first == '-' || is_digit(json))
    return skip_number(json);
  if (first != '{' && first != '[')
    return skip_word(json);
  if (depth == DEEPEST)
    return fail(json, "values nested too deeply");
  lsq_json_open(json, first);
  while (lsq_json_next(json, first == '{' ? '}' : ']'))
    if ((first == '{' && !lsq_json_key(json, &ignored)) || !skip_value(json, depth + 1))
      return false;
  return json->failure == NULL;
}

bool lsq_json_skip(lsq_json *json) {
  return skip_value(json, 0);
}

bool lsq_json_end(lsq_json *json) {
  peek(json);
  if (json->position < json->end)
    fail(json, "text behind the closing bracket");
  return json->failure == NULL;
}

static size_t encode_utf8(long character, char *out) {
  size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  static const int lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = length; i-- > 1; character >>= 6)
    out[i] = (char)(0x80 | (character & 0x3f));
  out[0] = (char)(lead[length] | character);
  return length;
}

size_t lsq_json_decode(lsq_text string, char *out) {
  static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
  const char *p = string.bytes, *end = string.bytes + string.length;
  size_t length = 0;
  while (p < end) {
    size_t taken = 2;
    if (*p != '\\') {
      out[length++] = *p++;
      continue;
    }
    const char *letter = strchr(letters, p[1]);
    if (p[1] == 'u')
      length += encode_utf8(escaped_character(p, end, &taken), out + length);
    else
      out[length++] = letter != NULL ? meanings[letter - letters] : p[1];
    p += taken;
  }
  return length;
}

bool lsq_json_equals(lsq_text string, const char *word) {
  char decoded[6 * DEEPEST];
  size_t length = strlen(word);
  if (string.length > 6 * length)
    return false;
  return lsq_json_decode(string, decoded) == length && memcmp(decoded, word, length) == 0;
}
