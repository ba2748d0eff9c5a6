/* lws URL SIZE INFLIGHT WARM SECONDS: libwebsockets' own WebSocket client.
 * Depends on libwebsockets and ../wire.h.
 * Never writes from outside of the writeable callback, as it asks. */

#include "../wire.h"

#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct client {
  unsigned char *frame; /* LWS_PRE bytes of room, then the payload */
  size_t size;
  long due; /* messages to send */
  double warm, seconds, end;
  int measured, over;
  struct moment from;
  uint64_t received;
};

static int give (struct client *c, struct lws *wsi) {
  while (c->due > 0 && !lws_send_pipe_choked(wsi)) {
    if (lws_write(wsi, c->frame + LWS_PRE, c->size, LWS_WRITE_TEXT) < 0)
      return -1;
    c->due--;
  }
  if (c->due > 0) lws_callback_on_writable(wsi);
  return 0;
}

static void look_at_clock (struct client *c) {
  if (seconds_now() < c->end) return;
  if (c->measured) {
    moment_report(c->from, moment_now(), c->received);
    c->over = 1;
    return;
  }
  c->measured = 1;
  c->received = 0;
  c->from = moment_now();
  c->end = c->from.wall + c->seconds;
}

static void take (struct client *c, struct lws *wsi) {
  if (!lws_is_final_fragment(wsi)) return;
  c->received++;
  c->due++;
  lws_callback_on_writable(wsi);
}

static int on_event (struct lws *wsi, enum lws_callback_reasons reason,
                     void *user, void *in, size_t len) {
  struct client *c = lws_context_user(lws_get_context(wsi));
  (void)user, (void)in, (void)len;
  switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      c->end = seconds_now() + c->warm;
      lws_callback_on_writable(wsi);
      break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
      take(c, wsi);
      break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return give(c, wsi);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      exit(1);
    case LWS_CALLBACK_CLIENT_CLOSED:
      exit(1);
    default:
      break;
  }
  return 0;
}

static const struct lws_protocols protocols[] = {
  { .name = "bench", .callback = on_event, .rx_buffer_size = 65536 },
  { .name = NULL },
};

static struct lws_context *context_for (struct client *c) {
  struct lws_context_creation_info info = {
    .port = CONTEXT_PORT_NO_LISTEN,
    .protocols = protocols,
    .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
    .pt_serv_buf_size = WIRE_CHUNK,
    .user = c,
  };
  lws_set_log_level(LLL_ERR, NULL);
  return need(lws_create_context(&info));
}

static void connect_to (struct lws_context *context, const char *url) {
  struct lws_client_connect_info info = {
    .context = context,
    .address = "127.0.0.1",
    .host = "localhost",
    .path = "/",
    .port = atoi(strrchr(url, ':') + 1),
    .local_protocol_name = "bench",
  };
  if (!strncmp(url, "wss:", 4))
    info.ssl_connection = LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED |
                          LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
  need(lws_client_connect_via_info(&info));
}

int main (int argc, char **argv) {
  struct client client = { 0 };
  struct lws_context *context;
  if (argc < 6) return 2;
  alarm(60);
  client.size = (size_t)atol(argv[2]);
  client.frame = need(malloc(LWS_PRE + client.size));
  memset(client.frame, 'x', LWS_PRE + client.size);
  client.due = atol(argv[3]);
  client.warm = atof(argv[4]);
  client.seconds = atof(argv[5]);
  client.end = seconds_now() + 60;
  context = context_for(&client);
  connect_to(context, argv[1]);
  while (!client.over && lws_service(context, 0) >= 0) look_at_clock(&client);
  return 0;
}
