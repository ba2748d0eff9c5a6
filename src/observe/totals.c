#include "observe/totals.h"

#include "websocket/close_code.h"
#include "base/hidden.h"

const struct wsm_bounds wsm_round_trip_bounds = {
  13, 1000, { 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000 }
};

const struct wsm_bounds wsm_duration_bounds = {
  11,
  1000,
  { 1000, 5000, 15000, 60000, 300000, 900000, 3600000, 14400000, 43200000,
    86400000, 604800000 }
};

const struct wsm_bounds wsm_broadcast_bounds = {
  14,
  1000000,
  { 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,
    1000000 }
};

void wsm_counters_add (struct wsm_counters *to,
                       const struct wsm_counters *from) {
  to->messages_in += from->messages_in;
  to->messages_out += from->messages_out;
  to->binary_in += from->binary_in;
  to->binary_out += from->binary_out;
  to->payload_in += from->payload_in;
  to->payload_out += from->payload_out;
  to->bytes_in += from->bytes_in;
  to->bytes_out += from->bytes_out;
  to->attempts += from->attempts;
  to->opens += from->opens;
  to->reconnects += from->reconnects;
  to->resumed += from->resumed;
  to->unsent += from->unsent;
  to->unread += from->unread;
  to->dropped += from->dropped;
  to->uncertain += from->uncertain;
  to->heartbeats += from->heartbeats;
  to->timeouts += from->timeouts;
  to->pauses += from->pauses;
}

static void take_off (uint64_t *from, uint64_t n) {
  *from -= n < *from ? n : *from;
}

void wsm_counters_unsend (struct wsm_counters *c,
                          const struct wsm_given_back *back) {
  take_off(&c->messages_out, back->messages);
  take_off(&c->binary_out, back->binary);
  take_off(&c->payload_out, back->payload);
}

enum wsm_close_class wsm_close_class_of (unsigned code) {
  switch (code) {
    case WSM_NORMAL:
      return WSM_CLASS_NORMAL;
    case WSM_GOING_AWAY:
      return WSM_CLASS_GOING_AWAY;
    case WSM_PROTOCOL_ERROR:
    case WSM_UNSUPPORTED:
    case WSM_INVALID_DATA:
    case WSM_MANDATORY_EXTENSION:
      return WSM_CLASS_PROTOCOL;
    case WSM_POLICY:
      return WSM_CLASS_POLICY;
    case WSM_TOO_BIG:
      return WSM_CLASS_TOO_BIG;
    case WSM_NO_STATUS:
      return WSM_CLASS_NO_STATUS;
    case WSM_ABNORMAL:
      return WSM_CLASS_ABNORMAL;
    default:
      return code < 3000 ? WSM_CLASS_ERROR : WSM_CLASS_APPLICATION;
  }
}

void wsm_totals_close (struct wsm_totals *t, const struct wsm_closing *c) {
  t->closed[wsm_close_class_of(c->code)][c->initiator]++;
  if (c->violated != WSM_NONE) t->violated[c->violated]++;
  if (!c->opened) t->logins_failed++;
  else wsm_histogram_note(&t->duration, &wsm_duration_bounds, c->open_ms);
}
