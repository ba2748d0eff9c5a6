/*
** http_server.h - a server's side of a connection before it is a WebSocket: HTTP
** requests, one after the other, their bodies, and the responses
** Depends on peer_head.h, state.h, upgrade.h, extension.h and the HTTP files.
** Only a policy with `pages` reads bodies and lets a second request follow.
** Never changes the state: it returns how far the opening is.
*/
#ifndef WSM_HTTP_SERVER_H
#define WSM_HTTP_SERVER_H

#include "http/server_response.h"
#include "manager/state.h"

/* n bytes came. */
enum wsm_opening wsm_http_server_read (struct wsm_manager *m, size_t n,
                                       uint64_t now_ms, struct wsm_error *e);

/* The deadline passed. */
enum wsm_opening wsm_http_server_timeout (struct wsm_manager *m,
                                          uint64_t now_ms, struct wsm_error *e);

/* Accepts the request: the 101, into the output. false without memory: nothing
** happened. */
bool wsm_http_server_accept (struct wsm_manager *m, const char *protocol,
                             const char *headers);

/* Answers it with this response, or with the one that m->reject_status and
** m->error make. false without memory: nothing happened. */
bool wsm_http_server_respond (struct wsm_manager *m,
                              const struct wsm_response *response,
                              uint64_t now_ms);
bool wsm_http_server_respond_invalid (struct wsm_manager *m, uint64_t now_ms);

/* The response is with the kernel: reads on, what came meanwhile first. */
enum wsm_opening wsm_http_server_next (struct wsm_manager *m, uint64_t now_ms,
                                       struct wsm_error *e);

/* Ends it without a request to answer: no other one is read. */
enum wsm_opening wsm_http_server_stop (struct wsm_manager *m, uint64_t now_ms,
                                       struct wsm_error *e);

/* Has the peer sent more than should be read before the response is written? */
bool wsm_http_server_is_ahead (const struct wsm_manager *m);

/* The client sends nothing more. Does it await the response to a plain request? The
** whole requests that came are answered, then the connection ends. */
bool wsm_http_server_half_closed (struct wsm_manager *m);

#endif
