/* Stands in for libFuzzer: gives each file that is named to the target, once.
** Prints which one it was if the program ends. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

void __sanitizer_set_death_callback (void (*callback)(void));

static const char *current = "none";

static void say_which (void) {
  fprintf(stderr, "that was the input %s\n", current);
}

static void on_abort (int number) {
  (void)number;
  say_which();
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
  /* a block of its own size, that no byte behind it is read */
  data = malloc(n ? n : 1);
  REQUIRE(data);
  memcpy(data, block, n);
  LLVMFuzzerTestOneInput(data, n);
  free(data);
}

int main (int count, char **names) {
  int i;
  __sanitizer_set_death_callback(say_which);
  signal(SIGABRT, on_abort);
  for (i = 1; i < count; i++) replay(names[i]);
  printf("%d inputs\n", count - 1);
  return count > 1 ? 0 : 1;
}
