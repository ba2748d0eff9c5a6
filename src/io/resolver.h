/*
** resolver.h - threads that look names up
** Depends on the system's getaddrinfo, with all its rules (search list, RFC 6724),
** on POSIX threads and uv_async_send. There is one for all loops of the process.
** At most WSM_RESOLVER_THREADS lookups are under way, WSM_RESOLVER_SAME of them of
** one name: names whose server does not answer leave room for others. What waits
** is begun by turns of the names. A thread starts when there is work and ends
** without it; the end of the process does not wait for it.
** Never caches.
*/
#ifndef WSM_RESOLVER_H
#define WSM_RESOLVER_H

#define WSM_RESOLVER_THREADS 16
#define WSM_RESOLVER_SAME 4

struct addrinfo;
struct uv_async_s;
struct wsm_lookup;

/* Where a loop takes its answers. Zero it; it stays until the process ends. */
struct wsm_answers {
  struct uv_async_s *async; /* sent when there is one */
  struct wsm_lookup *first, *last;
};

/* NULL: no memory, or no thread. The name is copied. */
struct wsm_lookup *wsm_resolver_start (struct wsm_answers *answers,
                                       const char *name, void *owner);

/* Forgets it: it gives no answer. One that a thread has begun is freed when the
** thread is done. */
void wsm_resolver_cancel (struct wsm_lookup *lookup);

struct wsm_answer {
  void *owner;
  struct addrinfo *list; /* freeaddrinfo's */
  int code;              /* of getaddrinfo */
};

/* Takes the oldest, and frees its lookup. owner NULL: there is none. */
struct wsm_answer wsm_resolver_take (struct wsm_answers *answers);

/* The same at once, in this thread. Returns getaddrinfo's code. */
int wsm_resolver_wait (const char *name, struct addrinfo **list);

#endif
