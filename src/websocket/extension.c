#include "websocket/extension.h"

#include <stdio.h>
#include <string.h>
#include "base/ascii.h"
#include "base/hidden.h"

#define OFFER_TEXT (WSM_EXTENSION_TEXT / 2)
#define NAME "permessage-deflate"
#define LEAST_BITS 8
#define MOST_BITS 15
#define VALUE_KEPT 3 /* characters: what is longer is no window */

/* RFC 7692 7.1.1 and 7.1.2 */
enum parameter_kind {
  SERVER_TAKEOVER,
  CLIENT_TAKEOVER,
  SERVER_WINDOW,
  CLIENT_WINDOW,
  KINDS
};

static const char *const names[KINDS] = { "server_no_context_takeover",
                                          "client_no_context_takeover",
                                          "server_max_window_bits",
                                          "client_max_window_bits" };

/* The parameters of an offer or an answer. */
struct parameters {
  bool there[KINDS];
  uint8_t bits[KINDS]; /* of a window; 0: no value */
};

struct value {
  bool there;
  char text[VALUE_KEPT];
  size_t length; /* may be more than was kept */
};

/* What makes an offer or an answer unacceptable; what is NULL: nothing. */
struct fault {
  const char *what;
  struct wsm_span name;
};

/* --- the grammar of RFC 6455 9.1 --- */

static bool starts (struct wsm_span s, char c) {
  return s.length > 0 && s.text[0] == c;
}

static void skip (struct wsm_span *s, size_t n) {
  s->text += n;
  s->length -= n;
}

static void skip_blanks (struct wsm_span *s) {
  while (starts(*s, ' ') || starts(*s, '\t')) skip(s, 1);
}

/* The token at the front and the blanks behind it; false: there is none. */
static bool take_token (struct wsm_span *rest, struct wsm_span *token) {
  size_t n = 0;
  while (n < rest->length && wsm_token_is_valid(rest->text + n, 1)) n++;
  token->text = rest->text;
  token->length = n;
  skip(rest, n);
  skip_blanks(rest);
  return n > 0;
}

static void keep (struct value *value, char c) {
  if (value->length < VALUE_KEPT) value->text[value->length] = c;
  value->length++;
}

/* What is in quotation marks has to be a token too, once unescaped. */
static bool take_quoted (struct wsm_span *rest, struct value *value) {
  skip(rest, 1);
  while (rest->length > 0 && !starts(*rest, '"')) {
    if (starts(*rest, '\\')) skip(rest, 1);
    if (rest->length == 0 || !wsm_token_is_valid(rest->text, 1)) return false;
    keep(value, rest->text[0]);
    skip(rest, 1);
  }
  if (rest->length == 0 || value->length == 0) return false;
  skip(rest, 1);
  skip_blanks(rest);
  return true;
}

static bool take_value (struct wsm_span *rest, struct value *value) {
  struct wsm_span token;
  size_t i;
  memset(value, 0, sizeof *value);
  if (!starts(*rest, '=')) return true;
  value->there = true;
  skip(rest, 1);
  skip_blanks(rest);
  if (starts(*rest, '"')) return take_quoted(rest, value);
  if (!take_token(rest, &token)) return false;
  for (i = 0; i < token.length; i++) keep(value, token.text[i]);
  return true;
}

/* 1: a parameter; 0: the extension has no more; -1: not by the grammar. */
static int take_parameter (struct wsm_span *rest, struct wsm_span *name,
                           struct value *value) {
  if (rest->length == 0 || starts(*rest, ',')) return 0;
  if (!starts(*rest, ';')) return -1;
  skip(rest, 1);
  skip_blanks(rest);
  return take_token(rest, name) && take_value(rest, value) ? 1 : -1;
}

/* Likewise the name of an extension, its parameters still to be taken. */
static int take_name (struct wsm_span *rest, struct wsm_span *name) {
  skip_blanks(rest);
  while (starts(*rest, ',')) {
    skip(rest, 1);
    skip_blanks(rest);
  }
  if (rest->length == 0) return 0;
  return take_token(rest, name) ? 1 : -1;
}

/* --- the parameters of RFC 7692 7.1 --- */

static void blame (struct fault *fault, const char *what,
                   struct wsm_span name) {
  if (fault->what) return;
  fault->what = what;
  fault->name = name;
}

static enum parameter_kind kind_of (struct wsm_span name) {
  int kind = 0;
  while (kind < KINDS && !wsm_span_equals(name, wsm_span_of(names[kind])))
    kind++;
  return (enum parameter_kind)kind;
}

/* 7.1.2: 8 to 15 in decimal without leading zeros; else 0. */
static uint8_t window_of (const struct value *value) {
  uint8_t bits = 0;
  size_t i;
  if (value->length == 0 || value->length > 2 || value->text[0] == '0')
    return 0;
  for (i = 0; i < value->length; i++) {
    if (!wsm_is_digit(value->text[i])) return 0;
    bits = (uint8_t)(bits * 10 + (value->text[i] - '0'));
  }
  return bits >= LEAST_BITS && bits <= MOST_BITS ? bits : 0;
}

static void note (struct parameters *p, struct wsm_span name,
                  const struct value *value, struct fault *fault) {
  const enum parameter_kind kind = kind_of(name);
  if (kind == KINDS) {
    blame(fault, "has an unknown parameter", name);
    return;
  }
  if (p->there[kind]) blame(fault, "repeats the parameter", name);
  p->there[kind] = true;
  if (kind == SERVER_TAKEOVER || kind == CLIENT_TAKEOVER) {
    if (value->there) blame(fault, "has a value for the parameter", name);
    return;
  }
  p->bits[kind] = window_of(value);
  if (value->there && p->bits[kind] == 0)
    blame(fault, "has an illegal value for the parameter", name);
  /* 7.1.2.2: only a client's offer may leave its own window open */
  if (!value->there && kind == SERVER_WINDOW)
    blame(fault, "has no value for the parameter", name);
}

/* Takes all parameters of an extension; false: not by the grammar. */
static bool take_parameters (struct wsm_span *rest, struct parameters *p,
                             struct fault *fault) {
  struct wsm_span name;
  struct value value;
  int more;
  memset(p, 0, sizeof *p);
  memset(fault, 0, sizeof *fault);
  while ((more = take_parameter(rest, &name, &value)) > 0)
    note(p, name, &value, fault);
  return more == 0;
}

static size_t write_window (char *to, size_t room, uint8_t bits) {
  return bits ? (size_t)snprintf(to, room, "=%d", bits) : 0;
}

/* `to` has room for one offer. */
static void write_parameters (char *to, const struct parameters *p) {
  size_t n = (size_t)snprintf(to, OFFER_TEXT, NAME);
  int kind;
  for (kind = 0; kind < KINDS; kind++) {
    if (!p->there[kind]) continue;
    n += (size_t)snprintf(to + n, OFFER_TEXT - n, "; %s", names[kind]);
    n += write_window(to + n, OFFER_TEXT - n, p->bits[kind]);
  }
}

static uint8_t smaller (uint8_t a, uint8_t b) {
  return a < b ? a : b;
}

/* --- a client --- */

/* A window of 15 bits is what a peer may use anyway; client_max_window_bits
** without a value tells the server that it may ask for less (7.1.2.2). */
static void set_offer (struct parameters *p,
                       const struct wsm_compression *want) {
  memset(p, 0, sizeof *p);
  p->there[SERVER_TAKEOVER] = !want->peer_takeover;
  p->there[CLIENT_TAKEOVER] = !want->takeover;
  p->there[SERVER_WINDOW] = want->peer_window < MOST_BITS;
  p->there[CLIENT_WINDOW] = true;
  p->bits[SERVER_WINDOW] = want->peer_window;
  p->bits[CLIENT_WINDOW] = want->window < MOST_BITS ? want->window : 0;
}

/* Some servers ask a client to drop its context only when the offer speaks of
** it; as a second choice it does (RFC 7692 5.1: in order of preference). */
void wsm_extension_offer (char to[WSM_EXTENSION_TEXT],
                          const struct wsm_compression *want) {
  struct parameters p;
  size_t n;
  set_offer(&p, want);
  write_parameters(to, &p);
  if (!want->takeover) return;
  n = strlen(to);
  n += (size_t)snprintf(to + n, WSM_EXTENSION_TEXT - n, ", ");
  p.there[CLIENT_TAKEOVER] = true;
  write_parameters(to + n, &p);
}

static void check_missing (const struct parameters *p,
                           const struct wsm_compression *want,
                           struct fault *fault) {
  if (!want->peer_takeover && !p->there[SERVER_TAKEOVER])
    blame(fault, "does not agree to", wsm_span_of(names[SERVER_TAKEOVER]));
  if (want->peer_window < MOST_BITS && !p->there[SERVER_WINDOW])
    blame(fault, "does not agree to", wsm_span_of(names[SERVER_WINDOW]));
  if (p->there[CLIENT_WINDOW] && p->bits[CLIENT_WINDOW] == 0)
    blame(fault, "has no value for the parameter",
          wsm_span_of(names[CLIENT_WINDOW]));
  if (p->bits[SERVER_WINDOW] > want->peer_window)
    blame(fault, "has more than was offered for",
          wsm_span_of(names[SERVER_WINDOW]));
}

static void settle_client (const struct parameters *p,
                           const struct wsm_compression *want,
                           struct wsm_compression *agreed) {
  *agreed = *want;
  agreed->takeover = want->takeover && !p->there[CLIENT_TAKEOVER];
  agreed->peer_takeover = !p->there[SERVER_TAKEOVER];
  agreed->peer_window = p->there[SERVER_WINDOW] ? p->bits[SERVER_WINDOW]
                                                : MOST_BITS;
  /* 7.1.2.2: an answer may name more than was offered; we keep to the offer */
  if (p->there[CLIENT_WINDOW])
    agreed->window = smaller(want->window, p->bits[CLIENT_WINDOW]);
}

static int refuse (struct wsm_error *e, const char *what,
                   struct wsm_span name) {
  char quoted[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE,
                  "the server's answer for " NAME " %s %s "
                  "(RFC 7692 7.1)",
                  what, wsm_span_quote(quoted, name));
  return -1;
}

static int refuse_grammar (struct wsm_error *e, struct wsm_span text) {
  char quoted[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE,
                  "Sec-WebSocket-Extensions is not a list of "
                  "extensions: %s (RFC 6455 9.1)",
                  wsm_span_quote(quoted, text));
  return -1;
}

int wsm_extension_check_answer (struct wsm_span answered,
                                const struct wsm_compression *want,
                                struct wsm_compression *agreed,
                                struct wsm_error *e) {
  struct wsm_span rest = answered, name;
  struct parameters p;
  struct fault fault;
  int more, found = 0;
  while ((more = take_name(&rest, &name)) > 0) {
    if (!wsm_span_equals(name, wsm_span_of(NAME)))
      return refuse(e, "comes with the extension", name);
    if (found++) return refuse(e, "repeats the extension", name);
    if (!take_parameters(&rest, &p, &fault)) return refuse_grammar(e, answered);
    check_missing(&p, want, &fault);
    if (fault.what) return refuse(e, fault.what, fault.name);
    settle_client(&p, want, agreed);
  }
  return more < 0 ? refuse_grammar(e, answered) : found;
}

/* --- a server --- */

/* 7.1.2.2: a client's window cannot be bounded unless it offers that. */
static bool settle_server (const struct parameters *offer,
                           const struct wsm_compression *want,
                           struct wsm_compression *agreed) {
  const uint8_t window = offer->bits[SERVER_WINDOW];
  const uint8_t peer_window = offer->bits[CLIENT_WINDOW];
  if (!offer->there[CLIENT_WINDOW] && want->peer_window < MOST_BITS)
    return false;
  *agreed = *want;
  agreed->takeover = want->takeover && !offer->there[SERVER_TAKEOVER];
  agreed->peer_takeover = want->peer_takeover && !offer->there[CLIENT_TAKEOVER];
  if (window) agreed->window = smaller(want->window, window);
  if (peer_window)
    agreed->peer_window = smaller(want->peer_window, peer_window);
  return true;
}

static void write_answer (char to[WSM_EXTENSION_TEXT],
                          const struct parameters *offer,
                          const struct wsm_compression *agreed) {
  struct parameters p;
  p.there[SERVER_TAKEOVER] = !agreed->takeover;
  p.there[CLIENT_TAKEOVER] = !agreed->peer_takeover;
  p.there[SERVER_WINDOW] = offer->there[SERVER_WINDOW] ||
                           agreed->window < MOST_BITS;
  p.there[CLIENT_WINDOW] = agreed->peer_window < MOST_BITS;
  p.bits[SERVER_TAKEOVER] = p.bits[CLIENT_TAKEOVER] = 0;
  p.bits[SERVER_WINDOW] = agreed->window;
  p.bits[CLIENT_WINDOW] = agreed->peer_window;
  write_parameters(to, &p);
}

/* As wsm_extension_choose, in one header; the header is read to its end. */
static int choose_in (struct wsm_span rest, const struct wsm_compression *want,
                      struct wsm_compression *agreed,
                      char to[WSM_EXTENSION_TEXT]) {
  struct wsm_span name;
  struct parameters p;
  struct fault fault;
  int more, found = 0;
  while ((more = take_name(&rest, &name)) > 0) {
    if (!take_parameters(&rest, &p, &fault)) return -1;
    if (found || fault.what || !wsm_span_equals(name, wsm_span_of(NAME)))
      continue;
    if (!settle_server(&p, want, agreed)) continue;
    write_answer(to, &p, agreed);
    found = 1;
  }
  return more < 0 ? -1 : found;
}

int wsm_extension_choose (const struct wsm_head *request,
                          const struct wsm_compression *want,
                          struct wsm_compression *agreed,
                          char to[WSM_EXTENSION_TEXT], struct wsm_error *e) {
  const struct wsm_header *h = NULL;
  struct wsm_compression other;
  char unused[WSM_EXTENSION_TEXT];
  int found = 0;
  while ((h = wsm_head_next(request, "Sec-WebSocket-Extensions", h)) != NULL) {
    const int more =
      choose_in(h->value, want, found ? &other : agreed, found ? unused : to);
    if (more < 0) return refuse_grammar(e, h->value);
    if (more) found = 1;
  }
  return found;
}
