/*
** ascii.h - letters and digits of ASCII, whatever the locale
** Depends on nothing.
*/
#ifndef WSM_ASCII_H
#define WSM_ASCII_H

#include <stdbool.h>

static inline bool wsm_is_digit (char c) {
  return c >= '0' && c <= '9';
}

static inline bool wsm_is_letter (char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char wsm_lower (char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* 0 to 15; -1: not a hexadecimal digit. */
static inline int wsm_hex_value (char c) {
  if (wsm_is_digit(c)) return c - '0';
  c = wsm_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
