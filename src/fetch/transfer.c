#include "fetch/transfer.h"

#include <string.h>
#include <strings.h>
#include "base/memory.h"
#include "fetch/failure.h"
#include "base/hidden.h"

#if LIBCURL_VERSION_NUM < 0x075800
#error "libcurl 7.88 or later is needed"
#endif

/* --- what comes --- */

/* libcurl takes it in any case. */
static bool is_first_line (const char *line, size_t n) {
  return n > 5 && strncasecmp(line, "HTTP/", 5) == 0;
}

static bool is_last_line (const char *line, size_t n) {
  return n <= 2 && (n == 0 || line[n - 1] == '\n');
}

static bool exceeds_limit (struct wsm_transfer *t, size_t n) {
  if (wsm_buffer_length(&t->head) + t->trailers + n <= t->head_limit)
    return false;
  wsm_error_set(&t->error, WSM_TOOBIG,
                "the response's head%s larger than limits.header, %lu bytes",
                t->has_head ? " and what follows its body are" : " is",
                (unsigned long)t->head_limit);
  return true;
}

/* Of what comes in several heads, as after a 100, the last one counts. Fields after
** the body are none of it (RFC 9110 6.5.1): libcurl keeps them all the same. */
static size_t on_header (char *line, size_t size, size_t n, void *owner) {
  struct wsm_transfer *t = owner;
  n *= size;
  if (is_first_line(line, n)) {
    wsm_buffer_clear(&t->head);
    t->has_head = false;
  }
  if (exceeds_limit(t, n)) return 0;
  if (t->has_head) {
    t->trailers += n;
    return n;
  }
  if (is_last_line(line, n)) t->has_head = true;
  if (wsm_buffer_append(&t->head, line, n)) return n;
  wsm_error_set(&t->error, WSM_FULL, "no memory for the response's head");
  return 0;
}

/* The length that the server says, of a compressed body, or -1. */
static curl_off_t length_of (const struct wsm_transfer *t) {
  curl_off_t length = -1;
  (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return length;
}

static bool is_too_large (const struct wsm_transfer *t, size_t n) {
  const size_t held = wsm_buffer_length(&t->body);
  if (n > t->body_limit - held) return true;
  return held == 0 && length_of(t) > (curl_off_t)t->body_limit;
}

static size_t on_body (char *bytes, size_t size, size_t n, void *owner) {
  struct wsm_transfer *t = owner;
  n *= size;
  if (is_too_large(t, n)) {
    wsm_error_set(&t->error, WSM_TOOBIG,
                  "the response's body is larger than limits.body, %lu bytes",
                  (unsigned long)t->body_limit);
    return 0;
  }
  if (wsm_buffer_append(&t->body, bytes, n)) return n;
  wsm_error_set(&t->error, WSM_FULL, "no memory for the response's body");
  return 0;
}

/* --- options --- */

/* Sets what libcurl knows and this build of it may not have; a sum of the codes. */
#define SET(sum, easy, option, value) \
  ((sum) |= (unsigned)curl_easy_setopt(easy, option, value))

static unsigned set_blob (CURL *easy, CURLoption option, struct wsm_span text) {
  struct curl_blob blob;
  char *copy;
  unsigned code;
  if (text.length == 0) return 0;
  copy = wsm_alloc(text.length); /* curl's own is not const */
  if (!copy) return CURLE_OUT_OF_MEMORY;
  memcpy(copy, text.text, text.length);
  blob.data = copy;
  blob.len = text.length;
  blob.flags = CURL_BLOB_COPY;
  code = (unsigned)curl_easy_setopt(easy, option, &blob);
  wsm_free(copy);
  return code;
}

/* The same options of the server's TLS and the proxy's. */
struct tls_names {
  CURLoption ca, ca_file, ca_folder, cert, key, password, pin, peer, host,
    version;
};

static const struct tls_names of_server = {
  CURLOPT_CAINFO_BLOB,     CURLOPT_CAINFO,         CURLOPT_CAPATH,
  CURLOPT_SSLCERT_BLOB,    CURLOPT_SSLKEY_BLOB,    CURLOPT_KEYPASSWD,
  CURLOPT_PINNEDPUBLICKEY, CURLOPT_SSL_VERIFYPEER, CURLOPT_SSL_VERIFYHOST,
  CURLOPT_SSLVERSION
};

static const struct tls_names of_proxy = {
  CURLOPT_PROXY_CAINFO_BLOB,     CURLOPT_PROXY_CAINFO,
  CURLOPT_PROXY_CAPATH,          CURLOPT_PROXY_SSLCERT_BLOB,
  CURLOPT_PROXY_SSLKEY_BLOB,     CURLOPT_PROXY_KEYPASSWD,
  CURLOPT_PROXY_PINNEDPUBLICKEY, CURLOPT_PROXY_SSL_VERIFYPEER,
  CURLOPT_PROXY_SSL_VERIFYHOST,  CURLOPT_PROXY_SSLVERSION
};

/* CAs of one's own replace the system's, the folder of those, too. */
static unsigned set_ca (CURL *easy, const struct wsm_fetch_tls *tls,
                        const struct tls_names *name) {
  unsigned sum = 0;
  if (tls->ca.length == 0 && !tls->ca_file && !tls->ca_folder) return 0;
  SET(sum, easy, name->ca_file, tls->ca_file);
  SET(sum, easy, name->ca_folder, tls->ca_folder);
  return sum | set_blob(easy, name->ca, tls->ca);
}

/* With an empty password a key that is encrypted is refused: OpenSSL would ask at
** the terminal. */
static unsigned set_tls (CURL *easy, const struct wsm_fetch_tls *tls,
                         const struct tls_names *name) {
  unsigned sum = set_ca(easy, tls, name);
  if (tls->cert.length > 0) {
    sum |= set_blob(easy, name->cert, tls->cert);
    sum |= set_blob(easy, name->key, tls->key);
    SET(sum, easy, name->password, "");
  }
  if (tls->pin) SET(sum, easy, name->pin, tls->pin);
  SET(sum, easy, name->peer, tls->unverified ? 0L : 1L);
  SET(sum, easy, name->host, tls->unverified ? 0L : 2L);
  SET(sum, easy, name->version,
      (long)(tls->tls13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
  return sum;
}

/* Called for each byte of a proxy's response to CONNECT, whose body libcurl reads without
** a pause and without an end: nothing else would go on meanwhile. */
static int on_progress (void *owner, curl_off_t a, curl_off_t b, curl_off_t c,
                        curl_off_t d) {
  struct wsm_transfer *t = owner;
  curl_off_t us = 0;
  (void)a, (void)b, (void)c, (void)d;
  if (t->tunnel_calls > WSM_TRANSFER_TUNNEL_LIMIT) return 1;
  (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
  if (us > 0 || ++t->tunnel_calls <= WSM_TRANSFER_TUNNEL_LIMIT) return 0;
  wsm_error_set(&t->error, WSM_PROXY,
                "the proxy's response to CONNECT is larger than %lu bytes",
                WSM_TRANSFER_TUNNEL_LIMIT);
  return 1;
}

static unsigned set_progress (struct wsm_transfer *t) {
  unsigned sum = 0;
  SET(sum, t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  SET(sum, t->easy, CURLOPT_XFERINFODATA, t);
  SET(sum, t->easy, CURLOPT_NOPROGRESS, 0L);
  return sum;
}

/* "" is no proxy, whatever the environment says. */
static unsigned set_proxy (CURL *easy, const struct wsm_fetch_request *r) {
  unsigned sum = 0;
  SET(sum, easy, CURLOPT_PROXY, r->proxy ? r->proxy : "");
  SET(sum, easy, CURLOPT_NOPROXY, "");
  if (!r->proxy) return sum;
  SET(sum, easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(sum, easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  SET(sum, easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
  if (strncmp(r->proxy, "https:", 6) == 0)
    sum |= set_tls(easy, &r->proxy_tls, &of_proxy);
  return sum;
}

static unsigned set_method (CURL *easy, const struct wsm_fetch_request *r) {
  unsigned sum = 0;
  if (strcmp(r->method, "HEAD") == 0) SET(sum, easy, CURLOPT_NOBODY, 1L);
  else SET(sum, easy, CURLOPT_CUSTOMREQUEST, r->method);
  if (!r->has_body) return sum;
  SET(sum, easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.length);
  SET(sum, easy, CURLOPT_COPYPOSTFIELDS, r->body.length ? r->body.text : "");
  return sum;
}

static unsigned set_callbacks (struct wsm_transfer *t) {
  unsigned sum = 0;
  SET(sum, t->easy, CURLOPT_PRIVATE, t);
  SET(sum, t->easy, CURLOPT_ERRORBUFFER, t->curl_error);
  SET(sum, t->easy, CURLOPT_HEADERFUNCTION, on_header);
  SET(sum, t->easy, CURLOPT_HEADERDATA, t);
  SET(sum, t->easy, CURLOPT_WRITEFUNCTION, on_body);
  SET(sum, t->easy, CURLOPT_WRITEDATA, t);
  return sum;
}

/* HTTP/2 is agreed on within TLS. Elsewhere libcurl would not know before the first
** response whether others can share its connection, and have all wait for that. */
static bool may_share (const struct wsm_fetch_request *r) {
  return strncmp(r->url, "https:", 6) == 0;
}

/* QUICK_EXIT: one that is given up while its name is looked up does not wait for
** the thread that does that. PIPEWAIT: requests that are made together share a
** connection of HTTP/2. */
static unsigned set_rules (CURL *easy, const struct wsm_fetch_request *r) {
  unsigned sum = 0;
  SET(sum, easy, CURLOPT_URL, r->url);
  SET(sum, easy, CURLOPT_PROTOCOLS_STR, "http,https");
  SET(sum, easy, CURLOPT_NOSIGNAL, 1L);
  SET(sum, easy, CURLOPT_QUICK_EXIT, 1L);
  SET(sum, easy, CURLOPT_PATH_AS_IS, 1L);
  SET(sum, easy, CURLOPT_PIPEWAIT, may_share(r) ? 1L : 0L);
  SET(sum, easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
  SET(sum, easy, CURLOPT_CONNECTTIMEOUT_MS, r->connect_ms);
  SET(sum, easy, CURLOPT_TIMEOUT_MS, r->timeout_ms);
  if (r->decode) SET(sum, easy, CURLOPT_ACCEPT_ENCODING, "");
  return sum;
}

/* HTTP/2 where libcurl has it, else what it has. */
static void set_version (CURL *easy) {
  (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_2TLS);
}

static unsigned set_connect_to (struct wsm_transfer *t, const char *to) {
  if (!to) return 0;
  t->connect_to = curl_slist_append(NULL, to);
  if (!t->connect_to) return CURLE_OUT_OF_MEMORY;
  return (unsigned)curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO, t->connect_to);
}

static bool set_options (struct wsm_transfer *t,
                         const struct wsm_fetch_request *r,
                         struct wsm_error *e) {
  unsigned sum = set_callbacks(t) | set_rules(t->easy, r) |
                 set_method(t->easy, r) | set_proxy(t->easy, r) |
                 set_tls(t->easy, &r->tls, &of_server) |
                 set_connect_to(t, r->connect_to) |
                 (r->proxy ? set_progress(t) : 0);
  set_version(t->easy);
  if (sum == 0) return true;
  wsm_error_set(e, WSM_FULL,
                "libcurl refused an option: there is no memory, or it was "
                "built without what the option needs");
  return false;
}

/* --- life --- */

struct wsm_transfer *wsm_transfer_new (const struct wsm_fetch_request *request,
                                       struct wsm_error *e) {
  struct wsm_transfer *t = wsm_zalloc(sizeof *t);
  if (t) t->easy = curl_easy_init();
  if (!t || !t->easy) {
    wsm_free(t);
    wsm_error_set(e, WSM_FULL, "no memory for a request");
    return NULL;
  }
  t->head_limit = request->head_limit;
  t->body_limit = request->body_limit;
  if (set_options(t, request, e)) return t;
  wsm_transfer_free(t);
  return NULL;
}

void wsm_transfer_forget (struct wsm_transfer *t) {
  t->easy = NULL;
  t->headers = t->connect_to = NULL;
  t->multi = NULL;
}

void wsm_transfer_free (struct wsm_transfer *t) {
  if (t->easy) curl_easy_cleanup(t->easy);
  curl_slist_free_all(t->headers);
  curl_slist_free_all(t->connect_to);
  wsm_buffer_clear(&t->head);
  wsm_buffer_clear(&t->body);
  wsm_free(t);
}

bool wsm_transfer_add_header (struct wsm_transfer *t, const char *line) {
  struct curl_slist *list = curl_slist_append(t->headers, line);
  if (list) t->headers = list;
  return list != NULL;
}

bool wsm_transfer_set_headers (struct wsm_transfer *t) {
  return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

/* --- the end --- */

/* To libcurl a head that was cut is a response, and so is an interim one. */
static void check_head (struct wsm_transfer *t) {
  const long status = wsm_transfer_status(t);
  if (!t->has_head)
    wsm_error_set(&t->error, WSM_CLOSED,
                  "the connection ended amidst the response's head");
  else if (status < 200)
    wsm_error_set(&t->error, WSM_PROTOCOL,
                  "the connection ended after an interim response (%ld)",
                  status);
}

/* A callback of ours that failed has said why. */
void wsm_transfer_finish (struct wsm_transfer *t, CURLcode code) {
  t->finished = true;
  if (code == CURLE_OK) {
    t->error.token = WSM_NONE;
    check_head(t);
  } else if (t->error.token == WSM_NONE)
    wsm_failure_of(t->easy, code, t->curl_error, &t->error);
}

void wsm_transfer_fail (struct wsm_transfer *t, enum wsm_token token,
                        const char *why) {
  t->finished = true;
  wsm_error_set(&t->error, token, "%s", why);
}

long wsm_transfer_status (const struct wsm_transfer *t) {
  long status = 0;
  (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

const char *wsm_transfer_version (const struct wsm_transfer *t) {
  long version = 0;
  (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
  switch (version) {
    case CURL_HTTP_VERSION_1_0:
      return "1.0";
    case CURL_HTTP_VERSION_2_0:
      return "2";
    case CURL_HTTP_VERSION_3:
      return "3";
    default:
      return "1.1";
  }
}
