/*
** number.h - numbers as decimal text, exactly and in any locale
** Depends on memory.h. What is written reads back as the same number.
** Never allocates but to read a number of more than a hundred bytes.
*/
#ifndef WSM_NUMBER_H
#define WSM_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSM_NUMBER_SIZE 40 /* bytes that a number takes at most */

/* Write to `out`, which has WSM_NUMBER_SIZE bytes, and return how many; no zero
** byte follows. A double must be finite: an integer up to 2^53 is written
** without exponent and fraction, any other in the fewest digits that read back
** as the same. */
size_t wsm_integer_write (char *out, int64_t value);
size_t wsm_double_write (char *out, double value);

/* Does "%.14g" write it exactly? */
bool wsm_double_has_14_digits (double value);

/* A number at the start of a text (RFC 8259 6, but the integer part or the digits
** of the fraction may be absent). */
struct wsm_number {
  size_t length;   /* bytes of it; 0: there is none */
  bool is_integer; /* no fraction, no exponent, and it fits */
  int64_t integer;
  double real; /* set unless is_integer */
};

/* Reads the number at text[0 .. n). false: none, one with a leading zero, or no
** memory. */
bool wsm_number_read (struct wsm_number *out, const char *text, size_t n);

#endif
