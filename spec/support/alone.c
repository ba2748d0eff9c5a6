/*
** alone.c - takes LD_PRELOAD out of the environment once it has done its work
** Preloaded beside a sanitizer's runtime, so that no child process gets it.
*/
#define _GNU_SOURCE
#include <stdlib.h>

__attribute__((constructor)) static void leave_alone (void) {
  unsetenv("LD_PRELOAD");
}
