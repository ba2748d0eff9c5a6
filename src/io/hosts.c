#include "io/hosts.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/hidden.h"

#define PATH "/etc/hosts"
#define LINE_SIZE 4096 /* what is longer is cut */
#define SPACE " \t\r\n\v\f"
#define LOCALHOST "localhost"

/* The next word of a line, terminated; NULL: there is none. */
static char *take_word (char **rest) {
  char *word = *rest + strspn(*rest, SPACE);
  if (!*word) return NULL;
  *rest = word + strcspn(word, SPACE);
  if (**rest) *(*rest)++ = '\0';
  return word;
}

/* The address of a line that has the name; NULL: it has not. */
static const char *match_line (char *line, const char *name) {
  const char *address, *word;
  line[strcspn(line, "#")] = '\0';
  address = take_word(&line);
  while (address && (word = take_word(&line)))
    if (strcasecmp(word, name) == 0) return address;
  return NULL;
}

static bool read_line (FILE *file, char line[LINE_SIZE]) {
  int c = '\0';
  if (!fgets(line, LINE_SIZE, file)) return false;
  if (strchr(line, '\n')) return true;
  while (c != '\n' && c != EOF) c = getc(file);
  return true;
}

static size_t find_in_file (struct wsm_address *to, const char *name) {
  char line[LINE_SIZE];
  size_t n = 0;
  FILE *file = fopen(PATH, "re");
  if (!file) return 0;
  while (n < WSM_ADDRESS_LIMIT && read_line(file, line)) {
    const char *address = match_line(line, name);
    if (address && wsm_address_numeric(&to[n], address, 0)) n++;
  }
  fclose(file);
  return n;
}

/* RFC 6761 6.3 */
static bool is_localhost (const char *name) {
  size_t n = strlen(name), tail = sizeof LOCALHOST - 1;
  if (n > 0 && name[n - 1] == '.') n--;
  return n >= tail && strncasecmp(name + n - tail, LOCALHOST, tail) == 0 &&
         (n == tail || name[n - tail - 1] == '.');
}

static size_t find (struct wsm_address *to, const char *name) {
  size_t n = find_in_file(to, name);
  if (n > 0 || !is_localhost(name)) return n;
  (void)wsm_address_numeric(&to[0], "::1", 0);
  (void)wsm_address_numeric(&to[1], "127.0.0.1", 0);
  return 2;
}

/* Appends those of the family to the list. */
static size_t chain (struct addrinfo *list, size_t used, int family,
                     struct wsm_address *a, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    if (a[i].as.any.sa_family != family) continue;
    list[used].ai_family = family;
    list[used].ai_addr = &a[i].as.any;
    list[used].ai_addrlen = a[i].n;
    if (used > 0) list[used - 1].ai_next = &list[used];
    used++;
  }
  return used;
}

/* "127.1", "0x7f000001": getaddrinfo reads them and asks nobody. */
static size_t read_number (struct wsm_address *to, const char *name, int port) {
  const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
                                  .ai_socktype = SOCK_STREAM };
  struct addrinfo *list;
  const size_t n = strlen(name);
  size_t count;
  if (n == 0 || !isxdigit((unsigned char)name[n - 1]) ||
      getaddrinfo(name, NULL, &hints, &list) != 0)
    return 0;
  count = wsm_address_sort(to, list, port);
  freeaddrinfo(list);
  return count;
}

size_t wsm_hosts_find (struct wsm_address *to, const char *name, int port) {
  struct wsm_address found[WSM_ADDRESS_LIMIT];
  struct addrinfo list[WSM_ADDRESS_LIMIT];
  const size_t n = find(found, name);
  size_t used;
  if (n == 0) return read_number(to, name, port);
  memset(list, 0, sizeof list);
  used = chain(list, 0, AF_INET6, found, n);
  (void)chain(list, used, AF_INET, found, n);
  return wsm_address_sort(to, list, port);
}
