#include "lua/json/ldecode.h"

#include <string.h>
#include "base/number.h"
#include "lua/json/lencode.h"
#include "base/hidden.h"

struct decoder {
  lua_State *L;
  const char *at, *end;
  int depth;
};

static bool decode_value (struct decoder *d);

static void skip_blanks (struct decoder *d) {
  while (d->at < d->end &&
         (*d->at == ' ' || *d->at == '\t' || *d->at == '\n' || *d->at == '\r'))
    d->at++;
}

/* Takes the next byte that is no blank, if it is c. */
static bool take (struct decoder *d, char c) {
  skip_blanks(d);
  if (d->at == d->end || *d->at != c) return false;
  d->at++;
  return true;
}

/* --- strings --- */

/* Four hexadecimal digits, or -1. */
static int hex4 (const char *p, const char *end) {
  int value = 0, i;
  if (end - p < 4) return -1;
  for (i = 0; i < 4; i++) {
    const char c = p[i];
    const char letter = (char)(c | 0x20);
    if (c >= '0' && c <= '9') value = value * 16 + (c - '0');
    else if (letter >= 'a' && letter <= 'f')
      value = value * 16 + (letter - 'a' + 10);
    else return -1;
  }
  return value;
}

static char *put_utf8 (char *to, unsigned point) {
  if (point < 0x80) {
    *to++ = (char)point;
    return to;
  }
  if (point < 0x800) {
    *to++ = (char)(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      *to++ = (char)(0xE0 | point >> 12);
    } else {
      *to++ = (char)(0xF0 | point >> 18);
      *to++ = (char)(0x80 | (point >> 12 & 0x3F));
    }
    *to++ = (char)(0x80 | (point >> 6 & 0x3F));
  }
  *to++ = (char)(0x80 | (point & 0x3F));
  return to;
}

/* The code point of an escape "\uXXXX", of two for a surrogate pair (RFC 8259 7);
** d->at is behind the 'u', and moves on. -1: it is none. */
static int take_point (struct decoder *d) {
  const int point = hex4(d->at, d->end);
  int low;
  if (point < 0) return -1;
  d->at += 4;
  if ((point & 0xF800) != 0xD800) return point;
  if (point >= 0xDC00 || d->end - d->at < 6) return -1;
  if (d->at[0] != '\\' || d->at[1] != 'u') return -1;
  low = hex4(d->at + 2, d->end);
  if (low < 0 || (low & 0xFC00) != 0xDC00) return -1;
  d->at += 6;
  return 0x10000 + ((point & 0x3FF) << 10) + (low & 0x3FF);
}

/* What stands behind a backslash, or 0. */
static char unescape (char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

/* Takes the escape at d->at, behind its backslash. NULL: it is none. */
static char *take_escape (struct decoder *d, char *to) {
  const char c = d->at < d->end ? *d->at++ : '\0';
  int point;
  if (c != 'u') {
    *to = unescape(c);
    return *to ? to + 1 : NULL;
  }
  point = take_point(d);
  return point < 0 ? NULL : put_utf8(to, (unsigned)point);
}

/* The rest of a string with escapes: no longer than it is written. */
static bool decode_escaped (struct decoder *d, const char *from,
                            const char *end) {
  char *text = lua_newuserdata(d->L, (size_t)(end - from));
  char *to = text;
  d->at = from;
  while (d->at < end) {
    if (*d->at != '\\') {
      *to++ = *d->at++;
    } else {
      d->at++;
      to = take_escape(d, to);
      if (!to || d->at > end) return false;
    }
  }
  lua_pushlstring(d->L, text, (size_t)(to - text));
  lua_remove(d->L, -2);
  return true;
}

/* The quote that ends a string; NULL: there is none, or a zero byte before it. A
** zero byte ends the text. */
static const char *end_of_string (const char *p, const char *end,
                                  bool *escaped) {
  static const bool stops['\\' + 1] = { ['\0'] = 1, ['"'] = 1, ['\\'] = 1 };
  for (*escaped = false; p < end; p++) {
    while ((unsigned char)*p > '\\' || !stops[(unsigned char)*p]) p++;
    if (*p != '\\') break;
    *escaped = true;
    p++;
  }
  return p < end && *p == '"' ? p : NULL;
}

/* d->at is behind the first quote. */
static bool decode_string (struct decoder *d) {
  bool escaped;
  const char *from = d->at, *end = end_of_string(from, d->end, &escaped);
  if (!end) return false;
  if (!escaped) lua_pushlstring(d->L, from, (size_t)(end - from));
  else if (!decode_escaped(d, from, end)) return false;
  d->at = end + 1;
  return true;
}

/* --- the other values --- */

static bool decode_number (struct decoder *d) {
  struct wsm_number n;
  if (!wsm_number_read(&n, d->at, (size_t)(d->end - d->at))) return false;
  d->at += n.length;
  if (!n.is_integer) lua_pushnumber(d->L, (lua_Number)n.real);
  else if (WSM_HAS_INTEGERS && (lua_Integer)n.integer == n.integer)
    lua_pushinteger(d->L, (lua_Integer)n.integer);
  else lua_pushnumber(d->L, (lua_Number)n.integer);
  return true;
}

static bool take_word (struct decoder *d, const char *word, size_t n) {
  if ((size_t)(d->end - d->at) < n || memcmp(d->at, word, n) != 0) return false;
  d->at += n;
  return true;
}

/* Behind the bracket. */
static bool decode_array (struct decoder *d) {
  int i = 0;
  lua_newtable(d->L);
  if (take(d, ']')) return true;
  do {
    if (!decode_value(d)) return false;
    lua_rawseti(d->L, -2, ++i);
  } while (take(d, ','));
  return take(d, ']');
}

/* Behind the brace. Of a name that comes twice the last value counts. */
static bool decode_object (struct decoder *d) {
  lua_newtable(d->L);
  if (take(d, '}')) return true;
  do {
    if (!take(d, '"') || !decode_string(d)) return false;
    if (!take(d, ':') || !decode_value(d)) return false;
    lua_rawset(d->L, -3);
  } while (take(d, ','));
  return take(d, '}');
}

static bool decode_nested (struct decoder *d,
                           bool (*decode)(struct decoder *)) {
  bool is_good;
  if (++d->depth > WSM_JSON_DEPTH || !lua_checkstack(d->L, 8)) return false;
  d->at++;
  is_good = decode(d);
  d->depth--;
  return is_good;
}

/* Pushes one value. false: there is none, and what is on the stack is no
** value. */
static bool decode_value (struct decoder *d) {
  skip_blanks(d);
  if (d->at == d->end) return false;
  switch (*d->at) {
    case '"':
      d->at++;
      return decode_string(d);
    case '{':
      return decode_nested(d, decode_object);
    case '[':
      return decode_nested(d, decode_array);
    case 't':
      lua_pushboolean(d->L, 1);
      return take_word(d, "true", 4);
    case 'f':
      lua_pushboolean(d->L, 0);
      return take_word(d, "false", 5);
    case 'n':
      lua_pushlightuserdata(d->L, NULL);
      return take_word(d, "null", 4);
    default:
      return decode_number(d);
  }
}

int wsm_json_decode (lua_State *L) {
  struct decoder d = { L, NULL, NULL, 0 };
  size_t n;
  d.at = luaL_checklstring(L, 1, &n);
  d.end = d.at + n;
  if (!decode_value(&d)) return lua_pushnil(L), 1;
  skip_blanks(&d);
  /* A zero byte ends the text, as for lua-cjson. */
  if (d.at != d.end && *d.at != '\0') lua_pushnil(L);
  return 1;
}

/* --- a look at the numbers --- */

/* Behind the closing quote of the string that begins at p. */
static const char *skip_string (const char *p, const char *end) {
  for (p++; p < end && *p != '"'; p++)
    if (*p == '\\') p++;
  return p < end ? p + 1 : end;
}

static bool is_digit (char c) {
  return c >= '0' && c <= '9';
}

/* Behind the number that begins at p; *digits is 0 unless it is an integer. */
static const char *skip_number (const char *p, const char *end,
                                size_t *digits) {
  const char *from = p;
  while (p < end && is_digit(*p)) p++;
  *digits = (size_t)(p - from);
  if (p == end || (*p != '.' && *p != 'e' && *p != 'E')) return p;
  *digits = 0;
  while (p < end && (is_digit(*p) || memchr(".eE+-", *p, 5))) p++;
  return p;
}

int wsm_json_longer (lua_State *L) {
  size_t n, digits, limit = (size_t)luaL_checkinteger(L, 2);
  const char *p = luaL_checklstring(L, 1, &n), *end = p + n;
  while (p < end) {
    if (*p == '"') {
      p = skip_string(p, end);
    } else if (is_digit(*p)) {
      p = skip_number(p, end, &digits);
      if (digits > limit) return lua_pushboolean(L, 1), 1;
    } else {
      p++;
    }
  }
  lua_pushboolean(L, 0);
  return 1;
}
