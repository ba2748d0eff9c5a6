/* Any heads in both roles: parsed the same in pieces and at once; and our own
** requests and responses, which must agree. */
#include "websocket/upgrade.h"

#include <string.h>

#include "base/memory.h"
#include "input.h"
#include "websocket/extension.h"
#include "http/header_lines.h"
#include "peer.h"

static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static struct wsm_span spans (const struct wsm_buffer *b) {
  struct wsm_span s;
  s.text = b->data ? (const char *)wsm_buffer_bytes(b) : "";
  s.length = wsm_buffer_length(b);
  return s;
}

/* --- heads --- */

/* The lines that get a head past its first checks, and others. */
static const char *const lines[] = {
  "HTTP/1.1 101 Switching Protocols\r\n",
  "GET /chat?a=1 HTTP/1.1\r\n",
  "Host: example.com\r\n",
  "Upgrade: websocket\r\n",
  "Connection: keep-alive, Upgrade\r\n",
  "Sec-WebSocket-Version: 13\r\n",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
  "Sec-WebSocket-Protocol: superchat\r\n",
  "Sec-WebSocket-Extensions: permessage-deflate\r\n",
  "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n",
  "Content-Length: 0\r\n",
  "HTTP/1.1 302 Found\r\n",
  "HTTP/1.1 503 Busy\r\n",
  "Sec-WebSocket-Extensions: ",
  "Sec-WebSocket-Protocol: ",
  "\r\n"
};

static void require_refusal (const struct wsm_error *e) {
  REQUIRE(e->token == WSM_HANDSHAKE || e->token == WSM_TOOBIG);
  REQUIRE(e->detail[0] && strlen(e->detail) < WSM_DETAIL_SIZE);
}

/* Where the first empty line ends; 0: there is none. */
static size_t empty_line (struct wsm_span text) {
  size_t i;
  for (i = 4; i <= text.length; i++)
    if (memcmp(text.text + i - 4, "\r\n\r\n", 4) == 0) return i;
  return 0;
}

/* One header for each line, its spans within it. */
static void check_headers (const struct wsm_head *head, struct wsm_span text) {
  const char *at = memchr(text.text, '\n', text.length);
  size_t i;
  REQUIRE(at);
  at++;
  for (i = 0; i < head->count; i++) {
    const struct wsm_header *h = &head->headers[i];
    const size_t left = text.length - (size_t)(at - text.text);
    const char *end = memchr(at, '\r', left);
    REQUIRE(h->name.text == at && h->name.length > 0);
    REQUIRE(wsm_token_is_valid(h->name.text, h->name.length));
    REQUIRE(h->name.text[h->name.length] == ':');
    REQUIRE(wsm_value_is_valid(h->value.text, h->value.length));
    REQUIRE(end && end[1] == '\n');
    REQUIRE(h->value.text > at && h->value.text + h->value.length <= end);
    REQUIRE(wsm_span_equals(wsm_span_trim(h->value), h->value));
    at = end + 2;
  }
  REQUIRE(at == text.text + text.length - 2);
}

/* RFC 9112 2.2: empty lines may precede a request. */
static struct wsm_span after_empty_lines (struct wsm_span text) {
  while (text.length > 1 && memcmp(text.text, "\r\n", 2) == 0)
    text = wsm_span_skip(text, 2);
  return text;
}

/* The head's length, the same whole and in pieces. */
static long check_head (struct wsm_head *head, struct wsm_span text,
                        bool response, uint32_t seed) {
  long (*const parse)(struct wsm_head *, const char *, size_t,
                      struct wsm_error *) = response ? wsm_head_parse_response
                                                     : wsm_head_parse_request;
  struct wsm_error e;
  const long whole = parse(head, text.text, text.length, &e);
  struct wsm_span from = response ? text : after_empty_lines(text);
  const size_t skipped = text.length - from.length;
  size_t i;
  if (whole < 0) require_refusal(&e);
  if (whole == 0) REQUIRE(empty_line(from) == 0);
  if (whole > 0) REQUIRE((size_t)whole == skipped + empty_line(from));
  for (i = 0; i < 4; i++) {
    static struct wsm_head part;
    const size_t n = chance_below(&seed, text.length + 1);
    const long some = parse(&part, text.text, n, &e);
    if (some) REQUIRE(some == whole);
    if (whole > 0) REQUIRE(some == (n >= (size_t)whole ? whole : 0));
  }
  if (whole > 0) {
    from.length = (size_t)whole - skipped;
    check_headers(head, from);
  }
  return whole;
}

/* --- any response --- */

static const char offered[] = "permessage-deflate, x-other; a=1";

static void check_agreed (const struct wsm_head *response,
                          const struct wsm_agreement *agreed,
                          const struct wsm_compression *want) {
  struct wsm_compression compression;
  struct wsm_error e;
  int found;
  REQUIRE(response->status == 101);
  REQUIRE(wsm_head_lists(response, "Upgrade", "websocket"));
  REQUIRE(wsm_head_lists(response, "Connection", "Upgrade"));
  REQUIRE(wsm_head_count(response, "Sec-WebSocket-Accept") == 1);
  REQUIRE(
    wsm_span_equals(wsm_head_find(response, "Sec-WebSocket-Accept")->value,
                    wsm_span_of(accepted)));
  REQUIRE(agreed->protocol.length == 0 ||
          wsm_span_equals(agreed->protocol, wsm_span_of("chat")) ||
          wsm_span_equals(agreed->protocol, wsm_span_of("superchat")));
  found =
    wsm_extension_check_response(agreed->extensions, want, &compression, &e);
  if (found < 0) require_refusal(&e);
  if (found <= 0) return;
  REQUIRE(compression.window >= 8 && compression.window <= want->window);
  REQUIRE(compression.peer_window >= 8 &&
          compression.peer_window <= want->peer_window);
  REQUIRE(want->takeover || !compression.takeover);
  REQUIRE(want->peer_takeover || !compression.peer_takeover);
}

static void check_any_response (struct wsm_span text, uint32_t seed,
                                const struct wsm_compression *want) {
  static struct wsm_head head;
  struct wsm_agreement agreed;
  struct wsm_error e;
  struct wsm_url url;
  const struct wsm_request request = { .url = &url,
                                       .key = key,
                                       .protocols = "chat, superchat",
                                       .extensions = offered };
  if (check_head(&head, text, true, seed) <= 0) return;
  REQUIRE(head.status >= 100 && head.status <= 999);
  memset(&e, 0, sizeof e);
  if (wsm_upgrade_check_response(&head, &request, &agreed, &e))
    check_agreed(&head, &agreed, want);
  else require_refusal(&e);
}

/* --- any request --- */

static void accept_any_request (const struct wsm_head *request,
                                const struct wsm_compression *want) {
  static struct wsm_head head;
  struct wsm_compression agreed;
  struct wsm_buffer text;
  struct wsm_error e;
  char extension[WSM_EXTENSION_TEXT];
  const int found = wsm_extension_choose(request, want, &agreed, extension, &e);
  const struct wsm_span protocol =
    wsm_subprotocol_choose(request, "superchat, chat");
  if (found < 0) require_refusal(&e);
  memset(&text, 0, sizeof text);
  REQUIRE(wsm_upgrade_accept(&text, request,
                             protocol.length == 4 ? "chat" : NULL,
                             found > 0 ? extension : NULL, NULL));
  REQUIRE(wsm_head_parse_response(&head, spans(&text).text,
                                  wsm_buffer_length(&text),
                                  &e) == (long)wsm_buffer_length(&text));
  REQUIRE(head.status == 101);
  wsm_buffer_clear(&text);
}

static void reject_any_request (int status, const struct wsm_error *why) {
  static struct wsm_head head;
  struct wsm_response reply;
  struct wsm_buffer text;
  struct wsm_error e;
  memset(&reply, 0, sizeof reply);
  memset(&text, 0, sizeof text);
  require_refusal(why);
  REQUIRE(status >= 400 && status <= 499);
  reply.status = status;
  reply.body = why->detail;
  reply.length = strlen(why->detail);
  REQUIRE(wsm_response_write(&text, &reply));
  REQUIRE(wsm_head_parse_response(&head, spans(&text).text,
                                  wsm_buffer_length(&text), &e) > 0);
  REQUIRE(head.status == status);
  wsm_buffer_clear(&text);
}

static void check_any_request (struct wsm_span text, uint32_t seed,
                               const struct wsm_compression *want) {
  static struct wsm_head head;
  struct wsm_error e;
  int status;
  if (check_head(&head, text, false, seed) <= 0) return;
  REQUIRE(head.method.length > 0 && head.target.length > 0);
  status = wsm_upgrade_check_request(&head, &e);
  if (status) reject_any_request(status, &e);
  else accept_any_request(&head, want);
}

/* --- our own --- */

struct pair {
  struct wsm_compression client, server; /* what they want */
  struct wsm_buffer request, response;
  char *ask_text, *accept_text;
  char offer[WSM_EXTENSION_TEXT];
};

static char *terminated (struct wsm_span s) {
  char *text = malloc(s.length + 1);
  REQUIRE(text);
  if (s.length) memcpy(text, s.text, s.length);
  text[s.length] = '\0';
  return text;
}

static size_t count_lines (const char *text) {
  size_t n = 0;
  for (; *text; text++) n += *text == '\n';
  return n;
}

/* Lines that a user may add, and that do not change what is agreed on. */
static char *user_lines (struct input *in) {
  struct wsm_span s;
  struct wsm_error e;
  char *text;
  s.length = input_byte(in);
  s.text = (const char *)input_piece(in, &s.length);
  if (!wsm_header_lines_check(s.text, s.length, &e)) {
    require_refusal(&e);
    s.length = 0;
  }
  text = terminated(s);
  if (count_lines(text) < 100 && !wsm_header_lines_have(text, "Host"))
    return text;
  free(text);
  return terminated(wsm_span_of(NULL));
}

static void write_request (struct pair *p, struct wsm_request *request,
                           const struct wsm_url *url) {
  memset(request, 0, sizeof *request);
  request->url = url;
  request->key = key;
  request->protocols = "chat, superchat";
  wsm_extension_offer(p->offer, &p->client);
  request->extensions = p->offer;
  request->headers = p->ask_text;
  REQUIRE(wsm_upgrade_request(&p->request, request));
}

static void write_response (struct pair *p, struct wsm_compression *agreed) {
  static struct wsm_head head;
  struct wsm_error e;
  char extension[WSM_EXTENSION_TEXT];
  const size_t n = wsm_buffer_length(&p->request);
  REQUIRE(wsm_head_parse_request(&head, spans(&p->request).text, n, &e) ==
          (long)n);
  REQUIRE(wsm_upgrade_check_request(&head, &e) == 0);
  REQUIRE(wsm_span_equals(wsm_subprotocol_choose(&head, "x, superchat"),
                          wsm_span_of("superchat")));
  REQUIRE(wsm_extension_choose(&head, &p->server, agreed, extension, &e) == 1);
  REQUIRE(wsm_upgrade_accept(&p->response, &head, "superchat", extension,
                             p->accept_text));
}

static void require_mirrored (const struct wsm_compression *client,
                              const struct wsm_compression *server) {
  REQUIRE(client->window == server->peer_window);
  REQUIRE(client->peer_window == server->window);
  REQUIRE(client->takeover == server->peer_takeover);
  REQUIRE(client->peer_takeover == server->takeover);
}

static void check_response (struct pair *p, const struct wsm_request *request,
                            const struct wsm_compression *server) {
  static struct wsm_head head;
  struct wsm_agreement agreed;
  struct wsm_compression client;
  struct wsm_error e;
  const size_t n = wsm_buffer_length(&p->response);
  REQUIRE(wsm_head_parse_response(&head, spans(&p->response).text, n, &e) ==
          (long)n);
  REQUIRE(wsm_upgrade_check_response(&head, request, &agreed, &e));
  REQUIRE(wsm_span_equals(agreed.protocol, wsm_span_of("superchat")));
  REQUIRE(wsm_extension_check_response(agreed.extensions, &p->client, &client,
                                       &e) == 1);
  require_mirrored(&client, server);
}

static void agree (struct input *in, const struct wsm_compression *client,
                   const struct wsm_compression *server) {
  struct pair p;
  struct wsm_url url;
  struct wsm_request request;
  struct wsm_error e;
  struct wsm_compression agreed;
  memset(&p, 0, sizeof p);
  p.client = *client;
  p.server = *server;
  p.ask_text = user_lines(in);
  p.accept_text = user_lines(in);
  if (!wsm_url_parse(&url, (const char *)in->at, in->left, &e))
    REQUIRE(wsm_url_parse(&url, "ws://a", 6, &e));
  write_request(&p, &request, &url);
  write_response(&p, &agreed);
  check_response(&p, &request, &agreed);
  wsm_buffer_clear(&p.request);
  wsm_buffer_clear(&p.response);
  free(p.ask_text);
  free(p.accept_text);
}

static void want (struct wsm_compression *c, struct input *in) {
  const unsigned number = input_byte(in);
  memset(c, 0, sizeof *c);
  c->window = (uint8_t)(8 + (number & 7));
  c->peer_window = (uint8_t)(8 + (number >> 3 & 7));
  c->takeover = (number & 64) != 0;
  c->peer_takeover = (number & 128) != 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const struct peer_lines all = { lines, sizeof lines / sizeof *lines };
  struct wsm_compression client, server;
  struct wsm_buffer text;
  struct input in;
  unsigned kind;
  in.at = data;
  in.left = size;
  memset(&text, 0, sizeof text);
  kind = input_byte(&in) % 3;
  want(&client, &in);
  want(&server, &in);
  if (kind == 0) agree(&in, &client, &server);
  else peer_lines(&text, &in, &all);
  if (kind == 1) check_any_response(spans(&text), (uint32_t)size, &client);
  if (kind == 2) check_any_request(spans(&text), (uint32_t)size, &server);
  wsm_buffer_clear(&text);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
