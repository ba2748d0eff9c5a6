#include "observe/observer.h"

#include "base/memory.h"
#include "observe/tap.h"
#include "base/hidden.h"

/* Bytes of notes that nobody took: decisions alone, and with frames. */
#define NOTES_LIMIT (32u << 10)
#define FRAMES_LIMIT (1u << 20)

static void drop_tap (struct wsm_journal *j) {
  wsm_tap_free(j->tap);
  j->tap = NULL;
}

bool wsm_observer_set (struct wsm_journal **journal, bool on, uint32_t keep) {
  struct wsm_journal *j = *journal;
  if (j && j->tap && (!on || j->tap->keep != keep)) drop_tap(j);
  if (!on) {
    if (j) wsm_journal_clear(j);
    wsm_free(j);
    *journal = NULL;
    return true;
  }
  if (!j) j = *journal = wsm_zalloc(sizeof *j);
  if (!j) return false;
  j->limit = keep ? FRAMES_LIMIT : NOTES_LIMIT;
  if (keep && !j->tap) j->tap = wsm_tap_new(keep);
  return !keep || j->tap;
}
