#include "policy.h"

void policy_draw (struct wsm_policy *p, struct input *in, unsigned number) {
  static const size_t sizes[] = { 200, 1000, 5000, 1u << 20 };
  const unsigned a = input_byte(in), b = input_byte(in), c = input_byte(in);
  wsm_policy_defaults(p);
  p->budget = a & 1 ? WSM_UNBOUNDED : a >> 1 & 3;
  p->outbox_messages = a & 8 ? 0 : a & 16 ? 3 : 1000;
  p->reconnect = (a & 32) == 0;
  p->heartbeat.interval_ms = a & 64 ? 0 : 30000;
  p->heartbeat.timeout_ms = a & 128 ? 0 : 100000;
  p->ask_target = (b & 1) != 0;
  p->ask_verdict = (b & 2) != 0;
  p->output_bytes = sizes[b >> 2 & 3];
  p->inbox_bytes = sizes[b >> 4 & 3];
  p->outbox_bytes = sizes[b >> 6 & 3];
  p->close_ms = c & 1 ? 5000 : 0;
  p->open_ms = p->login_ms = c & 2 ? 10000 : 0;
  p->ask_login = (number & 8) != 0;
  p->ask_release = (number & 17) == 16; /* a client's */
  p->jitter = c & 4 ? 1 : 0;
  p->compress = (c & 8) != 0;
  p->compression.threshold = c & 16 ? 0 : 200;
  if (p->compress) p->inbox_bytes = 1u << 24; /* what is over may be dropped */
  p->heartbeat.mode = (uint8_t)(a & 3);
  p->heartbeat.ack = (c & 36) == 36;
  p->heartbeat.ask = (c & 48) == 48;
  p->heartbeat.silence_ms = (b & c & 1) != 0 ? 50000 : 0;
  p->heartbeat.jitter = p->jitter;
  if (c & 32) p->heartbeat.message = "heartbeat";
  p->heartbeat.length = 4;
  p->delay_ms = c & 64 ? 0 : 2000;
  p->redirects = c & 128 ? 3 : 0;
  p->renews = (a & 36) == 36;
  p->ask_ms = b & 8 ? 0 : 30000;
  if ((a & b & 16) == 0) return;
  p->attempt_limit = 1 + (c & 3);
  p->attempt_per_ms = 60000;
}
