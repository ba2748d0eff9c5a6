#include "lua/json/lencode.h"

#include <stdio.h>
#include <string.h>
#include "base/number.h"
#include "base/utf8.h"
#include "lua/json/lshape.h"
#include "base/hidden.h"

#define FIRST_SIZE 500 /* bytes of the text to begin with */
#define PATH_LIMIT 12  /* levels that an error names */
#define NAME_LIMIT 40  /* bytes of a key that an error names */

/* The text is written into a userdata, which any error of Lua leaves to the
** collector. */
struct encoder {
  lua_State *L;
  int slot; /* where the userdata is on the stack */
  char *bytes;
  size_t n, size;
};

/* The way to a value: a key of the table above. */
struct place {
  const struct place *up; /* NULL: the value that was given */
  int key;                /* where the key is on the stack */
  int depth;
};

/* --- what is wrong, and where --- */

/* Adds a key that can be shown as it is, up to a limit. */
static void add_name (luaL_Buffer *b, lua_State *L, int i) {
  size_t n, at;
  const char *name = lua_tolstring(L, i, &n);
  for (at = 0; at < n && at < NAME_LIMIT; at++)
    luaL_addchar(b, name[at] >= ' ' && name[at] < 127 ? name[at] : '?');
  if (at < n) luaL_addstring(b, "...");
}

static bool is_identifier (lua_State *L, int i) {
  size_t n, at;
  const char *name = lua_tolstring(L, i, &n);
  if (n == 0 || n > NAME_LIMIT || (name[0] >= '0' && name[0] <= '9'))
    return false;
  for (at = 0; at < n; at++) {
    const char c = name[at];
    if (c != '_' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
        !(c >= 'A' && c <= 'Z'))
      return false;
  }
  return true;
}

/* Adds a key as Lua writes it: ".name", "[3]". */
static void add_key (luaL_Buffer *b, lua_State *L, int i) {
  char number[WSM_NUMBER_SIZE];
  if (lua_type(L, i) == LUA_TNUMBER) {
    const size_t n = wsm_integer_write(number, (int64_t)lua_tonumber(L, i));
    luaL_addchar(b, '[');
    luaL_addlstring(b, number, n);
    luaL_addchar(b, ']');
  } else if (is_identifier(L, i)) {
    luaL_addchar(b, '.');
    add_name(b, L, i);
  } else {
    luaL_addstring(b, "[\"");
    add_name(b, L, i);
    luaL_addstring(b, "\"]");
  }
}

static void add_path (luaL_Buffer *b, lua_State *L, const struct place *at) {
  const struct place *steps[PATH_LIMIT];
  int i, n = 0;
  const bool cut = at->depth > PATH_LIMIT;
  while (at->depth > PATH_LIMIT) at = at->up;
  for (; at->up; at = at->up) steps[n++] = at;
  luaL_addstring(b, "message");
  for (i = n; i > 0; i--) add_key(b, L, steps[i - 1]->key);
  if (cut) luaL_addstring(b, "...");
}

/* Pushes "message.list[2] <what>"; always false. */
static bool fail (struct encoder *e, const struct place *at, const char *what) {
  luaL_Buffer b;
  luaL_checkstack(e->L, LUA_MINSTACK, NULL);
  luaL_buffinit(e->L, &b);
  add_path(&b, e->L, at);
  luaL_addchar(&b, ' ');
  luaL_addstring(&b, what);
  luaL_pushresult(&b);
  return false;
}

/* --- the text --- */

/* Room for n bytes more. */
static char *reserve (struct encoder *e, size_t n) {
  if (e->size - e->n < n) {
    const size_t size = 2 * e->size + n;
    char *bytes;
    if (size < n) luaL_error(e->L, "not enough memory");
    bytes = lua_newuserdata(e->L, size);
    if (e->n > 0) memcpy(bytes, e->bytes, e->n);
    lua_replace(e->L, e->slot);
    e->bytes = bytes;
    e->size = size;
  }
  return e->bytes + e->n;
}

static void append (struct encoder *e, const char *bytes, size_t n) {
  memcpy(reserve(e, n), bytes, n);
  e->n += n;
}

static void append_char (struct encoder *e, char c) {
  *reserve(e, 1) = c;
  e->n++;
}

/* The letter of a short escape, 'u' for a long one, 0 for none: RFC 8259 7, and
** '/' and DEL as lua-cjson has them. */
static char escape_of (unsigned char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return (char)c;
    case '\b':
      return 'b';
    case '\t':
      return 't';
    case '\n':
      return 'n';
    case '\f':
      return 'f';
    case '\r':
      return 'r';
    default:
      return c < 0x20 || c == 0x7f ? 'u' : '\0';
  }
}

static void append_escape (struct encoder *e, unsigned char c, char letter) {
  static const char hex[] = "0123456789abcdef";
  char text[6] = { '\\', letter, '0', '0', hex[c >> 4], hex[c & 15] };
  append(e, text, letter == 'u' ? 6 : 2);
}

static void append_string (struct encoder *e, const char *text, size_t n) {
  size_t from = 0, at;
  append_char(e, '"');
  for (at = 0; at < n; at++) {
    const char letter = escape_of((unsigned char)text[at]);
    if (letter == '\0') continue;
    append(e, text + from, at - from);
    append_escape(e, (unsigned char)text[at], letter);
    from = at + 1;
  }
  append(e, text + from, n - from);
  append_char(e, '"');
}

/* --- the values --- */

static bool encode_value (struct encoder *e, const struct place *at);

static bool encode_string (struct encoder *e, const struct place *at, int i) {
  size_t n;
  const char *text = lua_tolstring(e->L, i, &n);
  if (!wsm_utf8_valid((const unsigned char *)text, n))
    return fail(e, at,
                "is not UTF-8: JSON holds text, bytes have to be "
                "encoded (base64)");
  append_string(e, text, n);
  return true;
}

static bool encode_number (struct encoder *e, const struct place *at) {
  double value;
  if (WSM_HAS_INTEGERS && lua_isinteger(e->L, -1)) {
    const lua_Integer n = lua_tointeger(e->L, -1);
    e->n += wsm_integer_write(reserve(e, WSM_NUMBER_SIZE), n);
    return true;
  }
  value = (double)lua_tonumber(e->L, -1);
  if (value != value) return fail(e, at, "is NaN: JSON has no such number");
  if (value - value != 0)
    return fail(e, at, "is infinite: JSON has no such number");
  e->n += wsm_double_write(reserve(e, WSM_NUMBER_SIZE), value);
  return true;
}

/* The table is on top. */
static bool encode_array (struct encoder *e, const struct place *at, int n) {
  lua_State *L = e->L;
  const int array = lua_gettop(L);
  struct place place = { at, array + 1, at->depth + 1 };
  int i;
  append_char(e, '[');
  for (i = 1; i <= n; i++) {
    if (i > 1) append_char(e, ',');
    lua_pushinteger(L, i);
    lua_rawgeti(L, array, i);
    if (!encode_value(e, &place)) return false;
    lua_pop(L, 2);
  }
  append_char(e, ']');
  return true;
}

static bool encode_object (struct encoder *e, const struct place *at) {
  lua_State *L = e->L;
  const int object = lua_gettop(L);
  struct place place = { at, object + 1, at->depth + 1 };
  bool first = true;
  append_char(e, '{');
  lua_pushnil(L);
  while (lua_next(L, object)) {
    if (!first) append_char(e, ',');
    first = false;
    if (!wsm_utf8_valid((const unsigned char *)lua_tostring(L, -2),
                        (size_t)lua_rawlen(L, -2)))
      return fail(e, at, "has a key that is not UTF-8");
    append_string(e, lua_tostring(L, -2), (size_t)lua_rawlen(L, -2));
    append_char(e, ':');
    if (!encode_value(e, &place)) return false;
    lua_pop(L, 1);
  }
  append_char(e, '}');
  return true;
}

/* Counts the keys of the table on top. */
static void count_keys (lua_State *L, struct wsm_shape *shape) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    wsm_shape_count(L, -1, shape);
  }
}

static bool fail_shape (struct encoder *e, const struct place *at,
                        enum wsm_shape_fault fault,
                        const struct wsm_shape *shape) {
  char what[160];
  if (fault == WSM_SHAPE_SPARSE) {
    snprintf(what, sizeof what,
             "is a sparse array (%.0f elements, the last at %.0f): fill its "
             "holes with wsmanager.null",
             (double)shape->indices, (double)shape->highest);
    return fail(e, at, what);
  }
  return fail(e, at,
              fault == WSM_SHAPE_MIXED
                ? "is a mixed table, with names and indices: JSON has objects "
                  "and arrays"
                : "has a key that is neither a string nor an index from 1 on");
}

static bool encode_table (struct encoder *e, const struct place *at) {
  struct wsm_shape shape = { 0 };
  enum wsm_shape_fault fault;
  enum wsm_mark mark;
  if (at->depth == WSM_JSON_DEPTH)
    return fail(e, at,
                "is nested too deeply, or contains itself (at most 1000 "
                "levels)");
  luaL_checkstack(e->L, 8, "a JSON value nested too deeply");
  mark = wsm_shape_mark(e->L, -1);
  count_keys(e->L, &shape);
  fault = wsm_shape_fault(&shape);
  if (fault != WSM_SHAPE_OK) return fail_shape(e, at, fault, &shape);
  if (mark == WSM_MARKED_ARRAY && shape.names > 0)
    return fail(e, at, "is an array (wsmanager.array) with names as keys");
  if (shape.indices >= 2147483647.0) return fail(e, at, "is too large");
  if (shape.indices > 0 || (mark != WSM_UNMARKED && shape.names == 0))
    return encode_array(e, at, (int)shape.indices);
  return encode_object(e, at);
}

static bool encode_light (struct encoder *e, const struct place *at) {
  if (lua_touserdata(e->L, -1) == NULL) {
    append(e, "null", 4);
  } else if (lua_rawequal(e->L, -1, lua_upvalueindex(WSM_JSON_EMPTY_ARRAY))) {
    append(e, "[]", 2);
  } else {
    return fail(e, at, "is a userdata: JSON has no such value");
  }
  return true;
}

static bool fail_type (struct encoder *e, const struct place *at) {
  char what[64];
  snprintf(what, sizeof what, "is a %s: JSON has no such value",
           luaL_typename(e->L, -1));
  return fail(e, at, what);
}

/* The value is on top, and stays there; on failure the error is above it. */
static bool encode_value (struct encoder *e, const struct place *at) {
  switch (lua_type(e->L, -1)) {
    case LUA_TSTRING:
      return encode_string(e, at, -1);
    case LUA_TNUMBER:
      return encode_number(e, at);
    case LUA_TBOOLEAN:
      if (lua_toboolean(e->L, -1)) append(e, "true", 4);
      else append(e, "false", 5);
      return true;
    case LUA_TTABLE:
      return encode_table(e, at);
    case LUA_TLIGHTUSERDATA:
      return encode_light(e, at);
    case LUA_TNIL: /* the whole message: no table holds one */
      append(e, "null", 4);
      return true;
    default:
      return fail_type(e, at);
  }
}

int wsm_json_encode (lua_State *L) {
  struct encoder e = { L, 1, NULL, 0, FIRST_SIZE };
  const struct place top = { NULL, 0, 0 };
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  e.bytes = lua_newuserdata(L, e.size);
  lua_insert(L, 1);
  if (!encode_value(&e, &top)) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushlstring(L, e.bytes, e.n);
  return 1;
}
