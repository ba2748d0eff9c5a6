/*
** failure.h - what libcurl says went wrong, as a token and a sentence
** Depends on libcurl's codes and error.h.
** Never quotes a request's body, headers or credentials.
*/
#ifndef WSM_FAILURE_H
#define WSM_FAILURE_H

#include <curl/curl.h>
#include "base/error.h"

/* Of an easy handle whose transfer ended with that code, not CURLE_OK; text is its
** error buffer, perhaps empty. */
void wsm_failure_of (CURL *easy, CURLcode code, const char *text,
                     struct wsm_error *e);

#endif
