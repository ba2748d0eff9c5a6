/*
** redirects.h - the redirects that an opening handshake is answered with
** Depends on state.h and http/redirect.h.
** Never connects: m->request.url says where to.
*/
#ifndef WSM_REDIRECTS_H
#define WSM_REDIRECTS_H

#include "http/head.h"
#include "manager/state.h"

/* true: the response is a redirect, and m->request is one for its target; what
** was received on this connection is dropped. false: it is none, or it may
** not be followed: then e is replaced. */
bool wsm_redirects_follow (struct wsm_manager *m, const struct wsm_head *head,
                           struct wsm_error *e);

/* Has a redirect led to another origin since the target? No credential of the
** target goes there, nor to where it leads. */
bool wsm_redirects_left_origin (const struct wsm_manager *m);

/* To another host? */
bool wsm_redirects_left_host (const struct wsm_manager *m);

/* Frees the texts of the last redirect. */
void wsm_redirects_forget (struct wsm_manager *m);

#endif
