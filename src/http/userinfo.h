/*
** userinfo.h - the "user:password" of a URL, as it is used
** Stands on buffer.h, RFC 3986 3.2.1 and OpenSSL's base64 (libcrypto).
** Never changes an escape that is none.
*/
#ifndef WSM_USERINFO_H
#define WSM_USERINFO_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/span.h"

/* Percent-decodes s into room bytes, which may be as many as s has. How many;
** -1: they are more than room. */
long wsm_userinfo_decode (unsigned char *to, size_t room, struct wsm_span s);

/* Up to the first ':', and what follows it; both still encoded. */
struct wsm_span wsm_userinfo_name (struct wsm_span user);
struct wsm_span wsm_userinfo_password (struct wsm_span user);

/* Appends "name: Basic ...\r\n" (RFC 7617); false without memory. */
bool wsm_userinfo_basic (struct wsm_buffer *to, const char *name,
                         struct wsm_span user);

#endif
