#define _GNU_SOURCE /* dladdr */
#include "net/pin.h"

#include <dlfcn.h>

void wsm_pin (void) {
#ifdef RTLD_NODELETE
  static const char here = 0;
  Dl_info info;
  if (dladdr(&here, &info) == 0 || !info.dli_fname) return;
  /* never closed: that is the point */
  dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}
