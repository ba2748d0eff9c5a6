/*
** manager_internal.h - what the files of the manager share with each other
** Stands on manager.h. manager.c holds the states and the events, opening.c
** the HTTP part of both roles, redirects.c its redirects, messages.c messages and
** bytes, ending.c what follows a lost connection, timers.c what time brings.
** Never included outside this folder.
*/
#ifndef WSM_MANAGER_INTERNAL_H
#define WSM_MANAGER_INTERNAL_H

#include "manager/manager.h"

enum wsm_phase {
  WSM_PHASE_NONE,
  WSM_PHASE_TARGET, /* CONNECTING: for the owner's target */
  WSM_PHASE_MOVE,   /* for the driver to turn to a redirect's target */
  WSM_PHASE_DIAL,   /* for the driver's socket */
  WSM_PHASE_HEAD,   /* for the peer's head */
  WSM_PHASE_BODY,   /* for the body of an answer that refuses */
  WSM_PHASE_JUDGE,  /* a server: for the owner's accept or refuse */
  WSM_PHASE_VERDICT /* WAITING: for the owner's verdict */
};

/* --- manager.c --- */

/* The one place where the state changes. Events that speak of the state that
** is left (but OPEN, ERROR, CLOSE) are taken back. */
void wsm_manager_enter (struct wsm_manager *m, enum wsm_state state,
                        uint64_t now_ms);

/* Queues an event; one of its kind that nobody popped yet is enough. */
void wsm_manager_tell (struct wsm_manager *m, enum wsm_event event);
bool wsm_manager_tells (const struct wsm_manager *m, enum wsm_event event);

/* Enters CONNECTING and asks for a target. */
void wsm_manager_dial (struct wsm_manager *m, uint64_t now_ms);

/* A fresh session for the next connection. */
void wsm_manager_renew (struct wsm_manager *m);

/* now + ms; WSM_NEVER for 0, which switches off. */
uint64_t wsm_manager_after (uint64_t now_ms, uint32_t ms);

/* Was the connection under way ever open? */
static inline bool wsm_manager_opened (const struct wsm_manager *m) {
  return m->opened_ms != WSM_NEVER;
}

/* --- opening.c --- */

/* n bytes came while CONNECTING. */
void wsm_opening_read (struct wsm_manager *m, size_t n, uint64_t now_ms);

/* The open deadline passed. */
void wsm_opening_late (struct wsm_manager *m, uint64_t now_ms);

/* The socket went away while CONNECTING. */
void wsm_opening_lost (struct wsm_manager *m, const struct wsm_error *e,
                       uint64_t now_ms);

/* --- redirects.c --- */

/* Is the answer a redirect that may be followed? Then it is what m wants now.
** false: no, and if it might have been, e says why not instead of what it said
** before. */
bool wsm_redirects_follow (struct wsm_manager *m, const struct wsm_head *head,
                           struct wsm_error *e);

void wsm_redirects_forget (struct wsm_manager *m);

/* --- messages.c --- */

/* The opening handshake is done: OPEN, and the outbox goes. */
void wsm_messages_open (struct wsm_manager *m, uint64_t now_ms);

/* Frames what is in the outbox until limit bytes wait for the kernel. */
void wsm_messages_flush (struct wsm_manager *m, size_t limit);

/* Owes a drain event and can keep it: tells it. */
void wsm_messages_drain (struct wsm_manager *m);

/* Moves whole messages to leftover while its payload stays within limit;
** what is over, or finds no memory, is dropped and counted in *missed. Answers
** WSM_MORE or WSM_ENDED as the session does. */
enum wsm_input wsm_messages_keep (struct wsm_manager *m, size_t limit,
                                  size_t *missed);

/* --- ending.c --- */

/* The session ended while OPEN: the peer closed, or broke a rule. */
void wsm_ending_heard (struct wsm_manager *m, uint64_t now_ms);

/* The connection, or the attempt, is over because of e (may be &m->error;
** NULL: EOF); events are told and the policy says what comes next. */
void wsm_ending_end (struct wsm_manager *m, const struct wsm_error *e,
                     uint64_t now_ms);

/* Over because the owner wants another one: no error, no policy. */
void wsm_ending_abandon (struct wsm_manager *m);

/* It is open again: lets go of the reason of the last close, once told. */
void wsm_ending_forget (struct wsm_manager *m);

/* The close deadline passed. */
void wsm_ending_late (struct wsm_manager *m, uint64_t now_ms);

#endif
