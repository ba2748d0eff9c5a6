/*
** close_code.h - the codes of close frames (RFC 6455 7.4)
** Depends on message.h for the roles.
*/
#ifndef WSM_CLOSE_CODE_H
#define WSM_CLOSE_CODE_H

#include <stdbool.h>
#include "websocket/message.h"

/* RFC 6455 7.4.1 */
enum wsm_close_code {
  WSM_NORMAL = 1000,
  WSM_GOING_AWAY = 1001,
  WSM_PROTOCOL_ERROR = 1002,
  WSM_UNSUPPORTED = 1003,
  WSM_NO_STATUS = 1005, /* never sent: a close frame without a code */
  WSM_ABNORMAL = 1006,  /* never sent: no close frame at all */
  WSM_INVALID_DATA = 1007,
  WSM_POLICY = 1008,
  WSM_TOO_BIG = 1009,
  WSM_MANDATORY_EXTENSION = 1010,
  WSM_INTERNAL_ERROR = 1011
};

#define WSM_REASON_LIMIT 123 /* bytes of a close reason, RFC 6455 5.5 */

/* May an application send this close code? 1000 and 3000 to 4999 (W3C); as a
** server also 1001, 1003, 1008, 1009 and 1011 to 1014 (RFC 6455 7.4.1). */
bool wsm_close_code_is_sendable (unsigned code, enum wsm_role role);

/* May a close frame carry it? (RFC 6455 7.4) */
bool wsm_close_code_is_valid (unsigned code);

#endif
