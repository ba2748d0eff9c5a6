#include "websocket/upgrade.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include "base/ascii.h"
#include "http/authority.h"
#include "http/body.h"
#include "http/header_lines.h"
#include "http/request_target.h"
#include "http/status.h"
#include "http/url.h"
#include "http/userinfo.h"
#include "http/writer.h"
#include "base/hidden.h"

#define KEY_LENGTH (WSM_KEY_TEXT - 1)
#define VERSION "13"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* --- the key --- */

void wsm_key_write (char to[WSM_KEY_TEXT],
                    const unsigned char nonce[WSM_NONCE_SIZE]) {
  EVP_EncodeBlock((unsigned char *)to, nonce, WSM_NONCE_SIZE);
}

/* RFC 6455 4.2.2, item 5.4 */
void wsm_accept_write (char to[WSM_ACCEPT_TEXT], const char *key, size_t n) {
  unsigned char text[KEY_LENGTH + sizeof guid - 1];
  unsigned char digest[SHA_DIGEST_LENGTH];
  if (n > KEY_LENGTH) n = KEY_LENGTH;
  memcpy(text, key, n);
  memcpy(text + n, guid, sizeof guid - 1);
  SHA1(text, n + sizeof guid - 1, digest);
  EVP_EncodeBlock((unsigned char *)to, digest, SHA_DIGEST_LENGTH);
}

static bool fail (struct wsm_error *e, const char *why, struct wsm_span text) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE, "%s: %s", why, wsm_span_quote(quote, text));
  return false;
}

static bool fail_plainly (struct wsm_error *e, const char *why) {
  wsm_error_final(e, WSM_HANDSHAKE, "%s", why);
  return false;
}

/* --- the request: RFC 6455 4.1 --- */

/* Not percent-encoded (RFC 3986 appendix A, the query set of WHATWG URL). */
static bool is_raw (unsigned char c) {
  return c < 0x80 && !strchr("\"<>\\^`{|}", c);
}

static bool write_target (struct wsm_buffer *to, struct wsm_span target) {
  static const char hex[] = "0123456789ABCDEF";
  unsigned char *const start = wsm_buffer_reserve(to, target.length * 3 + 1);
  unsigned char *at = start;
  size_t i;
  if (!start) return false;
  if (target.length == 0 || target.text[0] != '/') *at++ = '/';
  for (i = 0; i < target.length; i++) {
    const unsigned char c = (unsigned char)target.text[i];
    if (is_raw(c)) {
      *at++ = c;
      continue;
    }
    *at++ = '%';
    *at++ = (unsigned char)hex[c >> 4];
    *at++ = (unsigned char)hex[c & 15];
  }
  wsm_buffer_commit(to, (size_t)(at - start));
  return true;
}

/* The user's Host, User-Agent and Authorization replace ours. */
static bool write_host (struct wsm_buffer *to,
                        const struct wsm_request *request) {
  return wsm_header_lines_have(request->headers, "Host") ||
         (wsm_write_text(to, "Host: ") &&
          wsm_authority_write_url(to, request->url) &&
          wsm_write_text(to, "\r\n"));
}

static bool write_defaults (struct wsm_buffer *to,
                            const struct wsm_request *request) {
  const struct wsm_span user = request->url->user;
  if (!wsm_header_lines_have(request->headers, "User-Agent") &&
      !wsm_write_header(to, "User-Agent", "wsmanager"))
    return false;
  return user.length == 0 ||
         wsm_header_lines_have(request->headers, "Authorization") ||
         wsm_userinfo_basic(to, "Authorization", user);
}

static bool write_request (struct wsm_buffer *to,
                           const struct wsm_request *request) {
  return wsm_write_text(to, "GET ") && write_target(to, request->url->target) &&
         wsm_write_text(to, " HTTP/1.1\r\n") && write_host(to, request) &&
         wsm_write_text(to, "Upgrade: websocket\r\nConnection: Upgrade\r\n") &&
         wsm_write_header(to, "Sec-WebSocket-Key", request->key) &&
         wsm_write_header(to, "Sec-WebSocket-Version", VERSION) &&
         wsm_write_header(to, "Sec-WebSocket-Protocol", request->protocols) &&
         wsm_write_header(to, "Sec-WebSocket-Extensions",
                          request->extensions) &&
         write_defaults(to, request) && wsm_write_text(to, request->headers) &&
         wsm_write_text(to, "\r\n");
}

bool wsm_upgrade_request (struct wsm_buffer *to,
                          const struct wsm_request *request) {
  const size_t length = wsm_buffer_length(to);
  return wsm_write_commit_or_rollback(to, length, write_request(to, request));
}

/* --- the response, checked by a client: RFC 6455 4.1 --- */

static bool fail_status (const struct wsm_head *response, struct wsm_error *e) {
  const struct wsm_header *location = wsm_head_find(response, "Location");
  char reason[WSM_QUOTE_SIZE], to[WSM_QUOTE_SIZE];
  wsm_span_quote(reason, response->reason);
  if (response->status / 100 == 3 && location)
    wsm_error_set(e, WSM_HANDSHAKE,
                  "the server answered %d, a redirect to %s; "
                  "redirects are not followed",
                  response->status, wsm_url_quote(to, location->value));
  else
    wsm_error_set(e, WSM_HANDSHAKE, "the server answered %d %s instead of 101",
                  response->status, reason);
  e->final = wsm_status_is_client_error(response->status) &&
             !wsm_status_is_transient(response->status);
  return false;
}

static bool check_upgrade (const struct wsm_head *response,
                           struct wsm_error *e) {
  if (response->status != 101) return fail_status(response, e);
  if (response->minor == 0)
    return fail_plainly(e, "the server answered 101 in HTTP/1.0");
  if (!wsm_head_lists(response, "Upgrade", "websocket"))
    return fail_plainly(e, "the server's 101 has no Upgrade: websocket");
  if (!wsm_head_lists(response, "Connection", "upgrade"))
    return fail_plainly(e, "the server's 101 has no Connection: Upgrade");
  return true;
}

/* The only header of that name, or NULL; false: there are several. */
static bool single (const struct wsm_head *head, const char *name,
                    const struct wsm_header **header, struct wsm_error *e) {
  *header = wsm_head_find(head, name);
  if (!*header || !wsm_head_next(head, name, *header)) return true;
  return fail(e, "more than one header", (*header)->name);
}

static bool check_accept (const struct wsm_head *response, const char *key,
                          struct wsm_error *e) {
  const struct wsm_header *header;
  char expected[WSM_ACCEPT_TEXT];
  if (!single(response, "Sec-WebSocket-Accept", &header, e)) return false;
  if (!header)
    return fail_plainly(e, "the server's 101 has no Sec-WebSocket-Accept");
  wsm_accept_write(expected, key, strlen(key));
  if (wsm_span_equals(header->value, wsm_span_of(expected))) return true;
  return fail(e, "the server's Sec-WebSocket-Accept does not answer our key",
              header->value);
}

static bool lists (struct wsm_span list, struct wsm_span wanted) {
  struct wsm_span element;
  while (wsm_span_take(&list, &element))
    if (wsm_span_equals(element, wanted)) return true;
  return false;
}

/* WHATWG WebSockets, "establish a WebSocket connection": a server that chooses none
** is refused. */
static bool check_no_protocol (const struct wsm_request *request,
                               struct wsm_error *e) {
  const struct wsm_span offered = wsm_span_of(request->protocols);
  if (offered.length == 0 || request->protocol_optional) return true;
  return fail(e, "the server chose none of the subprotocols", offered);
}

static bool check_protocol (const struct wsm_head *response,
                            const struct wsm_request *request,
                            struct wsm_span *agreed, struct wsm_error *e) {
  const struct wsm_header *header;
  if (!single(response, "Sec-WebSocket-Protocol", &header, e)) return false;
  if (!header) return check_no_protocol(request, e);
  if (!lists(wsm_span_of(request->protocols), header->value))
    return fail(e, "the server chose a subprotocol that was not offered",
                header->value);
  *agreed = header->value;
  return true;
}

/* An extension without its parameters (RFC 6455 9.1). */
static struct wsm_span extension_name (struct wsm_span extension) {
  const char *end = memchr(extension.text, ';', extension.length);
  if (end) extension.length = (size_t)(end - extension.text);
  return wsm_span_trim(extension);
}

static bool offers (struct wsm_span offered, struct wsm_span name) {
  struct wsm_span extension;
  while (wsm_span_take(&offered, &extension))
    if (wsm_span_equals(extension_name(extension), name)) return true;
  return false;
}

static bool check_extensions (const struct wsm_head *response,
                              const char *offered, struct wsm_span *agreed,
                              struct wsm_error *e) {
  const struct wsm_header *header;
  struct wsm_span list, extension;
  if (!single(response, "Sec-WebSocket-Extensions", &header, e)) return false;
  if (!header) return true;
  *agreed = list = header->value;
  while (wsm_span_take(&list, &extension))
    if (!offers(wsm_span_of(offered), extension_name(extension)))
      return fail(e, "the server chose an extension that was not offered",
                  extension);
  return true;
}

bool wsm_upgrade_check_response (const struct wsm_head *response,
                                 const struct wsm_request *request,
                                 struct wsm_agreement *agreed,
                                 struct wsm_error *e) {
  agreed->protocol = agreed->extensions = wsm_span_of(NULL);
  return check_upgrade(response, e) &&
         check_accept(response, request->key, e) &&
         check_protocol(response, request, &agreed->protocol, e) &&
         check_extensions(response, request->extensions, &agreed->extensions,
                          e);
}

/* --- the request, checked by a server: RFC 6455 4.2.1 --- */

static int reject (struct wsm_error *e, int status, const char *why) {
  fail_plainly(e, why);
  return status;
}

bool wsm_upgrade_is_asked_for (const struct wsm_head *request) {
  return wsm_head_lists(request, "Upgrade", "websocket");
}

/* RFC 6455 4.2.1, items 1 to 4. An Upgrade in HTTP/1.0 is none (RFC 9110
** 7.8). */
static int check_request_upgrade (const struct wsm_head *request,
                                  struct wsm_error *e) {
  struct wsm_request_target target;
  const char *why = wsm_request_target_parse(&target, request);
  if (why) return reject(e, 400, why);
  if (!wsm_span_equals(request->method, wsm_span_of("GET")))
    return reject(e, 405, "the method is not GET");
  if (request->minor == 0) return reject(e, 426, "HTTP/1.0 cannot be upgraded");
  if (!wsm_upgrade_is_asked_for(request))
    return reject(e, 426,
                  "this is a WebSocket: there is no Upgrade: websocket");
  if (!wsm_head_lists(request, "Connection", "upgrade"))
    return reject(e, 426,
                  "this is a WebSocket: there is no Connection: Upgrade");
  return 0;
}

static bool is_base64 (char c) {
  return wsm_is_digit(c) || wsm_is_letter(c) || c == '+' || c == '/';
}

/* Base64 of 16 bytes: 22 characters and "==". */
static bool is_key (struct wsm_span key) {
  size_t i;
  if (key.length != KEY_LENGTH) return false;
  for (i = 0; i < KEY_LENGTH - 2; i++)
    if (!is_base64(key.text[i])) return false;
  return key.text[i] == '=' && key.text[i + 1] == '=';
}

/* RFC 6455 4.2.1, items 5 and 6 */
static int check_request_key (const struct wsm_head *request,
                              struct wsm_error *e) {
  const struct wsm_header *version, *key;
  if (!single(request, "Sec-WebSocket-Version", &version, e)) return 400;
  if (!version || !wsm_span_is(version->value, VERSION))
    return reject(e, 426, "Sec-WebSocket-Version is not 13");
  if (!single(request, "Sec-WebSocket-Key", &key, e)) return 400;
  if (!key) return reject(e, 400, "there is no Sec-WebSocket-Key");
  if (!is_key(key->value))
    return reject(e, 400, "Sec-WebSocket-Key is not base64 of 16 bytes");
  return 0;
}

/* A body would be read as frames. */
static int check_request_body (const struct wsm_head *request,
                               struct wsm_error *e) {
  if (!wsm_body_is_announced(request)) return 0;
  return reject(e, 400, "an opening handshake has no body");
}

int wsm_upgrade_check_request (const struct wsm_head *request,
                               struct wsm_error *e) {
  int status = check_request_upgrade(request, e);
  if (status == 0) status = check_request_body(request, e);
  if (status == 0) status = check_request_key(request, e);
  return status;
}

/* --- the response: RFC 6455 4.2.2 --- */

static bool write_accept (struct wsm_buffer *to, struct wsm_span key) {
  char accept[WSM_ACCEPT_TEXT];
  wsm_accept_write(accept, key.text, key.length);
  return wsm_write_text(to, "HTTP/1.1 101 Switching Protocols\r\n"
                            "Upgrade: websocket\r\n"
                            "Connection: Upgrade\r\n") &&
         wsm_write_header(to, "Sec-WebSocket-Accept", accept);
}

bool wsm_upgrade_accept (struct wsm_buffer *to, const struct wsm_head *request,
                         const char *protocol, const char *extensions,
                         const char *headers) {
  const struct wsm_header *key = wsm_head_find(request, "Sec-WebSocket-Key");
  const size_t length = wsm_buffer_length(to);
  const bool written =
    write_accept(to, key ? key->value : wsm_span_of(NULL)) &&
    wsm_write_header(to, "Sec-WebSocket-Protocol", protocol) &&
    wsm_write_header(to, "Sec-WebSocket-Extensions", extensions) &&
    wsm_write_text(to, headers) && wsm_write_text(to, "\r\n");
  return wsm_write_commit_or_rollback(to, length, written);
}

static bool asks_for (const struct wsm_head *request, struct wsm_span name) {
  const struct wsm_header *h = NULL;
  while ((h = wsm_head_next(request, "Sec-WebSocket-Protocol", h)) != NULL)
    if (lists(h->value, name)) return true;
  return false;
}

struct wsm_span wsm_subprotocol_choose (const struct wsm_head *request,
                                        const char *supported) {
  struct wsm_span rest = wsm_span_of(supported), name;
  while (wsm_span_take(&rest, &name))
    if (asks_for(request, name)) return name;
  return wsm_span_of(NULL);
}
