#include "tls/tls_error.h"

#include <stdio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "base/hidden.h"

enum {
  RECORD_CCS = 20,
  RECORD_ALERT = 21,
  RECORD_HANDSHAKE = 22,
  RECORD_DATA = 23
};

static const char *name_of (const struct wsm_tls_peer *peer) {
  return peer->host ? peer->host : "the client";
}

static bool looks_like_tls (const struct wsm_bio *bio) {
  return bio->first_length < 2 ||
         (bio->first[0] >= RECORD_CCS && bio->first[0] <= RECORD_DATA &&
          bio->first[1] == 3);
}

static void explain_not_tls (struct wsm_error *e, const char *name,
                             const struct wsm_bio *bio) {
  char first[4 * 8 + 1];
  size_t i, at = 0;
  for (i = 0; i < bio->first_length && i < 8; i++) {
    const unsigned char c = bio->first[i];
    const bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    at += (size_t)snprintf(first + at, sizeof first - at,
                           plain ? "%c" : "\\x%02x", c);
  }
  wsm_error_set(e, WSM_TLS,
                "%.100s does not speak TLS (its first bytes were "
                "\"%s\"); is it the right port, or ws instead of "
                "wss?",
                name, first);
}

/* RFC 8446 6: alerts that OpenSSL's table of names lacks. */
static const char *alert_name (int alert) {
  if (alert == SSL_AD_MISSING_EXTENSION) return "missing extension";
  if (alert == SSL_AD_CERTIFICATE_REQUIRED) return "certificate required";
  return SSL_alert_desc_string_long(alert);
}

static bool alert_is_final (int alert) {
  return (alert >= SSL_AD_BAD_CERTIFICATE &&
          alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
         alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_ACCESS_DENIED ||
         alert == SSL_AD_CERTIFICATE_REQUIRED;
}

static void explain_alert (const struct wsm_tls_peer *peer, int alert) {
  const char *advice = "";
  if (alert == SSL_AD_CERTIFICATE_REQUIRED)
    advice = "; pass tls.cert and tls.key";
  else if (alert == SSL_AD_PROTOCOL_VERSION)
    advice = "; it allows none of the versions offered";
  wsm_error_set(peer->error, WSM_TLS, "%.120s sent the alert: %s%s",
                name_of(peer), alert_name(alert), advice);
  peer->error->final = peer->host != NULL && alert_is_final(alert);
}

/* The peer's version follows the headers of record and message in its hello (RFC
** 5246 6.2.1, 7.4, 7.4.1.2). */
static void explain_version (struct wsm_error *e, const char *name,
                             const struct wsm_bio *bio) {
  const bool known = bio->first_length == WSM_BIO_FIRST &&
                     bio->first[0] == RECORD_HANDSHAKE && bio->first[9] == 3;
  const int minor = known ? bio->first[10] : 0;
  if (minor == 0)
    wsm_error_set(e, WSM_TLS,
                  "%.120s allows no version of TLS that is "
                  "allowed here",
                  name);
  else
    wsm_error_set(e, WSM_TLS, "%.120s allows only TLS 1.%d", name, minor - 1);
}

static void explain_reason (const struct wsm_tls_peer *peer,
                            const struct wsm_bio *bio, unsigned long code) {
  struct wsm_error *e = peer->error;
  const char *name = name_of(peer), *text = ERR_reason_error_string(code);
  switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
      explain_version(e, name, bio);
      break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      wsm_error_set(e, WSM_TLS,
                    "%.120s sent no certificate, and tls.ask "
                    "requires one",
                    name);
      break;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      wsm_error_set(e, WSM_TLS, "%.120s does not offer http/1.1 (ALPN)", name);
      break;
    default:
      wsm_error_set(e, WSM_TLS, "TLS with %.120s failed: %s", name,
                    text ? text : "no reason was given");
  }
}

void wsm_tls_error_set (const struct wsm_tls_peer *peer,
                        const struct wsm_bio *bio) {
  const unsigned long code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  if (bio->out_of_memory)
    wsm_error_set(peer->error, WSM_FULL, "no memory for TLS with %.120s",
                  name_of(peer));
  else if (!looks_like_tls(bio))
    explain_not_tls(peer->error, name_of(peer), bio);
  else if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
    explain_alert(peer, reason - SSL_AD_REASON_OFFSET);
  else if (!peer->explained) explain_reason(peer, bio, code);
  ERR_clear_error();
}
