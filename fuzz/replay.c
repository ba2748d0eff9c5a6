/* Runs the target once for each file named, without libFuzzer; names the file if
** it crashes. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

void __sanitizer_set_death_callback (void (*callback)(void));

static const char *current = "none";

static void print_current (void) {
  fprintf(stderr, "the input was %s\n", current);
}

static void on_abort (int number) {
  (void)number;
  print_current();
  _exit(1);
}

static void replay (const char *name) {
  static uint8_t block[1u << 20];
  FILE *file = fopen(name, "rb");
  uint8_t *data;
  size_t n;
  current = name;
  REQUIRE(file);
  n = fread(block, 1, sizeof block, file);
  fclose(file);
  /* a block of that size: the sanitizer sees a read beyond it */
  data = malloc(n ? n : 1);
  REQUIRE(data);
  memcpy(data, block, n);
  LLVMFuzzerTestOneInput(data, n);
  free(data);
}

int main (int count, char **names) {
  int i;
  __sanitizer_set_death_callback(print_current);
  signal(SIGABRT, on_abort);
  for (i = 1; i < count; i++) replay(names[i]);
  printf("%d inputs\n", count - 1);
  return count > 1 ? 0 : 1;
}
