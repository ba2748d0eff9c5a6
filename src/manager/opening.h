/*
** opening.h - the opening handshake of both roles, up to the 101
** Depends on redirects.h, state.h, upgrade.h, extension.h and the HTTP files.
** Works on what CONNECTING received and on the session's output.
** Never changes the state: it returns how far the handshake is.
*/
#ifndef WSM_OPENING_H
#define WSM_OPENING_H

#include "http/server_response.h"
#include "manager/state.h"

enum wsm_opening {
  WSM_OPENING_MORE,     /* more bytes are needed */
  WSM_OPENING_OPENED,   /* a client: the server agreed */
  WSM_OPENING_REDIRECT, /* a client: m->request asks for another target now */
  WSM_OPENING_REQUEST,  /* a server: m->head_text is the request; if it is no
                           opening handshake, m->reject_status says so */
  WSM_OPENING_REJECTED, /* a server: the response that rejects is in the output,
                           m->error says why */
  WSM_OPENING_FAILED    /* e says why */
};

/* A client's request, into the output; false: e says why not. */
bool wsm_opening_request (struct wsm_manager *m, struct wsm_error *e);

/* n bytes came. */
enum wsm_opening wsm_opening_read (struct wsm_manager *m, size_t n,
                                   uint64_t now_ms, struct wsm_error *e);

/* A server accepts the request: the 101, into the output. false without
** memory: nothing happened. */
bool wsm_opening_accept (struct wsm_manager *m, const char *protocol,
                         const char *headers);

/* A server rejects it: this response, into the output; or the one that
** m->reject_status and m->error make. false without memory. */
bool wsm_opening_reject (struct wsm_manager *m,
                         const struct wsm_response *response);
bool wsm_opening_reject_invalid (struct wsm_manager *m);

/* The open deadline passed: REJECTED or FAILED. */
enum wsm_opening wsm_opening_timeout (struct wsm_manager *m,
                                      struct wsm_error *e);

/* The socket is gone because of why (NULL: EOF): e says what failed with it. */
void wsm_opening_lost (const struct wsm_manager *m, const struct wsm_error *why,
                       struct wsm_error *e);

#endif
