/*
** opening_handshake.h - the opening handshake, up to the 101: a client's here, a server's in
** http_server.h
** Depends on redirects.h, http_server.h, peer_head.h, upgrade.h, extension.h and
** the HTTP files.
** Works on what CONNECTING received and on the session's output.
** Never changes the state: it returns how far the handshake is.
*/
#ifndef WSM_OPENING_HANDSHAKE_H
#define WSM_OPENING_HANDSHAKE_H

#include "manager/state.h"

/* A client's request, into the output; false: e says why not. */
bool wsm_opening_request (struct wsm_manager *m, struct wsm_error *e);

/* n bytes came. */
enum wsm_opening wsm_opening_read (struct wsm_manager *m, size_t n,
                                   uint64_t now_ms, struct wsm_error *e);

/* The open deadline passed: REJECTED or FAILED. */
enum wsm_opening wsm_opening_timeout (struct wsm_manager *m, uint64_t now_ms,
                                      struct wsm_error *e);

/* The socket is gone because of why (NULL: EOF): e says what failed with it. */
void wsm_opening_lost (const struct wsm_manager *m, const struct wsm_error *why,
                       struct wsm_error *e);

#endif
