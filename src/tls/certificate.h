/*
** certificate.h - what a certificate says, in words
** Depends on OpenSSL's X.509 and pinned_key.h. A certificate is the peer's text:
** nothing but printable ASCII is in it.
** Never verifies one.
*/
#ifndef WSM_CERTIFICATE_H
#define WSM_CERTIFICATE_H

#include "tls/pinned_key.h"

struct x509_st;

struct wsm_certificate {
  char subject[200], issuer[200]; /* as RFC 2253; cut */
  char names[600]; /* "DNS:a, DNS:b, IP Address:1.2.3.4"; may be empty */
  char from[24], until[24]; /* "2026-01-31 12:00:00", UTC; empty: unreadable */
  long days;                /* until then, from now on; negative: it is over */
  char key[40];             /* "EC 256", "RSA 2048" */
  char pin[WSM_PINNED_KEY_SIZE];
};

/* What cannot be read is empty. */
void wsm_certificate_read (struct wsm_certificate *c, struct x509_st *x);

#endif
