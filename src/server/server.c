#include "server/server.h"

#include <string.h>
#include "base/memory.h"
#include "io/clock.h"
#include "io/socket.h"
#include "link/notes.h"
#include "link/shared.h"
#include "observe/observer.h"
#include "base/hidden.h"

/* A connection's place among the others of its server; the owner of its link. */
struct entry {
  struct entry *next, *previous;
  struct entry *next_request;
  struct wsm_server *server;
  struct wsm_link *link;
  bool requesting; /* its request waits to be claimed */
  bool claimed;    /* the application has it */
  bool over;       /* its connection is closed: it counts no more */
};

struct wsm_server {
  struct wsm_handle handle;
  struct wsm_listener *listener;
  struct wsm_policy policy;
  struct wsm_tls_context *tls;
  struct wsm_journal *journal; /* of links that ended unclaimed; NULL: no one
                                  looks */
  struct entry *entries;
  struct entry *first_request, *last_request;
  uint32_t count, limit;
  uint32_t references; /* the creator's, and each entry's */
  bool sweeping;       /* an unclaimed link may have closed */
};

static struct wsm_server *server_of (struct wsm_handle *handle) {
  return (struct wsm_server *)(void *)handle; /* its first member */
}

static void release (struct wsm_server *s) {
  if (--s->references > 0) return;
  if (s->tls) wsm_tls_context_release(s->tls);
  wsm_observer_set(&s->journal, false, 0);
  wsm_policy_free(&s->policy);
  wsm_free(s);
}

/* --- entries --- */

static void update_listener (struct wsm_server *s) {
  if (!s->listener || s->limit <= 0) return;
  wsm_listener_pause(s->listener, s->count >= s->limit);
  wsm_loop_news(s->handle.loop);
}

static void insert (struct wsm_server *s, struct entry *entry) {
  entry->server = s;
  entry->next = s->entries;
  if (entry->next) entry->next->previous = entry;
  s->entries = entry;
  s->references++;
  s->count++;
  update_listener(s);
}

static void enqueue_request (struct wsm_server *s, struct entry *entry) {
  if (entry->requesting) return;
  entry->requesting = true;
  if (s->last_request) s->last_request->next_request = entry;
  else s->first_request = entry;
  s->last_request = entry;
}

static void dequeue_request (struct wsm_server *s, struct entry *entry) {
  struct entry *before = NULL, *at = s->first_request;
  if (!entry->requesting) return;
  for (; at != entry; at = at->next_request) before = at;
  if (before) before->next_request = entry->next_request;
  else s->first_request = entry->next_request;
  if (s->last_request == entry) s->last_request = before;
  entry->next_request = NULL;
  entry->requesting = false;
}

/* It counts no more, but its link still reads the server's policy. */
static void unlink_entry (struct wsm_server *s, struct entry *entry) {
  if (entry->over) return;
  entry->over = true;
  dequeue_request(s, entry);
  if (entry->previous) entry->previous->next = entry->next;
  else s->entries = entry->next;
  if (entry->next) entry->next->previous = entry->previous;
  entry->next = entry->previous = NULL;
  s->count--;
  update_listener(s);
}

static void forget (struct entry *entry) {
  unlink_entry(entry->server, entry);
  release(entry->server);
  wsm_free(entry);
}

void wsm_server_free_link (struct wsm_link *l) {
  struct entry *entry = wsm_link_owner(l);
  if (entry) {
    wsm_loop_check(&entry->server->handle);
    wsm_link_set_owner(l, NULL, NULL);
  }
  wsm_link_free(l);
  if (entry) forget(entry);
}

/* --- events of its links --- */

static void on_requested (void *owner) {
  struct entry *entry = owner;
  enqueue_request(entry->server, entry);
  if (entry->server->handle.loop) wsm_handle_notify(&entry->server->handle);
}

/* An unclaimed one may not be freed inside its own call: the next flush does
** it. */
static void on_unclaimed_ended (void *owner) {
  struct entry *entry = owner;
  entry->server->sweeping = true;
  if (entry->server->handle.loop)
    wsm_handle_mark_pending(&entry->server->handle);
}

static void on_claimed_ended (void *owner) {
  struct entry *entry = owner;
  unlink_entry(entry->server, entry);
}

static const struct wsm_link_calls unclaimed_calls = { on_requested,
                                                       on_unclaimed_ended };
static const struct wsm_link_calls claimed_calls = { NULL, on_claimed_ended };

static bool is_over (const struct entry *entry) {
  return !entry->claimed &&
         wsm_manager_state(wsm_link_manager(entry->link)) == WSM_STATE_CLOSED;
}

/* What happened to a link that nobody will claim is the server's to tell. */
static void keep_notes (struct wsm_server *s, const struct entry *entry) {
  struct wsm_journal *j = wsm_link_manager(entry->link)->journal;
  const unsigned char *text;
  struct wsm_note note;
  if (!j || !s->journal) return;
  while (wsm_journal_first(j, &note, &text)) {
    wsm_journal_add(s->journal, &note, text);
    wsm_journal_pop(j);
  }
  if (s->handle.loop) wsm_handle_notify(&s->handle);
}

static void sweep (struct wsm_server *s) {
  struct entry *entry = s->entries;
  if (!s->sweeping) return;
  s->sweeping = false;
  while (entry) {
    struct entry *next = entry->next;
    if (is_over(entry)) {
      keep_notes(s, entry);
      wsm_server_free_link(entry->link);
    }
    entry = next;
  }
}

static void on_accepted (void *owner, int fd) {
  struct wsm_server *s = owner;
  struct entry *entry = wsm_zalloc(sizeof *entry);
  struct wsm_link_setup setup;
  struct wsm_error e;
  setup.policy = &s->policy;
  setup.tls = s->tls;
  if (!entry) wsm_socket_discard(fd);
  else entry->link = wsm_link_accept(s->handle.loop, &setup, fd, &e);
  if (!entry || !entry->link) {
    wsm_free(entry);
    return; /* the peer reads the end */
  }
  insert(s, entry);
  if (s->journal) wsm_notes_accepted(entry->link);
  wsm_link_set_owner(entry->link, &unclaimed_calls, entry);
}

struct wsm_link *wsm_server_claim (struct wsm_server *s) {
  struct entry *entry = s->first_request;
  if (!entry) return NULL;
  dequeue_request(s, entry);
  entry->claimed = true;
  wsm_link_set_owner(entry->link, &claimed_calls, entry);
  return entry->link;
}

/* --- one message to all --- */

/* A connection that finds no memory for half a frame closes, and leaves the list
** while it is walked. */
static long broadcast_frame (struct wsm_server *s,
                             const struct wsm_buffer *frame,
                             const struct wsm_link *except, size_t *full) {
  struct entry *entry, *next;
  long sent = 0;
  *full = 0;
  for (entry = s->entries; entry; entry = next) {
    enum wsm_sent how;
    next = entry->next;
    if (entry->link == except || !entry->claimed) continue;
    how = wsm_link_send_frame(entry->link, wsm_buffer_bytes(frame),
                              wsm_buffer_length(frame));
    if (how == WSM_SENT) sent++;
    else if (how == WSM_SEND_FULL) ++*full;
  }
  return sent;
}

/* A copy counts at its connection as a message; what all of them hold is added at
** once. */
static void count_broadcast (struct wsm_server *s,
                             const struct wsm_broadcast *message, long sent,
                             double seconds) {
  struct wsm_shared *shared = s->handle.loop ? wsm_shared_of(s->handle.loop)
                                             : NULL;
  struct wsm_totals *t;
  if (!shared) return;
  t = &shared->totals[WSM_SERVER];
  t->ended.payload_out += (uint64_t)sent * message->length;
  if (message->opcode == WSM_BINARY) t->ended.binary_out += (uint64_t)sent;
  wsm_histogram_note(&t->broadcast, &wsm_broadcast_bounds,
                     (uint64_t)(seconds * wsm_broadcast_bounds.per_second));
}

long wsm_server_broadcast (struct wsm_server *s,
                           const struct wsm_broadcast *message, size_t *full) {
  const double began = wsm_clock_seconds();
  struct wsm_buffer frame;
  long sent;
  memset(&frame, 0, sizeof frame);
  wsm_loop_check(&s->handle);
  if (!s->handle.loop) return 0;
  if (!wsm_session_write_frame(&frame, message->opcode, message->data,
                               message->length))
    return -1;
  sent = broadcast_frame(s, &frame, message->except, full);
  count_broadcast(s, message, sent, wsm_clock_seconds() - began);
  wsm_buffer_clear(&frame);
  return sent;
}

/* --- life --- */

static void on_flush (struct wsm_handle *handle, bool first) {
  (void)first;
  sweep(server_of(handle));
}

static void on_loop_closed (struct wsm_handle *handle) {
  wsm_server_stop(server_of(handle));
}

/* The listener's memory stays with libuv, a Unix socket's file with the parent. */
static void on_forked (struct wsm_handle *handle) {
  server_of(handle)->listener = NULL;
}

static const struct wsm_handle_calls handle_calls = {
  .on_flush = on_flush, .on_loop_closed = on_loop_closed, .on_forked = on_forked
};

struct wsm_server *wsm_server_new (struct wsm_loop *loop,
                                   const struct wsm_server_setup *setup,
                                   struct wsm_error *e) {
  struct wsm_server *s = wsm_zalloc(sizeof *s);
  wsm_error_set(e, WSM_FULL, "no memory for a server");
  if (!s) return NULL;
  s->references = 1;
  s->limit = setup->connections;
  if (setup->tls) s->tls = wsm_tls_context_retain(setup->tls);
  if (wsm_policy_copy(&s->policy, &setup->policy) &&
      wsm_loop_attach(loop, &s->handle, &handle_calls)) {
    s->policy.reconnect = false;
    s->listener =
      wsm_listener_new(wsm_loop_uv(loop), &setup->listener, on_accepted, s, e);
  }
  if (s->listener) {
    wsm_loop_news(loop);
    return s;
  }
  wsm_server_release(s);
  return NULL;
}

void wsm_server_stop (struct wsm_server *s) {
  wsm_loop_check(&s->handle);
  if (s->listener) wsm_listener_close(s->listener);
  s->listener = NULL;
}

void wsm_server_release (struct wsm_server *s) {
  struct entry *entry = s->entries;
  wsm_server_stop(s);
  wsm_handle_detach(&s->handle);
  while (entry) {
    struct entry *next = entry->next;
    if (!entry->claimed) wsm_server_free_link(entry->link);
    entry = next;
  }
  release(s);
}

bool wsm_server_observe (struct wsm_server *s) {
  return wsm_observer_set(&s->journal, true, 0);
}

struct wsm_journal *wsm_server_journal (struct wsm_server *s) {
  return s->journal;
}

struct wsm_handle *wsm_server_handle (struct wsm_server *s) {
  return &s->handle;
}

int wsm_server_port (const struct wsm_server *s) {
  return s->listener ? wsm_listener_port(s->listener) : 0;
}

uint32_t wsm_server_count (const struct wsm_server *s) {
  return s->count;
}
