#include "model_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confirmed.h"
#include "fates.h"
#include "invariants.h"
#include "messages.h"

#define READ_ROOM 65536
#define MAX_OUT 400000 /* of unsent bytes: then nothing is pushed */

static struct client *client_of (const struct peer *p) {
  return &p->server->world->clients[p->account->number];
}

/* --- a connection's life --- */

static void unlink_peer (struct peer *p) {
  struct peer **at = &p->server->peers;
  while (*at && *at != p) at = &(*at)->next;
  if (*at) *at = p->next;
}

static void free_if_over (struct peer *p) {
  if (p->tcp || p->attached || p->woken) return;
  unlink_peer(p);
  bytes_free(&p->in);
  bytes_free(&p->out);
  free(p->ends);
  free(p);
}

static void leave (struct peer *p) {
  struct tcp *t = p->tcp;
  p->tcp = NULL;
  if (t) tcp_close(t, SERVER);
}

/* --- out --- */

static void flush (struct peer *p) {
  if (!p->tcp || p->out.length == 0) return;
  bytes_take(&p->out,
             tcp_write(p->tcp, SERVER, bytes_at(&p->out), p->out.length));
}

static void write_frame (struct peer *p, const struct frame *f) {
  const size_t had = p->out.length;
  frame_write(&p->out, f);
  p->written += p->out.length - had;
}

static void write_text (struct peer *p, const char *text) {
  bytes_append(&p->out, text, strlen(text));
  p->written += strlen(text);
}

static void note_end (struct peer *p) {
  size_t unread;
  uint64_t read;
  tcp_unread(p->tcp, SERVER, &unread);
  read = tcp_written(p->tcp, SERVER) - unread;
  while (p->end_count && p->ends[p->end_first] <= read) {
    p->end_first++;
    p->end_count--;
  }
  if (p->end_first + p->end_count == p->end_room) {
    if (p->end_count)
      memmove(p->ends, p->ends + p->end_first, p->end_count * sizeof *p->ends);
    p->end_first = 0;
    if (p->end_count * 2 >= p->end_room) {
      p->end_room = p->end_room * 2 + 16;
      p->ends = realloc(p->ends, p->end_room * sizeof *p->ends);
      if (!p->ends) exit(2);
    }
  }
  p->ends[p->end_first + p->end_count++] = p->written;
}

static bool may_push (const struct peer *p) {
  return p->tcp && p->open && !p->closing && p->out.length < MAX_OUT;
}

static void push_on_connection (struct peer *p, size_t extra,
                                bool in_fragments) {
  struct name name = { 's', p->number, p->pushed };
  struct frame f = { true, TEXT, NULL, 0 };
  const struct frame ping = { true, PING, (const unsigned char *)"there?", 6 };
  size_t n;
  if (!may_push(p)) return;
  f.payload = (const unsigned char *)message_write(&name, extra, &n);
  if (in_fragments) {
    f.final = false;
    f.length = n / 3;
    write_frame(p, &f);
    write_frame(p, &ping);
    f.payload += n / 3;
    f.opcode = MORE;
  }
  f.final = true;
  f.length = n - (in_fragments ? n / 3 : 0);
  write_frame(p, &f);
  p->pushed++;
  p->server->world->tally.pushed++;
  note_end(p);
  flush(p);
}

void peer_push (struct peer *p, size_t extra, bool in_fragments) {
  if (p->account->confirms) confirmed_push(p->account, extra);
  else push_on_connection(p, extra, in_fragments);
}

uint64_t peer_count_read (const struct peer *p, const struct tcp *t) {
  size_t unread, i = 0;
  uint64_t read;
  tcp_unread(t, SERVER, &unread);
  read = tcp_written(t, SERVER) - unread;
  while (i < p->end_count && p->ends[p->end_first + i] <= read) i++;
  return p->pushed - p->end_count + i;
}

void peer_close (struct peer *p, unsigned code) {
  const unsigned char payload[2] = { (unsigned char)(code >> 8),
                                     (unsigned char)code };
  const struct frame f = { true, CLOSE, payload, 2 };
  if (!p->tcp || !p->open || p->closing) return;
  p->closing = true;
  write_frame(p, &f);
  flush(p);
}

void peer_reset (struct peer *p) {
  leave(p);
  free_if_over(p);
}

/* --- in --- */

static bool is_heartbeat (const struct frame *f) {
  return f->length == 9 && memcmp(f->payload, "heartbeat", 9) == 0;
}

/* passing: see fates_pass. */
static void check_message (struct peer *p, const struct frame *f,
                           struct passing *passing) {
  struct name name;
  struct client *c = client_of(p);
  if (!f->final || !message_read(f->payload, f->length, &name) ||
      name.kind != 'c' || name.connection != p->account->number ||
      name.number >= c->fates.count || f->length > c->policy.send_bytes) {
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: the server read a message that nobody sent",
                     c->number);
    return;
  }
  if (p->account->confirms) confirmed_read(p, name.number);
  else fates_pass(c, passing, name.number);
}

static void read_message (struct peer *p, const struct frame *f) {
  check_message(p, f, &p->passing);
  if (p->account->confirms) return;
  p->whole++;
  p->server->world->tally.delivered++;
}

static uint64_t read_number (const struct frame *f) {
  uint64_t number = 0;
  size_t i;
  for (i = 4; i < f->length; i++) number = number * 10 + f->payload[i] - '0';
  return number;
}

void peer_write_bytes (struct peer *p, const char *text, size_t n) {
  const struct frame f = { true, TEXT, (const unsigned char *)text, n };
  write_frame(p, &f);
  flush(p);
}

void peer_write (struct peer *p, const char *text) {
  peer_write_bytes(p, text, strlen(text));
}

static void check_heartbeat (const struct peer *p) {
  const struct client *c = client_of(p);
  if (!c->policy.heartbeat.interval_ms)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: a heartbeat, where there shall be none",
                     c->number);
}

/* A message as heartbeat is answered only for those who ask for it. */
static void answer_heartbeat (struct peer *p) {
  const struct client *c = client_of(p);
  check_heartbeat(p);
  if (c->policy.heartbeat.jitter == 0 && c->policy.heartbeat.interval_ms &&
      p->server->world->schedule.now_ms <
        p->accepted_ms + c->policy.heartbeat.interval_ms / 2)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: a heartbeat of an earlier connection",
                     c->number);
  p->owes = p->silent && c->policy.heartbeat.ack;
  if (c->policy.heartbeat.ack && !p->silent) peer_write(p, "beat");
}

static void log_in (struct peer *p) {
  const char *welcome = p->server->welcome;
  if (!welcome) return;
  peer_write(p, welcome);
  p->logged_in = strcmp(welcome, "welcome") == 0;
  if (p->logged_in && p->account->confirms) confirmed_resume(p);
}

static void on_message (struct peer *p, const struct frame *f) {
  if (is_heartbeat(f)) {
    answer_heartbeat(p);
  } else if (f->length == 5 && memcmp(f->payload, "login", 5) == 0) {
    log_in(p);
  } else if (f->length > 4 && memcmp(f->payload, "got ", 4) == 0) {
    confirmed_got(p->account, read_number(f));
  } else {
    if (!p->logged_in)
      invariant_broken(p->server->world, BROKEN_OTHER,
                       "client %u: a message before the login was done",
                       p->account->number);
    read_message(p, f);
  }
}

static void on_frame (struct peer *p, const struct frame *f) {
  struct frame answer = *f;
  answer.final = true;
  if (f->opcode == PING) {
    check_heartbeat(p);
    answer.opcode = PONG;
    if (!p->silent) write_frame(p, &answer);
  } else if (f->opcode == CLOSE) {
    if (!p->closing) write_frame(p, &answer);
    flush(p);
    leave(p);
  } else if (f->opcode == TEXT || f->opcode == BINARY) {
    on_message(p, f);
  }
}

static void read_frames (struct peer *p) {
  struct frame f;
  long n;
  while (p->tcp && (n = frame_read(bytes_at(&p->in), p->in.length, &f)) != 0) {
    if (n < 0) {
      invariant_broken(p->server->world, BROKEN_OTHER,
                       "client %u: a frame that no client may send",
                       p->account->number);
      return;
    }
    on_frame(p, &f);
    bytes_take(&p->in, (size_t)n);
  }
}

static void refuse (struct peer *p) {
  const struct server *s = p->server;
  char text[160], after[40] = "";
  if (s->retry_after_s)
    snprintf(after, sizeof after, "Retry-After: %u\r\n", s->retry_after_s);
  /* RFC 9110 10.2.3 names 503, RFC 6585 429 */
  if ((s->refusal == 429 || s->refusal == 503) && p->attached)
    ((struct client *)tcp_owner(p->tcp, CLIENT))->retry_after_ms =
      s->retry_after_s * 1000;
  snprintf(text, sizeof text,
           "HTTP/1.1 %u No\r\n%sContent-Length: 0\r\nConnection: "
           "close\r\n\r\n",
           s->refusal, after);
  write_text(p, text);
  flush(p);
  leave(p);
}

static void read_handshake (struct peer *p) {
  struct handshake h;
  const size_t n = handshake_read(bytes_at(&p->in), p->in.length, &h);
  size_t had;
  if (n == 0 || p->server->mute) return;
  bytes_take(&p->in, n);
  if (p->server->refusal) {
    refuse(p);
    return;
  }
  had = p->out.length;
  handshake_write(&p->out, &h);
  p->written += p->out.length - had;
  p->open = true;
  if (p->account->confirms && p->logged_in) confirmed_resume(p);
}

static void read_all (struct peer *p) {
  static unsigned char room[READ_ROOM];
  size_t n;
  while (p->tcp && (n = tcp_read(p->tcp, SERVER, room, sizeof room)) > 0) {
    bytes_append(&p->in, room, n);
    if (!p->open) read_handshake(p);
    if (p->open) read_frames(p);
  }
  flush(p);
  if (p->tcp && tcp_end(p->tcp, SERVER) != TCP_LIVES) leave(p);
}

static void on_turn (void *object, uint64_t value) {
  struct peer *p = object;
  (void)value;
  p->woken = false;
  if (!p->hung) read_all(p);
  free_if_over(p);
}

static void on_readable (void *owner) {
  struct peer *p = owner;
  struct world *w = p->server->world;
  if (p->woken || p->hung) return;
  p->woken = true;
  world_later(w, random_below(&p->server->random, w->answer_ms + 1), on_turn,
              p);
}

static void on_writable (void *owner) {
  flush(owner);
}

static const struct tcp_calls calls = { NULL, NULL, on_readable, on_writable };

void peer_resume (struct peer *p) {
  /* what went unanswered stays so, until the next heartbeat */
  uint64_t until_ms = p->server->world->schedule.now_ms;
  if (p->silent) until_ms += client_of(p)->policy.heartbeat.timeout_ms;
  if (p->hung_ms < until_ms) p->hung_ms = until_ms;
  p->hung = p->silent = false;
  if (p->tcp) on_readable(p);
}

/* --- the client's end --- */

/* On a copy: reading frames unmasks them, and the server may read these yet. The
** number of the next message behind them. */
static uint64_t pass_rest (struct peer *p, const struct tcp *t) {
  struct bytes all = { 0 };
  struct frame f;
  struct passing passing = p->passing;
  const unsigned char *unread;
  size_t n;
  long size;
  bytes_append(&all, bytes_at(&p->in), p->in.length);
  unread = tcp_unread(t, CLIENT, &n);
  bytes_append(&all, unread, n);
  while ((size = frame_read(bytes_at(&all), all.length, &f)) > 0) {
    if (f.opcode < CLOSE && f.length > 0 && f.payload[0] == 'c') {
      passing.by_kernel = true;
      check_message(p, &f, &passing);
      p->server->world->tally.with_kernel++;
    }
    bytes_take(&all, (size_t)size);
  }
  bytes_free(&all);
  return passing.next;
}

/* The last that was accepted of those that the client has not left. */
static struct peer *last_of (const struct account *a) {
  struct peer *p = a->world->server->peers;
  while (p && (p->account != a || !p->attached)) p = p->next;
  return p;
}

/* What came meanwhile went nowhere. */
static void fall_back (struct account *a) {
  a->peer = last_of(a);
  if (a->peer && a->confirms && a->peer->open && a->peer->logged_in)
    confirmed_resume(a->peer);
}

void peer_detach (struct peer *p, const struct tcp *t) {
  const bool counts = p->open && !p->account->confirms;
  p->account->whole = counts ? pass_rest(p, t) : p->passing.next;
  p->attached = false;
  if (p->account->peer == p) fall_back(p->account);
  free_if_over(p);
}

/* --- the server --- */

static void *on_accept (void *owner, struct tcp *t) {
  struct server *s = owner;
  struct client *c = tcp_owner(t, CLIENT);
  struct account *a = c->original ? &c->original->account : &c->account;
  struct peer *p;
  if (s->down) return NULL;
  p = calloc(1, sizeof *p);
  if (!p) exit(2);
  p->server = s;
  p->account = a;
  p->tcp = t;
  p->attached = true;
  p->logged_in = !client_of(p)->logs_in;
  p->number = ++a->connections;
  p->accepted_ms = s->world->schedule.now_ms;
  p->passing.next = a->whole;
  p->passing.connection = p->number;
  p->next = s->peers;
  s->peers = p;
  a->peer = p;
  return p;
}

static bool is_off (void *owner) {
  const struct server *s = owner;
  return s->off;
}

struct server *model_server_new (struct world *w) {
  struct server *s = calloc(1, sizeof *s);
  if (!s) exit(2);
  s->world = w;
  s->random = random_split(&w->random);
  s->welcome = "welcome";
  s->listener.owner = s;
  s->listener.calls = &calls;
  s->listener.accept = on_accept;
  s->listener.is_off = is_off;
  return s;
}

const struct listener *model_server_listener (const struct server *s) {
  return &s->listener;
}

static void on_back (void *object, uint64_t value) {
  struct server *s = object;
  (void)value;
  s->down = s->off = false;
  TELL(s->world, "the server is back");
}

static void end_peer (struct peer *p, unsigned how) {
  struct tcp *t = p->tcp;
  if (how == 2) peer_close(p, 1012);
  else if (how == 0) leave(p);
  else if (t) {
    p->tcp = NULL;
    tcp_vanish(t, SERVER);
  }
  free_if_over(p);
}

void model_server_restart (struct server *s, unsigned how, uint64_t down_ms) {
  static const char *const words[] = { "is killed", "loses its power",
                                       "closes all with 1012" };
  struct peer *p, *next;
  TELL(s->world, "the server %s; it is back in %.1f s", words[how],
       (double)down_ms / 1000);
  s->down = true;
  s->off = how == 1;
  for (p = s->peers; p; p = next) {
    next = p->next;
    end_peer(p, how);
  }
  world_later(s->world, down_ms, on_back, s);
}

void model_server_free (struct server *s) {
  struct peer *p;
  while ((p = s->peers) != NULL) {
    s->peers = p->next;
    bytes_free(&p->in);
    bytes_free(&p->out);
    free(p->ends);
    free(p);
  }
  free(s);
}
