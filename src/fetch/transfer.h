/*
** transfer.h - one HTTP request and its response
** Depends on libcurl's easy interface, buffer.h and error.h. Follows no redirect,
** reads no environment.
** Never waits: multi.h moves it on.
*/
#ifndef WSM_TRANSFER_H
#define WSM_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* Texts are PEM, or empty. */
struct wsm_fetch_tls {
  struct wsm_span ca, cert, key;
  const char *ca_file, *ca_folder; /* instead of the system's CAs; or NULL */
  const char *pin;                 /* as curl's; NULL: none */
  bool unverified, tls13;
};

/* Everything is copied. Texts may be NULL but for url and method. */
struct wsm_fetch_request {
  const char *url; /* http or https, checked */
  const char *method;
  struct wsm_span body;
  bool has_body; /* "Content-Length: 0" for an empty one */
  bool decode;   /* asks for a compressed body, which comes decompressed */
  size_t head_limit, body_limit; /* bytes */
  long connect_ms, timeout_ms;   /* 0: none */
  const char *proxy;             /* NULL: none */
  const char *connect_to;        /* "host:port" instead of the URL's */
  struct wsm_fetch_tls tls, proxy_tls;
};

/* Bytes of a proxy's response to CONNECT, about. */
#define WSM_TRANSFER_TUNNEL_LIMIT 65536UL

struct wsm_multi;

struct wsm_transfer {
  CURL *easy;
  struct curl_slist *headers, *connect_to;
  struct wsm_multi *multi; /* it is under way in this one; NULL: in none */
  struct wsm_transfer *next, *previous; /* of that, or of its finished ones */
  double number;                        /* the owner's */
  struct wsm_buffer head, body;
  size_t head_limit, body_limit;
  size_t trailers;            /* bytes of fields after the body */
  unsigned long tunnel_calls; /* of the progress, before the request is sent */
  bool has_head;              /* the last line of it came */
  bool finished;
  struct wsm_error error; /* WSM_NONE: there is a response */
  char curl_error[CURL_ERROR_SIZE];
};

/* NULL: e says why (WSM_FULL, WSM_TLS ...). */
struct wsm_transfer *wsm_transfer_new (const struct wsm_fetch_request *request,
                                       struct wsm_error *e);

/* It is in no multi. */
void wsm_transfer_free (struct wsm_transfer *t);

/* Appends a line: "Name: value"; "Name;" for an empty value; "Name:" for none
** where curl has one. false: no memory. */
bool wsm_transfer_add_header (struct wsm_transfer *t, const char *line);

/* Before it starts, after the last header. false: no memory. */
bool wsm_transfer_set_headers (struct wsm_transfer *t);

/* It has ended with that code. */
void wsm_transfer_finish (struct wsm_transfer *t, CURLcode code);

/* It has ended so. */
void wsm_transfer_fail (struct wsm_transfer *t, enum wsm_token token,
                        const char *why);

/* Its easy handle is another process's: neither used nor freed from now on. */
void wsm_transfer_forget (struct wsm_transfer *t);

/* That it read in the last first line; for a line that is none libcurl says 200. */
long wsm_transfer_status (const struct wsm_transfer *t);

/* "1.1" or "2" ...; the status is in the head's first line. */
const char *wsm_transfer_version (const struct wsm_transfer *t);

#endif
