#include "fetch/failure.h"

#include <string.h>
#include "base/hidden.h"

#define TOO_LARGE 100 /* CURLE_TOO_LARGE, since libcurl 8.6 */

static enum wsm_token token_of (CURLcode code) {
  switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
      return WSM_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return WSM_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
      return WSM_REFUSED;
    case CURLE_PROXY:
      return WSM_PROXY;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
      return WSM_TLS;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
      return WSM_CLOSED;
    case CURLE_FILESIZE_EXCEEDED:
    case TOO_LARGE:
      return WSM_TOOBIG;
    case CURLE_OUT_OF_MEMORY:
      return WSM_FULL;
    default:
      return WSM_PROTOCOL;
  }
}

/* With TLS 1.3 a server refuses a client's certificate when the connection is there
** already: libcurl tells it as a read that failed. One that ends without a word is no
** failure of TLS. */
static bool is_of_tls (CURLcode code, const char *text) {
  if (code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR) return false;
  return strstr(text, " alert") ||
         (strstr(text, "SSL routines") && !strstr(text, "unexpected eof"));
}

/* What is told as a read that failed, by older versions all but the first. A header that
** is too long is told as no memory: in a head it may have 100 KiB, after the body 4. */
static enum wsm_token token_of_text (CURLcode code, const char *text) {
  if (code == CURLE_RECV_ERROR && strstr(text, "CONNECT ")) return WSM_PROXY;
  if (code == CURLE_RECV_ERROR && strstr(text, "chunk")) return WSM_PROTOCOL;
  if (code == CURLE_RECV_ERROR && strstr(text, "Too large response headers"))
    return WSM_TOOBIG;
  return token_of(code);
}

static bool has_begun (CURL *easy) {
  curl_off_t us = 0;
  (void)curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &us);
  return us > 0;
}

/* A proxy that refused a tunnel answered with another status than 2xx. */
static long refusal_of_proxy (CURL *easy) {
  long status = 0;
  (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
  return status >= 200 && status < 300 ? 0 : status;
}

void wsm_failure_of (CURL *easy, CURLcode code, const char *text,
                     struct wsm_error *e) {
  enum wsm_token token = token_of_text(code, text);
  const long refusal = refusal_of_proxy(easy);
  const char *why = text[0] ? text : curl_easy_strerror(code);
  long number = 0;
  if (refusal && (token == WSM_CLOSED || token == WSM_REFUSED)) {
    wsm_error_set(e, WSM_PROXY, "the proxy answered %ld: %s", refusal, why);
    return;
  }
  if (code == CURLE_OUT_OF_MEMORY && has_begun(easy)) {
    wsm_error_set(e, WSM_TOOBIG,
                  "a header of the response is larger than libcurl takes, or "
                  "there is no memory for it");
    return;
  }
  if (is_of_tls(code, text)) token = WSM_TLS;
  if (token == WSM_REFUSED)
    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  if (number) wsm_error_set(e, token, "%s: %s", why, strerror((int)number));
  else wsm_error_set(e, token, "%s", why);
}
