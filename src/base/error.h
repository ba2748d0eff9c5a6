/*
** error.h - what went wrong: a token from a closed list, and a sentence
** Depends on nothing. Programs compare the token, people read the detail: what
** happened, to whom, and what to do.
** Never allocates.
*/
#ifndef WSM_ERROR_H
#define WSM_ERROR_H

#include <stdbool.h>

enum wsm_token {
  WSM_NONE,      /* nothing went wrong */
  WSM_TIMEOUT,   /* a deadline passed */
  WSM_CLOSED,    /* the connection is closed, or was closed under us */
  WSM_FULL,      /* a queue is at its limit, or no memory */
  WSM_REFUSED,   /* no connection: refused, unreachable, no descriptors */
  WSM_RESOLVE,   /* the host name has no address */
  WSM_TLS,       /* TLS: certificate, version, alert */
  WSM_PROXY,     /* the proxy refused, or broke its protocol */
  WSM_HANDSHAKE, /* the opening handshake failed */
  WSM_PROTOCOL,  /* the peer broke RFC 6455 */
  WSM_TOOBIG,    /* a message, frame or header over its limit */
  WSM_CODEC,     /* a message that does not decode */
  WSM_LOGIN,     /* the login function refused, or failed */
  WSM_LOCKED,    /* the url function returned nothing */
  WSM_EXHAUSTED  /* reconnect.limit is reached */
};

#define WSM_DETAIL_SIZE 256

struct wsm_error {
  enum wsm_token token;
  bool final; /* trying again cannot help (a certificate, a 403) */
  char detail[WSM_DETAIL_SIZE];
};

/* "timeout", "closed" ...; "" for WSM_NONE. */
const char *wsm_token_name (enum wsm_token token);

#ifdef __GNUC__
#define WSM_PRINTF(text, args) __attribute__((format(printf, text, args)))
#else
#define WSM_PRINTF(text, args)
#endif

/* Removes a UTF-8 character from the end of a text of which it is only a part. */
void wsm_error_trim (char *text);

/* Sets token and detail (cut to fit); final becomes false. */
void wsm_error_set (struct wsm_error *e, enum wsm_token token,
                    const char *format, ...) WSM_PRINTF(3, 4);

/* The same; final becomes true. */
void wsm_error_final (struct wsm_error *e, enum wsm_token token,
                      const char *format, ...) WSM_PRINTF(3, 4);

#endif
