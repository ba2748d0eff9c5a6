/*
** userinfo.h - the "user:password" of a URL (RFC 3986 3.2.1)
** Depends on percent.h, writer.h and OpenSSL's base64 (libcrypto).
*/
#ifndef WSM_USERINFO_H
#define WSM_USERINFO_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/span.h"

/* What precedes the first ':', and what follows it; still percent-encoded. */
struct wsm_span wsm_userinfo_name (struct wsm_span user);
struct wsm_span wsm_userinfo_password (struct wsm_span user);

/* Appends "name: Basic ...\r\n" (RFC 7617); false without memory. */
bool wsm_userinfo_basic (struct wsm_buffer *to, const char *name,
                         struct wsm_span user);

#endif
