#include "websocket/close_code.h"
#include "base/hidden.h"

bool wsm_close_code_is_sendable (unsigned code, enum wsm_role role) {
  if (code == WSM_NORMAL || (code >= 3000 && code <= 4999)) return true;
  if (role == WSM_CLIENT) return false;
  return code == WSM_GOING_AWAY || code == WSM_UNSUPPORTED ||
         code == WSM_POLICY || code == WSM_TOO_BIG ||
         (code >= WSM_INTERNAL_ERROR && code <= 1014);
}

bool wsm_close_code_is_valid (unsigned code) {
  if (code >= 3000) return code <= 4999;
  return code >= WSM_NORMAL && code <= 1014 && code != 1004 &&
         code != WSM_NO_STATUS && code != WSM_ABNORMAL;
}
