/*
** output.h - the frames of a session that wait to be written
** Depends on session.h, whose functions for sending are defined in output.c,
** and on frame.h. A 101 response may stand before the first frame. With
** permessage-deflate compressed.h stands between these and the socket.
*/
#ifndef WSM_OUTPUT_H
#define WSM_OUTPUT_H

#include "websocket/frame.h"
#include "websocket/session.h"

/* The length of the frame or HTTP head that starts `at` bytes into out, its
** header in f; WSM_CONTINUATION: no frame. */
size_t wsm_output_frame_length (const struct wsm_buffer *out, size_t at,
                                struct wsm_frame *f);

/* The first n bytes of `out` were removed. */
void wsm_output_trimmed (struct wsm_session *s, size_t n);

/* As wsm_session_sent, wsm_session_count_unsent from `at` on, and
** wsm_session_unsent, for a session without permessage-deflate; the latter two
** after wsm_compressed_unsent for one with it. */
void wsm_output_sent (struct wsm_session *s, size_t n);
size_t wsm_output_count (const struct wsm_session *s, size_t at);
bool wsm_output_unsent (struct wsm_session *s, size_t *at,
                        struct wsm_message *m);

#endif
