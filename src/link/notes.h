/*
** notes.h - what a link's driver notes in its manager's journal
** Depends on driver.h. Only where there is a journal.
*/
#ifndef WSM_LINK_NOTES_H
#define WSM_LINK_NOTES_H

#include "link/driver.h"

void wsm_notes_connecting (struct wsm_link *l);
void wsm_notes_redirect (struct wsm_link *l);
void wsm_notes_started (struct wsm_link *l); /* TCP is there; its stream too */
/* Accepted by a server: it is observed from now on, as far as there is memory. */
void wsm_notes_accepted (struct wsm_link *l);
void wsm_notes_connected (struct wsm_link *l); /* all handshakes below ours */
void wsm_notes_demoted (struct wsm_link *l);

/* wsm_observer_set for its manager's journal; a connection that is under way is joined
** in its middle. */
bool wsm_link_observe (struct wsm_link *l, bool on, uint32_t keep);

#endif
