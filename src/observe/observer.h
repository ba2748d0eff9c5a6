/*
** observer.h - a connection's journal, made when somebody looks and freed afterwards
** Depends on journal.h and tap.h.
*/
#ifndef WSM_OBSERVER_H
#define WSM_OBSERVER_H

#include "observe/journal.h"

/* on: *j is made if it is NULL, and what is decided may be noted there; with keep > 0
** heads and frames, too, each with so many bytes of its payload. Off: it is freed, and
** NULL. false: no memory, and heads and frames are not noted. */
bool wsm_observer_set (struct wsm_journal **j, bool on, uint32_t keep);

#endif
