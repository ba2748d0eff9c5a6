#include "fetch/multi.h"

#include <curl/curl.h>
#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define CLOSES_ON_EXEC 0x080e00 /* libcurl 8.14 does, for its own descriptors */

struct wsm_multi {
  CURLM *curl; /* NULL: none yet, or it is another process's */
  const struct wsm_guest_table *table;
  struct wsm_guest *guest; /* NULL: on no loop */
  bool lost;               /* the guest has no loop any more */
  bool leaves_open;        /* libcurl's own descriptors on exec */
  bool starts;             /* a request may be about to look a name up */
  unsigned forks;          /* of the process that `curl` is of */
  struct wsm_transfer *active, *done; /* lists */
};

/* --- what was before a fork --- */

/* Its connections are the parent's, and its sockets closed: it is kept, reachable
** for leak detectors, and never used. */
struct abandoned {
  CURLM *curl;
  struct abandoned *next;
};

static struct abandoned *abandoned;

static void keep_abandoned (CURLM *curl) {
  struct abandoned *a = wsm_alloc(sizeof *a);
  if (!a) return;
  a->curl = curl;
  do a->next = __atomic_load_n(&abandoned, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&abandoned, &a->next, a, false,
                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* --- lists of transfers --- */

static void link_to (struct wsm_transfer **list, struct wsm_transfer *t) {
  t->previous = NULL;
  t->next = *list;
  if (t->next) t->next->previous = t;
  *list = t;
}

static void unlink_from (struct wsm_transfer **list, struct wsm_transfer *t) {
  if (t->previous) t->previous->next = t->next;
  else *list = t->next;
  if (t->next) t->next->previous = t->previous;
  t->next = t->previous = NULL;
}

static void move_to_done (struct wsm_transfer *t) {
  struct wsm_multi *m = t->multi;
  unlink_from(&m->active, t);
  link_to(&m->done, t);
  if (m->guest) m->table->notify(m->guest);
}

static void fail_all (struct wsm_multi *m, const char *why) {
  while (m->active) {
    struct wsm_transfer *t = m->active;
    if (m->curl) (void)curl_multi_remove_handle(m->curl, t->easy);
    wsm_transfer_fail(t, WSM_CLOSED, why);
    move_to_done(t);
  }
}

static void abandon (struct wsm_multi *m) {
  struct wsm_transfer *t;
  keep_abandoned(m->curl);
  m->curl = NULL;
  fail_all(m, "this process was forked while the request was under way; it "
              "stays with the parent");
  while ((t = m->done) != NULL) {
    unlink_from(&m->done, t);
    wsm_transfer_forget(t);
  }
}

/* Once more before each use: another process's is not used. */
static void check_fork (struct wsm_multi *m) {
  if (m->curl && m->forks != m->table->forks()) abandon(m);
}

/* --- what curl asks for --- */

static void read_finished (struct wsm_multi *m) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
    struct wsm_transfer *t = NULL;
    const CURLcode code = message->data.result;
    if (message->msg != CURLMSG_DONE) continue;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
    wsm_transfer_finish(t, code);
    (void)curl_multi_remove_handle(m->curl, t->easy);
    move_to_done(t);
  }
}

/* A thread that looks a name up has a pair of sockets, which older versions leave
** open in a program that is started meanwhile. More requests than may have a
** connection begin whenever one has ended. */
static void act (struct wsm_multi *m, int fd, int what) {
  const bool begins = m->starts && m->leaves_open;
  struct wsm_guest_gap gap;
  int running;
  if (!m->curl) return;
  if (begins) m->table->note_free(&gap);
  (void)curl_multi_socket_action(m->curl, fd, what, &running);
  if (begins) m->table->close_on_exec(&gap);
  m->starts = running > WSM_MULTI_HOST_CONNECTIONS;
  read_finished(m);
}

/* It reads before it writes: a response that came before the connection was lost is
** not missed. An error is for libcurl to find so: told of it, it would do neither, nor
** try again where a kept connection is lost. */
static void on_socket (void *owner, int fd, int events) {
  int what = CURL_CSELECT_IN;
  if (events & (WSM_GUEST_WRITE | WSM_GUEST_ERROR)) what |= CURL_CSELECT_OUT;
  act(owner, fd, what);
}

static void on_timer (void *owner) {
  act(owner, CURL_SOCKET_TIMEOUT, 0);
}

/* The sockets go with the loop: libcurl would name them later. */
static void on_lost (void *owner, bool forked) {
  struct wsm_multi *m = owner;
  if (forked) check_fork(m);
  else fail_all(m, "the loop is closed");
  if (m->curl) (void)curl_multi_cleanup(m->curl);
  m->curl = NULL;
  m->lost = true;
}

static const struct wsm_guest_calls guest_calls = { on_socket, on_timer,
                                                    on_lost };

/* libcurl keeps what `socket` says for that descriptor. */
static int watch (CURL *easy, curl_socket_t fd, int what, void *owner,
                  void *socket) {
  struct wsm_multi *m = owner;
  int events = 0;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (socket) m->table->unwatch(socket);
    return 0;
  }
  if (!m->guest) return 0;
  if (what & CURL_POLL_IN) events |= WSM_GUEST_READ;
  if (what & CURL_POLL_OUT) events |= WSM_GUEST_WRITE;
  socket = m->table->watch(m->guest, socket, fd, events);
  (void)curl_multi_assign(m->curl, fd, socket);
  return 0;
}

static int set_timer (CURLM *curl, long ms, void *owner) {
  struct wsm_multi *m = owner;
  (void)curl;
  if (m->guest) m->table->set_timer(m->guest, ms);
  return 0;
}

static curl_socket_t open_socket (void *owner, curlsocktype purpose,
                                  struct curl_sockaddr *address) {
  const struct wsm_multi *m = owner;
  (void)purpose;
  return m->table->open_socket(address->family, address->socktype,
                               address->protocol);
}

static int close_socket (void *owner, curl_socket_t fd) {
  const struct wsm_multi *m = owner;
  m->table->close_socket(fd);
  return 0;
}

/* --- life --- */

static bool set_options (struct wsm_multi *m) {
  unsigned sum = 0;
#define SET(option, value) \
  (sum |= (unsigned)curl_multi_setopt(m->curl, option, value))
  SET(CURLMOPT_SOCKETFUNCTION, watch);
  SET(CURLMOPT_SOCKETDATA, m);
  SET(CURLMOPT_TIMERFUNCTION, set_timer);
  SET(CURLMOPT_TIMERDATA, m);
  SET(CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  SET(CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)WSM_MULTI_CONNECTIONS);
  SET(CURLMOPT_MAX_HOST_CONNECTIONS, (long)WSM_MULTI_HOST_CONNECTIONS);
  SET(CURLMOPT_MAXCONNECTS, (long)WSM_MULTI_KEPT);
#undef SET
  return sum == 0;
}

static bool open_curl (struct wsm_multi *m, struct wsm_error *e) {
  struct wsm_guest_gap gap;
  check_fork(m);
  if (m->curl) return true;
  m->leaves_open = curl_version_info(CURLVERSION_NOW)->version_num <
                   CLOSES_ON_EXEC;
  m->table->note_free(&gap);
  m->curl = curl_multi_init();
  m->table->close_on_exec(&gap);
  m->forks = m->table->forks();
  if (m->curl && set_options(m)) return true;
  if (m->curl) (void)curl_multi_cleanup(m->curl);
  m->curl = NULL;
  wsm_error_set(e, WSM_FULL, "no memory for requests");
  return false;
}

struct wsm_multi *wsm_multi_new (const struct wsm_guest_table *table,
                                 struct wsm_error *e) {
  struct wsm_multi *m = wsm_zalloc(sizeof *m);
  if (!m) {
    wsm_error_set(e, WSM_FULL, "no memory for requests");
    return NULL;
  }
  m->table = table;
  if (open_curl(m, e)) return m;
  wsm_free(m);
  return NULL;
}

static void leave (struct wsm_multi *m) {
  if (m->guest) m->table->leave(m->guest);
  m->guest = NULL;
  m->lost = false;
}

void wsm_multi_free (struct wsm_multi *m) {
  check_fork(m);
  fail_all(m, "the Lua state is closed");
  while (m->done) {
    struct wsm_transfer *t = m->done;
    unlink_from(&m->done, t);
    t->multi = NULL;
  }
  if (m->curl) (void)curl_multi_cleanup(m->curl);
  leave(m);
  wsm_free(m);
}

void wsm_multi_rest (struct wsm_multi *m) {
  check_fork(m);
  if (!m->guest || (!m->lost && m->table->watched(m->guest) > 0)) return;
  if (!m->active && !m->done) leave(m);
}

static bool enter (struct wsm_multi *m, struct wsm_loop *loop,
                   struct wsm_error *e) {
  if (m->lost) leave(m);
  if (!m->guest) m->guest = m->table->enter(loop, &guest_calls, m);
  if (!m->guest) wsm_error_set(e, WSM_FULL, "no memory for requests");
  return m->guest != NULL;
}

static unsigned set_sockets (struct wsm_multi *m, CURL *easy) {
  unsigned sum = 0;
  sum |=
    (unsigned)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  sum |= (unsigned)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, m);
  sum |=
    (unsigned)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  sum |= (unsigned)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, m);
  return sum;
}

bool wsm_multi_start (struct wsm_multi *m, struct wsm_loop *loop,
                      struct wsm_transfer *t, struct wsm_error *e) {
  if (!open_curl(m, e) || !enter(m, loop, e)) return false;
  t->multi = m;
  link_to(&m->active, t);
  if (set_sockets(m, t->easy) == 0 &&
      curl_multi_add_handle(m->curl, t->easy) == CURLM_OK) {
    m->starts = true;
    return true;
  }
  unlink_from(&m->active, t);
  t->multi = NULL;
  wsm_error_set(e, WSM_FULL, "no memory for a request");
  return false;
}

void wsm_multi_remove (struct wsm_transfer *t) {
  struct wsm_multi *m = t->multi;
  if (!m) return;
  check_fork(m);
  if (!t->multi) return;
  if (!t->finished) (void)curl_multi_remove_handle(m->curl, t->easy);
  unlink_from(t->finished ? &m->done : &m->active, t);
  t->multi = NULL;
}

struct wsm_transfer *wsm_multi_next (struct wsm_multi *m) {
  struct wsm_transfer *t;
  check_fork(m);
  t = m->done;
  if (!t) return NULL;
  unlink_from(&m->done, t);
  t->multi = NULL;
  return t;
}

int64_t wsm_multi_id (const struct wsm_multi *m) {
  return m->guest && !m->lost ? m->table->id(m->guest) : 0;
}
