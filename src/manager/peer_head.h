/*
** peer_head.h - the peer's HTTP head, kept for the connection's life
** Depends on state.h.
** Never changes the state, never judges what the head says.
*/
#ifndef WSM_PEER_HEAD_H
#define WSM_PEER_HEAD_H

#include "http/head.h"
#include "manager/state.h"

/* Moves the peer's head from the session's input to m->head_text once it is
** whole; the input's last n bytes are new. 1: it is whole, and head has its
** spans; 0: more is needed; -1: e says why it cannot be. */
int wsm_peer_head_take (struct wsm_manager *m, struct wsm_head *head, size_t n,
                        struct wsm_error *e);

/* Parses m->head_text again. false: there is none. */
bool wsm_peer_head_parse (const struct wsm_manager *m, struct wsm_head *head);

/* Copies what was agreed on, whose texts are somebody else's. false: no memory,
** and what was agreed on before stays. */
bool wsm_peer_head_keep_agreement (struct wsm_manager *m,
                                   const struct wsm_agreement *agreed);

#endif
