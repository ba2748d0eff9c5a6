/*
** status.h - HTTP status codes (RFC 9110 15)
** Depends on nothing.
*/
#ifndef WSM_STATUS_H
#define WSM_STATUS_H

#include <stdbool.h>

/* "Not Found" for 404; "" for a status without a name. */
const char *wsm_status_text (int status);

/* May the same request succeed later: 408, 425, 429 or 5xx? */
bool wsm_status_is_transient (int status);

/* 4xx: the request was at fault. */
bool wsm_status_is_client_error (int status);

/* 301, 302, 303, 307 or 308? */
bool wsm_status_is_redirect (int status);

#endif
