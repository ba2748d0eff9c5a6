#define _GNU_SOURCE /* dladdr */
#include "base/keep_loaded.h"

#include <dlfcn.h>
#include "base/hidden.h"

void wsm_keep_loaded (void) {
#ifdef RTLD_NODELETE
  static const char here = 0;
  Dl_info info;
  if (dladdr(&here, &info) == 0 || !info.dli_fname) return;
  /* never closed: the reference keeps it loaded */
  dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}
