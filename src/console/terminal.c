#include "console/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/hidden.h"

struct wsm_terminal_mode {
  struct termios termios;
};

bool wsm_terminal_is (int fd) {
  return isatty(fd) == 1;
}

bool wsm_terminal_size (int fd, int *columns, int *rows) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return false;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return true;
}

struct wsm_terminal_mode *wsm_terminal_raw (int fd) {
  struct wsm_terminal_mode *before = wsm_alloc(sizeof *before);
  struct termios raw;
  if (!before) return NULL;
  if (tcgetattr(fd, &before->termios) == 0) {
    raw = before->termios;
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSADRAIN, &raw) == 0) return before;
  }
  wsm_free(before);
  return NULL;
}

void wsm_terminal_restore (int fd, struct wsm_terminal_mode *before) {
  (void)tcsetattr(fd, TCSADRAIN, &before->termios);
  wsm_free(before);
}

void wsm_terminal_suspend (void) {
  (void)raise(SIGTSTP);
}
