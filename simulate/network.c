#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define SEGMENT 16384
#define FIRST_RTO_MS 300
#define LAST_RTO_MS 120000 /* Linux: TCP_RTO_MAX */
#define GIVE_UP_MS 924600  /* Linux: tcp_retries2 = 15 */
#define FIRST_SYN_MS 1000
#define PROBE_MS 30000 /* of a window that is shut */

/* One direction. Offsets are those of bytes since the connection began:
** read <= arrived <= sent <= written, acknowledged <= arrived. */
struct pipe {
  struct bytes bytes; /* from offset `read` on */
  uint64_t written, sent, arrived, acknowledged, read;
  bool finished, fin_sent, fin_arrived; /* FIN is behind the last byte */
  bool wants_room;
  uint64_t free_ms, last_ms; /* of the wire; of the last arrival */
  uint32_t epoch;            /* packets of an older one were dropped */
  bool retransmits;          /* its timer runs ... */
  uint64_t missing_to;       /* ... until this was acknowledged */
  uint64_t rto_ms, missing_since_ms;
  bool probes;         /* the window is shut, and asked for ... */
  uint64_t unheard_ms; /* ... without an answer since then; 0: with one */
  uint64_t dark_until_ms;
};

struct end {
  const struct tcp_calls *calls;
  void *owner;
  bool open;
  enum tcp_end ended; /* RESET, TIMED_OUT */
};

struct tcp {
  struct path *path;
  const struct listener *listener;
  struct pipe pipes[2]; /* of the side that writes */
  struct end ends[2];
  bool established;
  size_t packets; /* scheduled calls */
  uint64_t impaired_ms;
  struct tcp *next, **link; /* of the path's */
};

static uint64_t now_of (const struct tcp *t) {
  return t->path->schedule->now_ms;
}

static enum side other (enum side side) {
  return side == CLIENT ? SERVER : CLIENT;
}

static void later (struct tcp *t, uint64_t at_ms, schedule_call *call,
                   uint64_t value) {
  const struct schedule_entry entry = { .call = call,
                                        .object = t,
                                        .value = value };
  t->packets++;
  schedule_at(t->path->schedule, at_ms, &entry);
}

static void free_tcp (struct tcp *t) {
  *t->link = t->next;
  if (t->next) t->next->link = t->link;
  bytes_free(&t->pipes[CLIENT].bytes);
  bytes_free(&t->pipes[SERVER].bytes);
  free(t);
}

static void free_if_over (struct tcp *t) {
  if (!t->packets && !t->ends[CLIENT].open && !t->ends[SERVER].open)
    free_tcp(t);
}

static void packet_over (struct tcp *t) {
  t->packets--;
  free_if_over(t);
}

void path_free (struct path *path) {
  while (path->all) free_tcp(path->all);
}

static bool is_dark (const struct tcp *t, enum side side) {
  const uint64_t now = now_of(t);
  return now < t->path->dark_until_ms[side] ||
         now < t->pipes[side].dark_until_ms;
}

static void tell_readable (struct tcp *t, enum side side) {
  const struct end *e = &t->ends[side];
  if (e->open && t->established) e->calls->readable(e->owner);
}

/* --- the end of a connection --- */

static void end_with (struct tcp *t, enum side side, enum tcp_end how) {
  struct end *e = &t->ends[side];
  if (e->ended != TCP_LIVES) return;
  e->ended = how;
  t->pipes[side].retransmits = false;
  tell_readable(t, side);
}

/* value: the side that sent it */
static void on_reset (void *object, uint64_t value) {
  struct tcp *t = object;
  if (!is_dark(t, (enum side)value))
    end_with(t, other((enum side)value), TCP_RESET);
  packet_over(t);
}

static void send_reset (struct tcp *t, enum side from) {
  later(t, now_of(t) + t->path->latency_ms, on_reset, from);
}

/* --- packets --- */

static void pump (struct tcp *t, enum side side);
static void on_retransmit (void *object, uint64_t value);
static void on_acknowledged (void *object, uint64_t value);

static void note_missing (struct tcp *t, enum side side, uint64_t offset) {
  struct pipe *p = &t->pipes[side];
  t->impaired_ms = now_of(t);
  if (p->missing_to < offset) p->missing_to = offset;
  if (p->retransmits || t->ends[side].ended != TCP_LIVES) return;
  p->retransmits = true;
  p->rto_ms = FIRST_RTO_MS;
  p->missing_since_ms = now_of(t);
  later(t, now_of(t) + p->rto_ms, on_retransmit, side);
}

/* What a dark path dropped is sent again from there. */
static void lose (struct tcp *t, enum side side) {
  struct pipe *p = &t->pipes[side];
  const uint64_t missing = p->sent;
  p->epoch++;
  p->sent = p->arrived;
  p->fin_sent = p->fin_arrived;
  note_missing(t, side, missing);
}

/* A value: the offset behind the packet, its epoch's last bits, its side, and
** whether it is the FIN. */
static uint64_t pack (const struct pipe *p, enum side side, bool fin) {
  return p->sent << 12 | (uint64_t)(p->epoch & 1023) << 2 | (uint64_t)fin << 1 |
         (uint64_t)side;
}

static void acknowledge (struct tcp *t, enum side side) {
  later(t, now_of(t) + t->path->latency_ms, on_acknowledged,
        t->pipes[side].arrived << 1 | (uint64_t)side);
}

static void arrive (struct tcp *t, uint64_t value) {
  const enum side side = (enum side)(value & 1);
  struct pipe *p = &t->pipes[side];
  if ((value >> 2 & 1023) != (p->epoch & 1023)) return;
  if (is_dark(t, side)) {
    lose(t, side);
    return;
  }
  if (!t->ends[other(side)].open || t->ends[other(side)].ended != TCP_LIVES) {
    if (side == CLIENT && t->listener->is_off(t->listener->owner))
      lose(t, side);
    else send_reset(t, other(side));
    return;
  }
  p->arrived = value >> 12;
  if (value & 2) p->fin_arrived = true;
  acknowledge(t, side);
  tell_readable(t, other(side));
}

static void on_packet (void *object, uint64_t value) {
  struct tcp *t = object;
  arrive(t, value);
  packet_over(t);
}

static void note_acknowledged (struct tcp *t, enum side side, uint64_t offset) {
  struct pipe *p = &t->pipes[side];
  const struct end *e = &t->ends[side];
  if (is_dark(t, other(side))) {
    note_missing(t, side, offset);
    return;
  }
  if (offset > p->acknowledged) {
    p->acknowledged = offset;
    p->missing_since_ms = now_of(t);
    p->rto_ms = FIRST_RTO_MS;
  }
  pump(t, side);
  if (!p->wants_room || tcp_is_full(t, side)) return;
  p->wants_room = false;
  if (e->open && e->ended == TCP_LIVES) e->calls->writable(e->owner);
}

static void on_acknowledged (void *object, uint64_t value) {
  struct tcp *t = object;
  note_acknowledged(t, (enum side)(value & 1), value >> 1);
  packet_over(t);
}

static void send_packet (struct tcp *t, enum side side, bool fin) {
  struct pipe *p = &t->pipes[side];
  uint64_t at_ms = p->free_ms + t->path->latency_ms;
  if (at_ms < p->last_ms) at_ms = p->last_ms;
  p->last_ms = at_ms;
  later(t, at_ms, on_packet, pack(p, side, fin));
}

static size_t segment_of (const struct path *path) {
  const uint64_t tenth = path->rate / 10;
  if (tenth > SEGMENT) return SEGMENT;
  return tenth > 536 ? (size_t)tenth : 536;
}

/* --- a window that is shut --- */

static bool is_shut (const struct tcp *t, enum side side) {
  const struct pipe *p = &t->pipes[side];
  return t->ends[side].open && t->ends[side].ended == TCP_LIVES &&
         p->sent < p->written && p->sent >= p->read + t->path->receive_room;
}

/* Somebody at the other side answers it, if only that there is no connection. */
static bool is_answered (const struct tcp *t, enum side side) {
  const bool off = side == CLIENT && !t->ends[SERVER].open &&
                   t->listener->is_off(t->listener->owner);
  return !is_dark(t, CLIENT) && !is_dark(t, SERVER) && !off;
}

static void probe (struct tcp *t, enum side side);

static void on_probe (void *object, uint64_t value) {
  struct tcp *t = object;
  struct pipe *p = &t->pipes[value];
  p->probes = false;
  if (is_shut(t, (enum side)value)) probe(t, (enum side)value);
  packet_over(t);
}

static void await_window (struct tcp *t, enum side side) {
  struct pipe *p = &t->pipes[side];
  if (p->probes || !is_shut(t, side)) return;
  p->probes = true;
  later(t, now_of(t) + PROBE_MS, on_probe, side);
}

static void probe (struct tcp *t, enum side side) {
  struct pipe *p = &t->pipes[side];
  if (is_answered(t, side)) {
    p->unheard_ms = 0;
    if (!t->ends[other(side)].open) send_reset(t, other(side));
  } else {
    t->impaired_ms = now_of(t);
    if (!p->unheard_ms) p->unheard_ms = now_of(t);
    if (now_of(t) - p->unheard_ms >= GIVE_UP_MS)
      end_with(t, side, TCP_TIMED_OUT);
  }
  await_window(t, side);
}

/* --- what may be sent --- */

static void pump (struct tcp *t, enum side side) {
  struct pipe *p = &t->pipes[side];
  const uint64_t end = p->read + t->path->receive_room;
  uint64_t n;
  if (t->ends[side].ended != TCP_LIVES || !t->established) return;
  if (p->free_ms < now_of(t)) p->free_ms = now_of(t);
  while (p->sent < p->written && p->sent < end) {
    n = (p->written < end ? p->written : end) - p->sent;
    if (n > segment_of(t->path)) n = segment_of(t->path);
    p->sent += n;
    p->free_ms += n * 1000 / t->path->rate;
    send_packet(t, side, false);
  }
  if (p->finished && !p->fin_sent && p->sent == p->written) {
    p->fin_sent = true;
    send_packet(t, side, true);
  }
  await_window(t, side);
}

/* Nothing of that side is missing at the other any more. */
static bool has_recovered (const struct pipe *p) {
  return (p->acknowledged >= p->missing_to || p->acknowledged == p->written) &&
         (!p->finished || p->fin_arrived);
}

static void retransmit (struct tcp *t, enum side side) {
  struct pipe *p = &t->pipes[side];
  if (!p->retransmits) return;
  t->impaired_ms = now_of(t);
  if (now_of(t) - p->missing_since_ms >= GIVE_UP_MS) {
    end_with(t, side, TCP_TIMED_OUT);
    return;
  }
  if (has_recovered(p)) {
    p->retransmits = false;
    return;
  }
  if (!is_dark(t, side)) {
    if (p->acknowledged < p->arrived) acknowledge(t, side);
    pump(t, side);
  }
  p->rto_ms = p->rto_ms * 2 < LAST_RTO_MS ? p->rto_ms * 2 : LAST_RTO_MS;
  later(t, now_of(t) + p->rto_ms, on_retransmit, side);
}

static void on_retransmit (void *object, uint64_t value) {
  struct tcp *t = object;
  retransmit(t, (enum side)value);
  packet_over(t);
}

/* --- connecting --- */

static void on_refused (void *object, uint64_t value) {
  struct tcp *t = object;
  const struct end *e = &t->ends[CLIENT];
  (void)value;
  if (e->open && !is_dark(t, SERVER)) e->calls->refused(e->owner);
  packet_over(t);
}

static void on_established (void *object, uint64_t value) {
  struct tcp *t = object;
  const struct end *e = &t->ends[CLIENT];
  (void)value;
  if (e->open) e->calls->connected(e->owner);
  else if (t->ends[SERVER].open) send_reset(t, CLIENT);
  packet_over(t);
}

/* value: the wait before the next one */
static void on_syn (void *object, uint64_t value) {
  struct tcp *t = object;
  const struct listener *l = t->listener;
  const uint64_t back_ms = now_of(t) + t->path->latency_ms;
  struct end *e = &t->ends[SERVER];
  if (t->ends[CLIENT].open) {
    if (is_dark(t, CLIENT) || is_dark(t, SERVER) || l->is_off(l->owner)) {
      later(t, now_of(t) + value, on_syn, value * 2);
    } else if (!(e->owner = l->accept(l->owner, t))) {
      later(t, back_ms, on_refused, 0);
    } else {
      e->open = t->established = true;
      e->calls = l->calls;
      later(t, back_ms, on_established, 0);
    }
  }
  packet_over(t);
}

struct tcp *tcp_connect (struct path *path, const struct listener *to,
                         const struct tcp_calls *calls, void *owner) {
  struct tcp *t = calloc(1, sizeof *t);
  if (!t) exit(2);
  t->path = path, t->next = path->all;
  t->link = &path->all;
  if (t->next) t->next->link = &t->next;
  path->all = t;
  t->listener = to;
  t->ends[CLIENT] = (struct end){ calls, owner, true, TCP_LIVES };
  later(t, now_of(t) + path->latency_ms, on_syn, FIRST_SYN_MS);
  return t;
}

/* --- an end's own calls --- */

bool tcp_is_full (const struct tcp *t, enum side side) {
  const struct pipe *p = &t->pipes[side];
  return p->written - p->acknowledged >= t->path->send_room;
}

size_t tcp_write (struct tcp *t, enum side side, const void *bytes, size_t n) {
  struct pipe *p = &t->pipes[side];
  const uint64_t had = p->written - p->acknowledged;
  const size_t room =
    had < t->path->send_room ? t->path->send_room - (size_t)had : 0;
  const size_t taken = n < room ? n : room;
  if (t->ends[side].ended != TCP_LIVES || p->finished) return 0;
  if (taken < n) p->wants_room = true;
  bytes_append(&p->bytes, bytes, taken);
  p->written += taken;
  pump(t, side);
  return taken;
}

static void on_window (void *object, uint64_t value) {
  struct tcp *t = object;
  const enum side side = (enum side)value;
  if (is_dark(t, other(side)))
    note_missing(t, side, t->pipes[side].acknowledged + 1);
  else pump(t, side);
  packet_over(t);
}

size_t tcp_read (struct tcp *t, enum side side, void *to, size_t n) {
  struct pipe *p = &t->pipes[other(side)];
  const size_t there = (size_t)(p->arrived - p->read);
  const bool was_shut = p->arrived == p->read + t->path->receive_room;
  if (n > there) n = there;
  if (n == 0) return 0;
  memcpy(to, bytes_at(&p->bytes), n);
  p->read += n;
  bytes_take(&p->bytes, n);
  if (was_shut || p->sent < p->written)
    later(t, now_of(t) + t->path->latency_ms, on_window, other(side));
  return n;
}

enum tcp_end tcp_hung_up (const struct tcp *t, enum side side) {
  if (t->ends[side].ended != TCP_LIVES) return t->ends[side].ended;
  return t->pipes[other(side)].fin_arrived ? TCP_FINISHED : TCP_LIVES;
}

enum tcp_end tcp_end (const struct tcp *t, enum side side) {
  return tcp_arrived(t, side) > 0 ? TCP_LIVES : tcp_hung_up(t, side);
}

size_t tcp_arrived (const struct tcp *t, enum side side) {
  const struct pipe *p = &t->pipes[other(side)];
  return (size_t)(p->arrived - p->read);
}

bool tcp_is_readable (const struct tcp *t, enum side side) {
  return tcp_arrived(t, side) > 0 || tcp_hung_up(t, side) != TCP_LIVES;
}

void tcp_finish (struct tcp *t, enum side side) {
  t->pipes[side].finished = true;
  pump(t, side);
}

static void leave (struct tcp *t, enum side side) {
  t->ends[side].open = false;
  free_if_over(t);
}

void tcp_close (struct tcp *t, enum side side) {
  const struct pipe *in = &t->pipes[other(side)];
  if (in->arrived > in->read && t->established) {
    send_reset(t, side);
    t->ends[side].ended = TCP_RESET;
    t->pipes[side].retransmits = false;
  } else {
    tcp_finish(t, side);
  }
  leave(t, side);
}

void tcp_vanish (struct tcp *t, enum side side) {
  t->ends[side].ended = TCP_RESET;
  t->pipes[side].retransmits = false;
  leave(t, side);
}

void tcp_darken (struct tcp *t, enum side side, uint64_t until_ms) {
  t->pipes[side].dark_until_ms = until_ms;
}

uint64_t tcp_acknowledged (const struct tcp *t, enum side side) {
  return t->pipes[side].acknowledged;
}

uint64_t tcp_written (const struct tcp *t, enum side side) {
  return t->pipes[side].written;
}

const unsigned char *tcp_unread (const struct tcp *t, enum side side,
                                 size_t *n) {
  const struct pipe *p = &t->pipes[side];
  *n = (size_t)(p->written - p->read);
  return bytes_at(&p->bytes);
}

uint64_t tcp_impaired_ms (const struct tcp *t) {
  const bool missing = t->pipes[CLIENT].retransmits ||
                       t->pipes[SERVER].retransmits;
  return missing ? now_of(t) : t->impaired_ms;
}

void *tcp_owner (const struct tcp *t, enum side side) {
  return t->ends[side].owner;
}

void tcp_set_owner (struct tcp *t, enum side side, void *owner) {
  t->ends[side].owner = owner;
}
