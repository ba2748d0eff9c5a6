/*
** events.h - the events of a managed connection, and their queue
** Depends on nothing. The queue holds each kind once, the last one of it: the
** values of an event are read from the manager when it is popped.
** Never overflows: it has room for every kind.
*/
#ifndef WSM_EVENTS_H
#define WSM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum wsm_event {
  WSM_EVENT_NONE,
  WSM_EVENT_TARGET,       /* call wsm_manager_target or wsm_manager_lock */
  WSM_EVENT_REQUEST,      /* a server: accept or refuse m->head_text */
  WSM_EVENT_LOGIN,        /* call wsm_manager_login_done or _failed */
  WSM_EVENT_ROOM,         /* login's send returned full; now there is room */
  WSM_EVENT_CUT,          /* the login took too long: it is over */
  WSM_EVENT_OPEN,         /* the opening handshake is done, and the login */
  WSM_EVENT_ERROR,        /* m->error */
  WSM_EVENT_CLOSE,        /* m->code, m->reason, m->clean */
  WSM_EVENT_VERDICT,      /* call wsm_manager_verdict */
  WSM_EVENT_RECONNECTING, /* m->failures, m->delay_ms */
  WSM_EVENT_LOCKED,       /* m->error */
  WSM_EVENT_EXHAUSTED,    /* no attempt is left */
  WSM_EVENT_DRAIN,        /* send returned full, and now there is room again */
  WSM_EVENT_FLUSHED, /* wsm_manager_is_flushed said no, and would say yes */
  WSM_EVENT_PONG, /* a ping that the owner awaits was answered: wsm_pings_take */
  WSM_EVENT_HEARTBEAT, /* call wsm_manager_heartbeat with its message */
  WSM_EVENT_DROPPED,   /* what wsm_sending_untold tells */
  WSM_EVENT_UNTAKEN,   /* what wsm_sending_untaken tells */
  WSM_EVENT_UNCERTAIN, /* what wsm_sending_uncertain tells */
  WSM_EVENT_RENEW,     /* policy->after_ms: another is to take its place */
  WSM_EVENT_END        /* none: so many there are */
};

#define WSM_EVENT_KINDS (WSM_EVENT_END - 1) /* without NONE */

/* Zero it to start. */
struct wsm_events {
  uint8_t kinds[WSM_EVENT_KINDS]; /* enum wsm_event, the oldest first */
  uint8_t count;
  uint32_t changes; /* so far: what was read before is not what is there now */
};

/* Appends it; one of its kind that is queued already is removed. */
void wsm_events_push (struct wsm_events *q, enum wsm_event event);

/* The same, before all others. */
void wsm_events_push_first (struct wsm_events *q, enum wsm_event event);

bool wsm_events_has (const struct wsm_events *q, enum wsm_event event);
void wsm_events_remove (struct wsm_events *q, enum wsm_event event);

/* The oldest; NONE when there is none. */
enum wsm_event wsm_events_first (const struct wsm_events *q);
void wsm_events_pop (struct wsm_events *q);

#endif
