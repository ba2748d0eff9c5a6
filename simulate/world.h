/*
** world.h - a random world: managers, their machines and programs, one server
** Depends on manager.h, network.h, frames.h, schedule.h and story.h.
** Never uses the manager's code for the server's part.
*/
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "frames.h"
#include "manager/manager.h"
#include "network.h"
#include "random.h"
#include "scanner.h"
#include "schedule.h"
#include "story.h"
#include "window.h"

#define MAX_CLIENTS 8
#define DAY_MS 86400000u
#define MAX_MESSAGE 200000
#define UNCONFIRMED 100 /* messages of the server's that wait for that */
#define ENDS 24         /* enum wsm_token has fewer */

enum fault {
  FAULT_CUT,       /* RST on a connection */
  FAULT_STALL,     /* no packets for a while, both ways */
  FAULT_ONE_WAY,   /* no packets in one direction */
  FAULT_HALF_OPEN, /* this connection is dark for good */
  FAULT_RESTART,   /* the server's process, or its machine */
  FAULT_REFUSAL,   /* 429, 503 with Retry-After for a while */
  FAULT_MUTE,      /* accepts, and never answers the handshake */
  FAULT_HUNG,      /* the server stops reading a connection; maybe talks */
  FAULT_NO_ANSWER, /* it reads, and answers no heartbeat */
  FAULT_LOGIN,     /* it refuses logins for a while, or says nothing to them */
  FAULT_CLOSE,     /* the server closes with a code */
  FAULT_BLOCKED,   /* the client's program does nothing for a while */
  FAULT_SUSPEND,   /* its machine sleeps */
  FAULT_READER,    /* the application does not take messages */
  FAULT_RECONNECT, /* the application calls reconnect() */
  FAULT_BURST,     /* the application sends much at once */
  FAULT_FLOOD,     /* the server does */
  FAULT_SLOW,      /* the path's rate changes */
  FAULT_MIGRATE,   /* the application calls migrate() */
  FAULT_KINDS
};

const char *fault_name (enum fault fault);

/* Counted over a world, or over many. */
struct tally {
  uint64_t worlds, clients, simulated_ms, calls;
  uint64_t faults[FAULT_KINDS];
  uint64_t attempts, opens, migrated, ends[ENDS];
  uint64_t sent, delivered, with_kernel; /* messages of applications */
  uint64_t pushed, received, cut_off;    /* messages of the server */
  uint64_t resent, again; /* by acknowledged delivery; came twice, dropped */
  uint64_t dropped[ENDS]; /* given up by a rule, and told */
  uint64_t given_up;      /* ends for good, until the application begins anew */
  uint64_t lost, doubled, disordered, broken; /* rules that did not hold */
};

void tally_add (struct tally *sum, const struct tally *one);

struct world;
struct server;
struct peer;

/* What the server knows of one client, whatever the connection. */
struct account {
  struct world *world;
  unsigned number;
  struct peer *peer;    /* the last connection that was accepted */
  uint64_t connections; /* so far */
  uint64_t whole; /* messages that kernels took wholly, or that were given up,
                     so far */
  /* acknowledged delivery */
  bool confirms;
  uint64_t expected;    /* the application's message that is due */
  uint64_t pushed, got; /* the server's, and those that were confirmed */
  uint32_t extras[UNCONFIRMED];
};

/* What a connection that ended must still deliver to the application. */
struct receipt {
  uint64_t connection, whole; /* so many messages of it were read */
  bool exact;                 /* false: it may be fewer */
};

/* How far the application's messages, without ids, went by on a connection. */
struct passing {
  uint64_t connection, next;
  bool by_kernel; /* the server has not read it yet */
};

#define RECEIPTS 64

/* A connection that took the place of one that began later: its messages come behind
** those of connection `behind`. */
struct place {
  uint64_t connection, behind;
};

#define PLACES 8 /* that matter yet */

/* fates.c: of the application's messages, by their number. */
struct fate {
  uint64_t sent_ms, expires_ms;
  uint64_t connection; /* it is for that one alone; 0: for any */
  uint64_t passed;     /* the kernel of that one took it; 0: none did */
  uint8_t flags;
};

struct fates {
  struct fate *list;
  uint64_t count, room;
  uint64_t unplaced;      /* found no room when they changed connections */
  uint64_t skipped, told; /* given up */
};

struct client {
  struct world *world;
  unsigned number;
  struct random random;
  struct wsm_policy policy;
  struct wsm_retry_lists lists;
  struct wsm_manager *manager; /* of a twin: NULL, it is not in use */
  struct wsm_request request;
  struct wsm_url url;
  char url_text[40];
  struct account account;
  struct path path, *way;  /* its own; the one that its connections take */
  uint64_t usual_rate;     /* of the path, without faults */
  struct tcp *tcp;         /* NULL: none */
  bool connected, blocked; /* the kernel takes no more */
  bool refused, reads;     /* not yet told; a read is scheduled */
  bool settling;
  void (*turn)(struct client *c); /* of the application */
  /* migration.c: another connection of the same account */
  bool migrates;
  struct client *twin,
    *original;               /* NULL: none yet; it is the original itself */
  bool holds_two;            /* what it has not taken is of two connections */
  bool leaves;               /* the original took its place */
  uint64_t resent_below;     /* messages before it may come behind newer ones */
  uint64_t timer_ms;         /* the call that is scheduled */
  uint64_t program_until_ms; /* the program does nothing until then */
  /* the application */
  uint64_t send_every_ms, push_every_ms;
  bool logs_in;
  uint64_t epoch;            /* of the login under way */
  bool login_waits;          /* to be sent, for the rate */
  bool takes;                /* messages */
  uint64_t hushed_ms;        /* the server sends it nothing until then */
  bool reopens;              /* it will begin anew, after an end for good */
  bool expires, is_volatile; /* some of its messages */
  struct fates fates;
  uint64_t sent, taken;
  uint64_t confirmed;        /* the server's message that is due */
  uint64_t connection, next; /* of the next message of the server's */
  struct receipt receipts[RECEIPTS];
  unsigned receipt_count;
  struct place places[PLACES];
  unsigned place_count; /* so far */
  uint64_t last_attempts, last_opens;
  struct scanner out, in;        /* what went by on its connection */
  struct window attempts, sends; /* by their rates */
  struct window usual_sends;     /* without the reserve */
  uint64_t epoch_seen, message_ms, paused_ms;
  uint32_t silence_ms; /* heartbeat.silence, as long as it is that */
  /* what is true, whatever the manager thinks */
  uint64_t heard_ms, opened_ms, free_ms, progress_ms, progress, clear_ms;
  uint64_t acknowledged_ms; /* something of ours last was */
  uint64_t written, written_ms, hung_up_ms, blocked_ms, upload_ms;
  uint64_t overdue_ms;  /* since then the deadline is over; NEVER */
  uint64_t begun_ms;    /* it last called reconnect() */
  uint64_t back_ms;     /* messages last came back from a connection */
  uint64_t slow_ms;     /* messages last waited to be taken */
  uint64_t answered_ms; /* a message answered our heartbeat (rules: ack) */
  uint64_t excuse_ms;   /* when a live peer could last be taken for dead */
  uint64_t fault_ms;    /* the connection that ended was last faulty */
  uint8_t last_state;
  bool sleeps, recovered; /* the manager was told that the machine woke up */
  bool orderly, calls_reconnect;
  bool hurries; /* reconnect() waits for the rate alone */
  uint32_t failures;
  uint64_t ended_ms;       /* NEVER: unknown */
  uint64_t retry_after_ms; /* what the server asked for */
};

/* Attempts since from_ms, counted. */
struct histogram {
  uint64_t from_ms, bucket_ms;
  unsigned buckets;
  uint64_t *counts;
};

struct world {
  struct schedule schedule;
  struct story story;
  struct tally tally;
  uint64_t seed, end_ms, quiet_ms; /* no fault after quiet_ms */
  struct random random, faults;
  struct wsm_keys keys;
  struct wsm_pool pool;
  struct server *server;
  struct client *clients;
  unsigned client_count;
  uint64_t fault_every_ms;
  uint64_t answer_ms;          /* the server answers within that */
  struct histogram *histogram; /* NULL: nobody counts */
  uint64_t still_ms, still;    /* calls at the same time */
  bool failed;
};

/* A world without faults: clients with the default options that say nothing. */
struct world *world_crowd (uint64_t seed, unsigned clients);
void world_free (struct world *w);

/* A world of this seed, for so many days; its tally is added. false: a rule did
** not hold, and it was told. */
bool world_run (uint64_t seed, uint64_t days, bool told, struct tally *sum);

/* A manager with the client's policy, not started. */
struct wsm_manager *world_manager (struct client *c);

void world_later (struct world *w, uint64_t after_ms, schedule_call *call,
                  void *object);

#define TELL(world, ...) \
  story_add(&(world)->story, (world)->schedule.now_ms, __VA_ARGS__)

#endif
