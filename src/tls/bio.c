#include "tls/bio.h"

#include <string.h>

static int wire_read (BIO *bio, char *to, int n) {
  struct wsm_bio *w = BIO_get_data(bio);
  const size_t take = (size_t)n < w->left ? (size_t)n : w->left;
  BIO_clear_retry_flags(bio);
  if (take == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(to, w->in, take);
  w->in += take;
  w->left -= take;
  return (int)take;
}

static int wire_write (BIO *bio, const char *from, int n) {
  struct wsm_bio *w = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (wsm_buffer_append(&w->out, from, (size_t)n)) return n;
  w->starved = true;
  return -1;
}

static long wire_control (BIO *bio, int command, long n, void *p) {
  (void)bio;
  (void)n;
  (void)p;
  return command == BIO_CTRL_FLUSH;
}

static int wire_create (BIO *bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD *wsm_bio_method (void) {
  BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wsmanager");
  if (!m) return NULL;
  BIO_meth_set_read(m, wire_read);
  BIO_meth_set_write(m, wire_write);
  BIO_meth_set_ctrl(m, wire_control);
  BIO_meth_set_create(m, wire_create);
  return m;
}

BIO *wsm_bio_new (BIO_METHOD *method, struct wsm_bio *w) {
  BIO *bio = BIO_new(method);
  if (bio) BIO_set_data(bio, w);
  return bio;
}

void wsm_bio_feed (struct wsm_bio *w, const unsigned char *bytes, size_t n) {
  const size_t room = sizeof w->first - w->first_length;
  const size_t kept = n < room ? n : room;
  if (kept > 0) memcpy(w->first + w->first_length, bytes, kept);
  w->first_length = (uint8_t)(w->first_length + kept);
  w->in = bytes;
  w->left = n;
}
