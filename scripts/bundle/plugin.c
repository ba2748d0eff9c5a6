/* Where libwebsockets finds its libuv plug-in: beside the module or the program that
** this is a part of. It looks for it in a folder whose path was compiled into it, with
** its function lws_dir; the linker takes this one instead, for it comes first. */

#define _GNU_SOURCE /* dladdr, RTLD_NEXT */
#include <dlfcn.h>
#include <libwebsockets.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN "libwebsockets-evlib_uv.so"
#define LONGEST \
  200 /* libwebsockets 4.1 has 256 bytes for the path with the name */

typedef int dir_function (const char *, void *, lws_dir_callback_function *);

static char folder[PATH_MAX]; /* where the plug-in is; "": not beside us */

/* Does it lie in the folder of that file? */
static int try_beside (const char *file) {
  char path[PATH_MAX], *slash;
  if (!realpath(file, path)) return 0;
  slash = strrchr(path, '/');
  if (!slash || slash - path > LONGEST) return 0;
  strcpy(slash + 1, PLUGIN);
  if (access(path, R_OK) != 0) return 0;
  *slash = '\0';
  strcpy(folder, path);
  return 1;
}

/* At once: the path may be relative, and the program may leave its folder. */
__attribute__((constructor)) static void find_plugin (void) {
  Dl_info info;
  if (dladdr(folder, &info) != 0 && info.dli_fname &&
      strchr(info.dli_fname, '/') && try_beside(info.dli_fname))
    return;
  (void)try_beside("/proc/self/exe");
}

static int real_dir (const char *path, void *user,
                     lws_dir_callback_function *call) {
  void *found = dlsym(RTLD_NEXT, "lws_dir");
  dir_function *next;
  if (!found) return 1;
  memcpy(&next, &found, sizeof next);
  return next(path, user, call);
}

__attribute__((visibility("default"))) int
lws_dir (const char *path, void *user, lws_dir_callback_function *call) {
  struct lws_dir_entry plugin;
  if (!folder[0]) return real_dir(path, user, call);
  if (strcmp(path, ".") == 0) return 1; /* 4.3 looks there, too */
  memset(&plugin, 0, sizeof plugin);
  plugin.name = PLUGIN;
  plugin.type = LDOT_FILE;
  return !call(folder, user, &plugin);
}
