/*
** target.h - the beginning of an attempt: the target, and the wish for a socket
** Depends on attempts.h, ending.h, login.h, redirects.h and state.h. manager.h has
** the contracts of these functions.
** Never knows what comes over the socket.
*/
#ifndef WSM_TARGET_H
#define WSM_TARGET_H

#include "manager/state.h"

/* CONNECTING, from a state without a connection; WAITING, if the rate of attempts
** asks for it. */
void wsm_target_begin (struct wsm_manager *m, uint64_t now_ms);

/* wsm_manager_start and _start_anew */
void wsm_target_start (struct wsm_manager *m, uint64_t now_ms);
void wsm_target_start_anew (struct wsm_manager *m, uint64_t now_ms);

/* wsm_manager_target, _lock, _fail_target and _redirect */
void wsm_target_set (struct wsm_manager *m, const struct wsm_request *request,
                     const unsigned char *nonce, uint64_t now_ms);
void wsm_target_lock (struct wsm_manager *m, const char *why);
void wsm_target_fail (struct wsm_manager *m, const struct wsm_error *e,
                      uint64_t now_ms);
void wsm_target_follow (struct wsm_manager *m, const unsigned char *nonce);

#endif
