/*
** login.h - from the 101 to open: the owner's login, which has the connection for
** itself
** Depends on ending.h, heartbeat.h, outbox.h and state.h. Each connection has a
** number, its epoch: what a login of an earlier one still does is without effect.
** Never calls the owner: WSM_EVENT_LOGIN asks it.
*/
#ifndef WSM_LOGIN_H
#define WSM_LOGIN_H

#include "manager/outbox.h"
#include "manager/state.h"

/* How a login failed. */
struct wsm_login_failure {
  const char *why;
  const char
    *reason;     /* of the close frame: UTF-8, at most 123 bytes; or NULL */
  unsigned code; /* of the close frame; 0: 1000, of a server 1008 */
  bool final;    /* another attempt would fail, too: LOCKED */
};

/* The 101 is there: OPEN, or LOGIN if the policy asks for one. */
void wsm_login_start (struct wsm_manager *m, uint64_t now_ms);

/* The login succeeded: OPEN. false: it was over already. */
bool wsm_login_done (struct wsm_manager *m, uint64_t epoch, uint64_t now_ms);

/* It failed: the connection is closed, and that is its error. Also while the
** peer ends the connection, and until the owner was told of the end. Without effect
** if it was over already. */
void wsm_login_failed (struct wsm_manager *m, uint64_t epoch,
                       const struct wsm_login_failure *failure,
                       uint64_t now_ms);

/* Is the login of that epoch under way, or is something left for it? */
bool wsm_login_is_current (const struct wsm_manager *m, uint64_t epoch);

/* The next message of its connection, whose bytes are the manager's until pop.
** WSM_ENDED: none will come. */
enum wsm_input wsm_login_next (struct wsm_manager *m, uint64_t epoch,
                               struct wsm_message *message, uint64_t now_ms);
void wsm_login_pop (struct wsm_manager *m, const struct wsm_message *taken);

/* A message that was not its own goes to everybody else, before what it did not
** take. FULL: no memory, or the inbox has no room. */
enum wsm_sent wsm_login_give_back (struct wsm_manager *m, uint64_t epoch,
                                   const struct wsm_message *message);

/* Sends at once, within the rate and its reserve. CLOSED: it is over. */
enum wsm_sent wsm_login_send (struct wsm_manager *m, uint64_t epoch,
                              const struct wsm_message *message,
                              uint64_t now_ms);

/* LOGIN, after output was written: queues ROOM if it is due. */
void wsm_login_note_room (struct wsm_manager *m, uint64_t now_ms);

/* LOGIN: the same when the rate allows it, and ends it if it took too long. */
void wsm_login_tick (struct wsm_manager *m, uint64_t now_ms);
uint64_t wsm_login_deadline (const struct wsm_manager *m);

/* Without an effect on the connection: what it did not take is dropped, now and as
** long as the connection lasts. */
void wsm_login_cut (struct wsm_manager *m);

/* The connection is over, and nobody asks for what is left. */
void wsm_login_forget (struct wsm_manager *m);

#endif
