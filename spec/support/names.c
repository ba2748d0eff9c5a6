/*
** names.c - a name server of the specs' own, preloaded
** Replaces getaddrinfo: NAME.hang is never answered, NAME.late not before the
** file $LOOKUPS.open exists, NAME.here at once with 127.0.0.1; others as ever.
** Each of these appends its name to the file $LOOKUPS. With $HOSTS that file is
** read as /etc/hosts.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int look_up (const char *, const char *, const struct addrinfo *,
                     struct addrinfo **);

static int has_end (const char *name, const char *end) {
  const char *dot = strrchr(name, '.');
  return dot && strcmp(dot, end) == 0;
}

static void note (const char *name) {
  char line[300];
  const int n = snprintf(line, sizeof line, "%s\n", name);
  const int fd = open(getenv("LOOKUPS"), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0 || write(fd, line, (size_t)n) != n) abort();
  close(fd);
}

static void wait_until_open (void) {
  char path[300];
  snprintf(path, sizeof path, "%s.open", getenv("LOOKUPS"));
  while (access(path, F_OK) != 0) usleep(1000);
}

int getaddrinfo (const char *name, const char *service,
                 const struct addrinfo *hints, struct addrinfo **list) {
  look_up *next;
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
  memcpy(&next, &symbol, sizeof next);
  if (!getenv("LOOKUPS") || (hints && (hints->ai_flags & AI_NUMERICHOST)))
    return next(name, service, hints, list);
  note(name);
  while (has_end(name, ".hang")) pause();
  if (has_end(name, ".late")) wait_until_open();
  if (has_end(name, ".late") || has_end(name, ".here")) name = "127.0.0.1";
  return next(name, service, hints, list);
}

FILE *fopen (const char *path, const char *mode) {
  FILE *(*next)(const char *, const char *);
  void *symbol = dlsym(RTLD_NEXT, "fopen");
  memcpy(&next, &symbol, sizeof next);
  if (getenv("HOSTS") && strcmp(path, "/etc/hosts") == 0)
    path = getenv("HOSTS");
  return next(path, mode);
}
