/*
** input.h - a fuzzer's bytes, taken as numbers, pieces and random numbers
** Depends on nothing. Every target in this folder is one file that defines
** LLVMFuzzerTestOneInput; libFuzzer or replay.c calls it.
** Never ends: what is not there is zero.
*/
#ifndef WSM_INPUT_H
#define WSM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct input {
  const uint8_t *at;
  size_t left;
};

static inline unsigned input_byte (struct input *in) {
  if (in->left == 0) return 0;
  in->left--;
  return *in->at++;
}

static inline bool input_flag (struct input *in) {
  return (input_byte(in) & 1) != 0;
}

/* The next n bytes, or as many as there are: *n is how many. */
static inline const uint8_t *input_piece (struct input *in, size_t *n) {
  const uint8_t *piece = in->at;
  if (*n > in->left) *n = in->left;
  in->at += *n;
  in->left -= *n;
  return piece;
}

/* Numbers that a seed of the input decides: where to cut, what to take. */
static inline size_t chance_below (uint32_t *seed, size_t limit) {
  *seed = *seed * 1103515245u + 12345u;
  return (*seed >> 8) % limit;
}

/* What has to be true of every input. */
#define REQUIRE(truth) \
  do { \
    if (!(truth)) { \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth); \
      abort(); \
    } \
  } while (0)

#endif
