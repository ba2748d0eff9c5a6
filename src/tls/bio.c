#include "tls/bio.h"

#include <string.h>
#include "base/hidden.h"

static int read_input (BIO *b, char *to, int n) {
  struct wsm_bio *bio = BIO_get_data(b);
  const size_t count = (size_t)n < bio->left ? (size_t)n : bio->left;
  BIO_clear_retry_flags(b);
  if (count == 0) {
    BIO_set_retry_read(b);
    return -1;
  }
  memcpy(to, bio->in, count);
  bio->in += count;
  bio->left -= count;
  return (int)count;
}

static int write_output (BIO *b, const char *from, int n) {
  struct wsm_bio *bio = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  if (wsm_buffer_append(&bio->out, from, (size_t)n)) return n;
  bio->out_of_memory = true;
  return -1;
}

static long control (BIO *b, int command, long n, void *p) {
  (void)b;
  (void)n;
  (void)p;
  return command == BIO_CTRL_FLUSH;
}

static int create (BIO *b) {
  BIO_set_init(b, 1);
  return 1;
}

BIO_METHOD *wsm_bio_method (void) {
  BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wsmanager");
  if (!m) return NULL;
  BIO_meth_set_read(m, read_input);
  BIO_meth_set_write(m, write_output);
  BIO_meth_set_ctrl(m, control);
  BIO_meth_set_create(m, create);
  return m;
}

BIO *wsm_bio_new (BIO_METHOD *method, struct wsm_bio *bio) {
  BIO *b = BIO_new(method);
  if (b) BIO_set_data(b, bio);
  return b;
}

void wsm_bio_set_input (struct wsm_bio *bio, const unsigned char *bytes,
                        size_t n) {
  const size_t room = sizeof bio->first - bio->first_length;
  const size_t kept = n < room ? n : room;
  if (kept > 0) memcpy(bio->first + bio->first_length, bytes, kept);
  bio->first_length = (uint8_t)(bio->first_length + kept);
  bio->in = bytes;
  bio->left = n;
}
