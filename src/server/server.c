#include "server/server.h"

#include <string.h>
#include "base/memory.h"
#include "io/socket.h"

struct wsm_server {
  struct wsm_handle post;
  struct wsm_listener *listener;
  struct wsm_policy policy;
  struct wsm_tls_context *tls;
  struct wsm_server_entry *seats;
  struct wsm_server_entry *first_asking, *last_asking;
  uint32_t count, limit;
  uint32_t owners; /* the creator, and each seat */
  bool ending;     /* an unclaimed link may have closed */
};

static struct wsm_server *server_of (struct wsm_handle *post) {
  return (struct wsm_server *)(void *)post; /* its first member */
}

static void give_up (struct wsm_server *s) {
  if (--s->owners > 0) return;
  if (s->tls) wsm_tls_context_release(s->tls);
  wsm_policy_free(&s->policy);
  wsm_free(s);
}

/* --- seats --- */

static void regulate (struct wsm_server *s) {
  if (s->listener && s->limit > 0)
    wsm_listener_pause(s->listener, s->count >= s->limit);
}

static void sit (struct wsm_server *s, struct wsm_server_entry *seat) {
  seat->server = s;
  seat->next = s->seats;
  if (seat->next) seat->next->previous = seat;
  s->seats = seat;
  s->owners++;
  s->count++;
  regulate(s);
}

static void ask (struct wsm_server *s, struct wsm_server_entry *seat) {
  if (seat->asking) return;
  seat->asking = true;
  if (s->last_asking) s->last_asking->next_asking = seat;
  else s->first_asking = seat;
  s->last_asking = seat;
}

static void unask (struct wsm_server *s, struct wsm_server_entry *seat) {
  struct wsm_server_entry *before = NULL, *at = s->first_asking;
  if (!seat->asking) return;
  for (; at != seat; at = at->next_asking) before = at;
  if (before) before->next_asking = seat->next_asking;
  else s->first_asking = seat->next_asking;
  if (s->last_asking == seat) s->last_asking = before;
  seat->next_asking = NULL;
  seat->asking = false;
}

/* It counts no more, but its link still reads the server's policy. */
static void vacate (struct wsm_server *s, struct wsm_server_entry *seat) {
  if (seat->vacant) return;
  seat->vacant = true;
  unask(s, seat);
  if (seat->previous) seat->previous->next = seat->next;
  else s->seats = seat->next;
  if (seat->next) seat->next->previous = seat->previous;
  seat->next = seat->previous = NULL;
  s->count--;
  regulate(s);
}

void wsm_server_leave (struct wsm_server_entry *seat) {
  struct wsm_server *s = seat->server;
  if (!s) return;
  vacate(s, seat);
  seat->server = NULL;
  give_up(s);
}

static void drop (struct wsm_server_entry *seat) {
  struct wsm_link *link = seat->link;
  wsm_server_leave(seat);
  wsm_link_free(link);
}

/* --- what its unclaimed links say --- */

static void on_requested (void *keeper, struct wsm_link *l) {
  struct wsm_server *s = keeper;
  ask(s, wsm_link_entry(l));
  if (s->post.loop) wsm_handle_notify(&s->post);
}

/* One that nobody claimed may not be freed inside its own call: the next flush
** does it. */
static void on_ended (void *keeper, struct wsm_link *l) {
  struct wsm_server *s = keeper;
  struct wsm_server_entry *seat = wsm_link_entry(l);
  if (seat->claimed) {
    vacate(s, seat);
    return;
  }
  s->ending = true;
  if (s->post.loop) wsm_handle_mark_pending(&s->post);
}

static const struct wsm_link_keeper keeper_calls = { on_requested, on_ended };

static bool is_over (const struct wsm_server_entry *seat) {
  return !seat->claimed &&
         wsm_link_manager(seat->link)->state == WSM_STATE_CLOSED;
}

static void sweep (struct wsm_server *s) {
  struct wsm_server_entry *seat = s->seats;
  if (!s->ending) return;
  s->ending = false;
  while (seat) {
    struct wsm_server_entry *next = seat->next;
    if (is_over(seat)) drop(seat);
    seat = next;
  }
}

static void on_accepted (void *owner, int fd) {
  struct wsm_server *s = owner;
  struct wsm_link_setup setup;
  struct wsm_error e;
  struct wsm_link *l;
  setup.policy = &s->policy;
  setup.tls = s->tls;
  l = wsm_link_accept(s->post.loop, &setup, fd, &e);
  if (!l) return; /* the peer reads the end */
  sit(s, wsm_link_entry(l));
  wsm_link_keep(l, &keeper_calls, s);
}

struct wsm_link *wsm_server_claim (struct wsm_server *s) {
  struct wsm_server_entry *seat = s->first_asking;
  if (!seat) return NULL;
  unask(s, seat);
  seat->claimed = true;
  wsm_link_keep(seat->link, &keeper_calls, s);
  return seat->link;
}

/* --- one thing to all --- */

static long cast_frame (struct wsm_server *s, const struct wsm_buffer *frame,
                        const struct wsm_link *except, size_t *full) {
  struct wsm_server_entry *seat;
  long sent = 0;
  *full = 0;
  for (seat = s->seats; seat; seat = seat->next) {
    enum wsm_sent how;
    if (seat->link == except || !seat->claimed) continue;
    how = wsm_link_send_frame(seat->link, wsm_buffer_bytes(frame),
                              wsm_buffer_length(frame));
    if (how == WSM_SENT) sent++;
    else if (how == WSM_SEND_FULL) ++*full;
  }
  return sent;
}

long wsm_server_broadcast (struct wsm_server *s,
                           const struct wsm_broadcast *cast, size_t *full) {
  struct wsm_buffer frame;
  long sent;
  memset(&frame, 0, sizeof frame);
  if (!s->post.loop) return 0;
  if (!wsm_session_frame(&frame, cast->opcode, cast->data, cast->length))
    return -1;
  sent = cast_frame(s, &frame, cast->except, full);
  wsm_buffer_clear(&frame);
  return sent;
}

/* --- life --- */

static void on_flush (struct wsm_handle *post, bool first) {
  (void)first;
  sweep(server_of(post));
}

static void on_loop_closed (struct wsm_handle *post) {
  wsm_server_stop(server_of(post));
}

static const struct wsm_handle_calls post_calls = {
  .on_flush = on_flush, .on_loop_closed = on_loop_closed
};

struct wsm_server *wsm_server_new (struct wsm_loop *loop,
                                   const struct wsm_server_setup *setup,
                                   struct wsm_error *e) {
  struct wsm_server *s = wsm_zalloc(sizeof *s);
  wsm_error_set(e, WSM_FULL, "no memory for a server");
  if (!s) return NULL;
  s->owners = 1;
  s->limit = setup->connections;
  if (setup->tls) s->tls = wsm_tls_context_retain(setup->tls);
  if (wsm_policy_copy(&s->policy, &setup->policy) &&
      wsm_loop_attach(loop, &s->post, &post_calls)) {
    s->policy.reconnect = false;
    s->listener =
      wsm_listener_new(wsm_loop_uv(loop), &setup->order, on_accepted, s, e);
  }
  if (s->listener) return s;
  wsm_server_release(s);
  return NULL;
}

void wsm_server_stop (struct wsm_server *s) {
  if (s->listener) wsm_listener_close(s->listener);
  s->listener = NULL;
}

void wsm_server_release (struct wsm_server *s) {
  struct wsm_server_entry *seat = s->seats;
  wsm_server_stop(s);
  wsm_handle_detach(&s->post);
  while (seat) {
    struct wsm_server_entry *next = seat->next;
    if (!seat->claimed) drop(seat);
    seat = next;
  }
  give_up(s);
}

struct wsm_handle *wsm_server_handle (struct wsm_server *s) {
  return &s->post;
}

int wsm_server_port (const struct wsm_server *s) {
  return s->listener ? wsm_listener_port(s->listener) : 0;
}

uint32_t wsm_server_count (const struct wsm_server *s) {
  return s->count;
}
