/*
** portable.h - a system that is not Linux, as far as Linux can show it
** Included before each file by `make PORTABLE=1`: the system's headers first, as
** they are; then what Linux alone has is undefined, so that our code takes the ways
** of macOS and the BSDs. FIONWRITE is the BSDs' name of SIOCOUTQ.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#undef __linux__
#undef CLOCK_BOOTTIME
#undef EAI_NODATA
#undef MSG_NOSIGNAL
#undef POLLRDHUP
#undef RTLD_NODELETE
#undef SIOCOUTQ
#undef SOCK_CLOEXEC
#undef SOCK_NONBLOCK
#undef TCP_INFO
#define FIONWRITE TIOCOUTQ
