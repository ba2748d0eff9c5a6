/*
** input.h - a fuzzer's input, read as numbers, pieces and seeds
** Depends on nothing. Every target in this folder is a file that defines
** LLVMFuzzerTestOneInput, which libFuzzer or replay.c calls.
** Never fails: beyond its end an input has zeros.
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

/* The next *n bytes; *n becomes how many there are. */
static inline const uint8_t *input_piece (struct input *in, size_t *n) {
  const uint8_t *piece = in->at;
  if (*n > in->left) *n = in->left;
  in->at += *n;
  in->left -= *n;
  return piece;
}

/* A pseudo-random number below limit; changes the seed. */
static inline size_t chance_below (uint32_t *seed, size_t limit) {
  *seed = *seed * 1103515245u + 12345u;
  return (*seed >> 8) % limit;
}

/* Aborts unless it holds for this input. */
#define REQUIRE(truth) \
  do { \
    if (!(truth)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
              #truth); \
      abort(); \
    } \
  } while (0)

#endif
