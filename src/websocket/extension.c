#include "websocket/extension.h"

#include <stdio.h>
#include <string.h>
#include "base/ascii.h"
#include "base/hidden.h"

#define OFFER_TEXT (WSM_EXTENSION_TEXT / 2)
#define NAME "permessage-deflate"
#define MIN_WINDOW 8
#define MAX_WINDOW 15
#define VALUE_KEPT 3 /* characters; a longer value is no window size */

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

/* The parameters of an offer or a response. */
struct parameters {
  bool present[KINDS];
  uint8_t bits[KINDS]; /* of a window; 0: no value */
};

struct value {
  bool present;
  char text[VALUE_KEPT];
  size_t length; /* may be more than text has */
};

/* Why an offer or a response is not acceptable; what is NULL: it is. */
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

/* Takes a token and the blanks that follow; false: there is none. */
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

/* The content of quotation marks must be a token, too, once unescaped. */
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
  value->present = true;
  skip(rest, 1);
  skip_blanks(rest);
  if (starts(*rest, '"')) return take_quoted(rest, value);
  if (!take_token(rest, &token)) return false;
  for (i = 0; i < token.length; i++) keep(value, token.text[i]);
  return true;
}

/* 1: a parameter; 0: the extension has no more; -1: a syntax error. */
static int take_parameter (struct wsm_span *rest, struct wsm_span *name,
                           struct value *value) {
  if (rest->length == 0 || starts(*rest, ',')) return 0;
  if (!starts(*rest, ';')) return -1;
  skip(rest, 1);
  skip_blanks(rest);
  return take_token(rest, name) && take_value(rest, value) ? 1 : -1;
}

/* The name of the next extension; its parameters follow. Returns likewise. */
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

static void set_fault (struct fault *fault, const char *what,
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
  return bits >= MIN_WINDOW && bits <= MAX_WINDOW ? bits : 0;
}

static void add_parameter (struct parameters *p, struct wsm_span name,
                           const struct value *value, struct fault *fault) {
  const enum parameter_kind kind = kind_of(name);
  if (kind == KINDS) {
    set_fault(fault, "has an unknown parameter", name);
    return;
  }
  if (p->present[kind]) set_fault(fault, "repeats the parameter", name);
  p->present[kind] = true;
  if (kind == SERVER_TAKEOVER || kind == CLIENT_TAKEOVER) {
    if (value->present) set_fault(fault, "has a value for the parameter", name);
    return;
  }
  p->bits[kind] = window_of(value);
  if (value->present && p->bits[kind] == 0)
    set_fault(fault, "has an illegal value for the parameter", name);
  /* 7.1.2.2: only client_max_window_bits may have no value, in an offer */
  if (!value->present && kind == SERVER_WINDOW)
    set_fault(fault, "has no value for the parameter", name);
}

/* Takes all parameters of an extension; false: a syntax error. */
static bool take_parameters (struct wsm_span *rest, struct parameters *p,
                             struct fault *fault) {
  struct wsm_span name;
  struct value value;
  int more;
  memset(p, 0, sizeof *p);
  memset(fault, 0, sizeof *fault);
  while ((more = take_parameter(rest, &name, &value)) > 0)
    add_parameter(p, name, &value, fault);
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
    if (!p->present[kind]) continue;
    n += (size_t)snprintf(to + n, OFFER_TEXT - n, "; %s", names[kind]);
    n += write_window(to + n, OFFER_TEXT - n, p->bits[kind]);
  }
}

static uint8_t smaller (uint8_t a, uint8_t b) {
  return a < b ? a : b;
}

/* --- a client: RFC 7692 5.1, 7.1 --- */

/* 15 bits are the default; client_max_window_bits without a value allows the
** server to demand less (7.1.2.2). */
static void set_offer (struct parameters *p,
                       const struct wsm_compression *want) {
  memset(p, 0, sizeof *p);
  p->present[SERVER_TAKEOVER] = !want->peer_takeover;
  p->present[CLIENT_TAKEOVER] = !want->takeover;
  p->present[SERVER_WINDOW] = want->peer_window < MAX_WINDOW;
  p->present[CLIENT_WINDOW] = true;
  p->bits[SERVER_WINDOW] = want->peer_window;
  p->bits[CLIENT_WINDOW] = want->window < MAX_WINDOW ? want->window : 0;
}

/* Some servers demand client_no_context_takeover only if the offer has it; the
** second offer does (RFC 7692 5.1: in order of preference). */
void wsm_extension_offer (char to[WSM_EXTENSION_TEXT],
                          const struct wsm_compression *want) {
  struct parameters p;
  size_t n;
  set_offer(&p, want);
  write_parameters(to, &p);
  if (!want->takeover) return;
  n = strlen(to);
  n += (size_t)snprintf(to + n, WSM_EXTENSION_TEXT - n, ", ");
  p.present[CLIENT_TAKEOVER] = true;
  write_parameters(to + n, &p);
}

static void check_missing (const struct parameters *p,
                           const struct wsm_compression *want,
                           struct fault *fault) {
  if (!want->peer_takeover && !p->present[SERVER_TAKEOVER])
    set_fault(fault, "does not agree to", wsm_span_of(names[SERVER_TAKEOVER]));
  if (want->peer_window < MAX_WINDOW && !p->present[SERVER_WINDOW])
    set_fault(fault, "does not agree to", wsm_span_of(names[SERVER_WINDOW]));
  if (p->present[CLIENT_WINDOW] && p->bits[CLIENT_WINDOW] == 0)
    set_fault(fault, "has no value for the parameter",
              wsm_span_of(names[CLIENT_WINDOW]));
  if (p->bits[SERVER_WINDOW] > want->peer_window)
    set_fault(fault, "has more than was offered for",
              wsm_span_of(names[SERVER_WINDOW]));
}

static void negotiate_client (const struct parameters *p,
                              const struct wsm_compression *want,
                              struct wsm_compression *agreed) {
  *agreed = *want;
  agreed->takeover = want->takeover && !p->present[CLIENT_TAKEOVER];
  agreed->peer_takeover = !p->present[SERVER_TAKEOVER];
  agreed->peer_window = p->present[SERVER_WINDOW] ? p->bits[SERVER_WINDOW]
                                                  : MAX_WINDOW;
  /* 7.1.2.2: a response may have more than was offered; the offer stays */
  if (p->present[CLIENT_WINDOW])
    agreed->window = smaller(want->window, p->bits[CLIENT_WINDOW]);
}

static int fail (struct wsm_error *e, const char *what, struct wsm_span name) {
  char quoted[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE,
                  "the server's answer for " NAME " %s %s "
                  "(RFC 7692 7.1)",
                  what, wsm_span_quote(quoted, name));
  return -1;
}

static int fail_grammar (struct wsm_error *e, struct wsm_span text) {
  char quoted[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE,
                  "Sec-WebSocket-Extensions is not a list of "
                  "extensions: %s (RFC 6455 9.1)",
                  wsm_span_quote(quoted, text));
  return -1;
}

int wsm_extension_check_response (struct wsm_span response,
                                  const struct wsm_compression *want,
                                  struct wsm_compression *agreed,
                                  struct wsm_error *e) {
  struct wsm_span rest = response, name;
  struct parameters p;
  struct fault fault;
  int more, found = 0;
  while ((more = take_name(&rest, &name)) > 0) {
    if (!wsm_span_equals(name, wsm_span_of(NAME)))
      return fail(e, "comes with the extension", name);
    if (found++) return fail(e, "repeats the extension", name);
    if (!take_parameters(&rest, &p, &fault)) return fail_grammar(e, response);
    check_missing(&p, want, &fault);
    if (fault.what) return fail(e, fault.what, fault.name);
    negotiate_client(&p, want, agreed);
  }
  return more < 0 ? fail_grammar(e, response) : found;
}

/* --- a server: RFC 7692 7.1.1, 7.1.2 --- */

/* 7.1.2.2: a client's window can be limited only if it offers that. */
static bool negotiate_server (const struct parameters *offer,
                              const struct wsm_compression *want,
                              struct wsm_compression *agreed) {
  const uint8_t window = offer->bits[SERVER_WINDOW];
  const uint8_t peer_window = offer->bits[CLIENT_WINDOW];
  if (!offer->present[CLIENT_WINDOW] && want->peer_window < MAX_WINDOW)
    return false;
  *agreed = *want;
  agreed->takeover = want->takeover && !offer->present[SERVER_TAKEOVER];
  agreed->peer_takeover = want->peer_takeover &&
                          !offer->present[CLIENT_TAKEOVER];
  if (window) agreed->window = smaller(want->window, window);
  if (peer_window)
    agreed->peer_window = smaller(want->peer_window, peer_window);
  return true;
}

static void write_response (char to[WSM_EXTENSION_TEXT],
                            const struct parameters *offer,
                            const struct wsm_compression *agreed) {
  struct parameters p;
  p.present[SERVER_TAKEOVER] = !agreed->takeover;
  p.present[CLIENT_TAKEOVER] = !agreed->peer_takeover;
  p.present[SERVER_WINDOW] = offer->present[SERVER_WINDOW] ||
                             agreed->window < MAX_WINDOW;
  p.present[CLIENT_WINDOW] = agreed->peer_window < MAX_WINDOW;
  p.bits[SERVER_TAKEOVER] = p.bits[CLIENT_TAKEOVER] = 0;
  p.bits[SERVER_WINDOW] = agreed->window;
  p.bits[CLIENT_WINDOW] = agreed->peer_window;
  write_parameters(to, &p);
}

/* As wsm_extension_choose, in one header, which is read to its end. */
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
    if (!negotiate_server(&p, want, agreed)) continue;
    write_response(to, &p, agreed);
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
    if (more < 0) return fail_grammar(e, h->value);
    if (more) found = 1;
  }
  return found;
}
