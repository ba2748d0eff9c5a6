#include "io/fork.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include "base/hidden.h"

#define MAX_SOCKETS (1u << 20) /* a socket beyond stays open in a child */
#define WORD_BITS 64

unsigned wsm_fork_count;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A bit for each descriptor. Atomic instead of locked: a fork may come at any
** point of another thread's work. */
static uint64_t sockets[MAX_SOCKETS / WORD_BITS];

static uint64_t bit_of (int fd) {
  return (uint64_t)1 << fd % WORD_BITS;
}

static void close_word (size_t i) {
  int bit;
  for (bit = 0; bit < WORD_BITS; bit++)
    if (sockets[i] >> bit & 1) close((int)i * WORD_BITS + bit);
  sockets[i] = 0;
}

static void enter_child (void) {
  size_t i;
  wsm_fork_count++;
  for (i = 0; i < sizeof sockets / sizeof *sockets; i++)
    if (sockets[i]) close_word(i);
}

static void watch (void) {
  (void)pthread_atfork(NULL, NULL, enter_child);
}

void wsm_fork_watch (void) {
  (void)pthread_once(&once, watch);
}

void wsm_fork_add_socket (int fd) {
  if ((unsigned)fd < MAX_SOCKETS)
    __atomic_fetch_or(&sockets[fd / WORD_BITS], bit_of(fd), __ATOMIC_RELAXED);
}

bool wsm_fork_has_socket (int fd) {
  if (fd < 0 || (unsigned)fd >= MAX_SOCKETS) return false;
  return __atomic_load_n(&sockets[fd / WORD_BITS], __ATOMIC_RELAXED) &
         bit_of(fd);
}

void wsm_fork_remove_socket (int fd) {
  if ((unsigned)fd < MAX_SOCKETS)
    __atomic_fetch_and(&sockets[fd / WORD_BITS], ~bit_of(fd), __ATOMIC_RELAXED);
}

void wsm_fork_close_socket (int fd) {
  const int before = errno;
  wsm_fork_remove_socket(fd);
  close(fd);
  errno = before;
}
