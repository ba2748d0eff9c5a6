#!/usr/bin/env python3
"""inverted OUT CC [WORD...]: do the simulated worlds notice a rule that is wrong?

Each rule below is one that src/manager decides. It is inverted in a copy of its
file, which is compiled and linked with the other objects in OUT; then worlds are
run, seed after seed, until one fails. What 20 seeds of a day do not notice is shown
to the specs of the manager, in a copy of the tree, and listed apart. What these do not
notice either is an error, and so is a rule whose text is no longer there exactly once.
WORD: only rules whose line contains it.
"""

import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys

SEEDS = 20
SECONDS = 900

# What is decided, the file in src/manager, its text, and the inverted text.
RULES = [
    # --- liveness ---
    ("a heartbeat is due after interval",
     "heartbeat.c", "h->sent_ms) + r->interval_ms - h->ahead_ms",
     "h->sent_ms) + 100 * r->interval_ms - h->ahead_ms"),
    ("mode received counts from the last byte received",
     "heartbeat.c", "      return m->received_ms;\n    case WSM_HEARTBEAT_SENT",
     "      return WSM_NEVER / 2;\n    case WSM_HEARTBEAT_SENT"),
    ("mode sent counts from the last byte sent",
     "heartbeat.c", "      return m->sent_ms;", "      return WSM_NEVER / 2;"),
    ("mode either takes the older of the two",
     "heartbeat.c", "return earlier(m->received_ms, m->sent_ms);",
     "return later(m->received_ms, m->sent_ms) * 2;"),
    ("mode always keeps its rhythm",
     "heartbeat.c", "    default:\n      return m->heartbeat.sent_ms;",
     "    default:\n      return m->received_ms + 600000;"),
    ("in every mode one is due when nothing was heard for timeout",
     "heartbeat.c", "  if (!r->timeout_ms || is_unanswered(m)) return at_ms;",
     "  return at_ms;"),
    ("any byte answers a heartbeat",
     "heartbeat.c", "(is_judged_by_ack(m) || !h->heard)",
     "(is_judged_by_ack(m) || h->heard || !h->heard)"),
    ("with ack only an accepted message answers",
     "heartbeat.c", "return h->unanswered && (is_judged_by_ack(m) || !h->heard);",
     "return h->unanswered && !h->heard;"),
    ("a message that waits to be taken may be the answer",
     "heartbeat.c", "wsm_heartbeat_rules(m)->ack && !m->session.has_message &&\n"
     "         m->undelivered.count == 0",
     "wsm_heartbeat_rules(m)->ack"),
    ("an accepted message answers the earlier heartbeats",
     "heartbeat.h", "  m->heartbeat.unanswered = false;",
     "  m->heartbeat.unanswered = true;"),
    ("the time to answer is timeout - interval",
     "heartbeat.c", "r->interval_ms < r->timeout_ms ? r->timeout_ms - r->interval_ms",
     "r->interval_ms < r->timeout_ms ? r->timeout_ms + r->interval_ms"),
    ("nobody is dead before that time is over",
     "heartbeat.c", "return later(h->begun_ms + span(r), m->received_ms + r->timeout_ms);",
     "return h->begun_ms + span(r) / 8;"),
    ("and before timeout without a byte",
     "heartbeat.c", "return later(h->begun_ms + span(r), m->received_ms + r->timeout_ms);",
     "return later(h->begun_ms + span(r), m->received_ms + 4 * r->timeout_ms);"),
    ("it begins anew while an upload is acknowledged",
     "heartbeat.c", "if (h->progressed && is_under_way(m) && !m->paused) begin_upload(m, now_ms);",
     "(void)is_under_way, (void)begin_upload;"),
    ("a heartbeat behind an upload has a time of its own",
     "heartbeat.c", "  if (!is_acknowledged(h)) return;\n", "  return;\n"),
    ("only newly acknowledged bytes are progress",
     "heartbeat.c", "  if (delivery->acknowledged > h->acknowledged) {",
     "  if (delivery->acknowledged >= h->acknowledged) {"),
    ("only as long as the heartbeat or the kernel's room waits for it",
     "heartbeat.c", "h->progressed && is_under_way(m) && !m->paused",
     "h->progressed && !m->paused"),
    ("read first, judge after",
     "heartbeat.c", "  if (m->heartbeat.readable && !m->paused) return false;\n", ""),
    ("a late tick begins the time anew",
     "heartbeat.c", "  if (now_ms <= h->look_ms + LATE_MS || h->forgiven || !r->timeout_ms)",
     "  if (r)"),
    ("a late tick is forgiven once, until a byte was read",
     "heartbeat.c", "  h->forgiven = true;", "  h->forgiven = false; h->begun_ms += 600000;"),
    ("half of the time is left for a ping, where nobody need answer a message",
     "heartbeat.c", "  if (h->pinged || h->ping_waits || !is_unanswered(m)) return;",
     "  if (r->timeout_ms) return;"),
    ("inbox full: what TCP acknowledges is the answer",
     "heartbeat.c", "if (m->paused) return h->clear ? WSM_NEVER : h->stalled_ms + span(r);",
     "if (m->paused) return h->stalled_ms + span(r);"),
    ("inbox full: who acknowledges nothing is dead",
     "heartbeat.c", "if (m->paused) return h->clear ? WSM_NEVER : h->stalled_ms + span(r);",
     "if (m->paused) return WSM_NEVER;"),
    ("inbox full: an acknowledgement begins that time anew",
     "heartbeat.c", "    h->progressed = true;\n    h->stalled_ms = now_ms;",
     "    h->progressed = true;"),
    ("inbox full: a FIN or RST is looked for",
     "heartbeat.c", "  if (m->paused && h->hung_up) return WSM_HUNG_UP;\n", ""),
    ("the dead are closed",
     "manager.c", "      m->counters.timeouts++;\n      wsm_ending_end(m, &e, now_ms);",
     "      m->counters.timeouts++;"),
    ("heartbeat.timeout = false: nobody is dead", "heartbeat.c",
     "  if (!r->timeout_ms) return WSM_NEVER;\n",
     "  if (!r->timeout_ms) return later(m->received_ms, h->begun_ms) + 30000;\n"),
    ("heartbeat.interval = false: no heartbeats", "heartbeat.c",
     "  if (!r->interval_ms) return WSM_NEVER;\n  at_ms",
     "  if (!r->interval_ms) return m->sent_ms + 30000;\n  at_ms"),
    ("timeout is plain silence then", "heartbeat.c",
     "    return later(m->received_ms, h->begun_ms) + r->timeout_ms;",
     "    return WSM_NEVER;"),
    ("of all of it", "heartbeat.c",
     "    return later(m->received_ms, h->begun_ms) + r->timeout_ms;",
     "    return later(m->received_ms, h->begun_ms) + r->timeout_ms / 2;"),
    ("and the kernel alone tells of an upload", "heartbeat.c",
     "(wsm_heartbeat_rules(m)->interval_ms && !is_acknowledged(h))",
     "!is_acknowledged(h)"),
    ("heartbeat.silence ends a connection", "heartbeat.c",
     "  if (now_ms < silent_at(m)) return false;",
     "  if (now_ms < WSM_NEVER) return false;"),
    ("a message begins it anew", "heartbeat.h",
     "  m->heartbeat.message_ms = m->received_ms;\n", ""),
    ("it stands still while the inbox is full", "heartbeat.c",
     "  h->message_ms += now_ms - h->paused_ms;\n", ""),
    ("what comes behind a message that waits may be another", "heartbeat.c",
     "  note_untaken(m);\n", "  (void)note_untaken;\n"),
    ("other rules hold from when they are set", "heartbeat.c",
     "  h->own = own;\n  if (wsm_state_is_live(m)) begin(m, now_ms);",
     "  wsm_free(own); if (0) begin(m, now_ms);"),
    ("timeouts.open ends an attempt",
     "target.c", "  m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);",
     "  m->due_ms = WSM_NEVER;"),
    ("timeouts.close ends the closing handshake",
     "close_wait.c", "  m->due_ms = wsm_state_after(now_ms, wait_ms);",
     "  m->due_ms = WSM_NEVER;"),
    # --- login ---
    ("the login comes before open", "login.c",
     "  if (m->policy->ask_login) begin(m, now_ms);\n  else open",
     "  open"),
    ("nobody else sends during a login", "manager.c",
     "    case WSM_STATE_CONNECTING:\n    case WSM_STATE_LOGIN:\n    case WSM_STATE_WAITING:\n"
     "    case WSM_STATE_LOCKED:\n      return wsm_outbox_send_later",
     "    case WSM_STATE_LOGIN:\n      return wsm_outbox_send(m, message, terms, now_ms);\n"
     "    case WSM_STATE_CONNECTING:\n    case WSM_STATE_WAITING:\n"
     "    case WSM_STATE_LOCKED:\n      return wsm_outbox_send_later"),
    ("timeouts.login cuts it short", "login.c",
     "  if (now_ms < m->login->due_ms) return;\n  wsm_error_set(&m->error, WSM_TIMEOUT",
     "  return;\n  wsm_error_set(&m->error, WSM_TIMEOUT"),
    ("what login did not take follows it in order", "manager.c",
     "return m->login && m->undelivered.count <= m->login->given_back;",
     "return m->login != NULL || m->counters.opens % 2;"),
    ("a failed login closes the connection", "login.c",
     "  if (m->state == WSM_STATE_LOGIN) close(m, f, now_ms);",
     "  if (m->state == WSM_STATE_LOGIN) open(m, now_ms), (void)f;"),
    # --- reconnecting ---
    ("the delay grows by the factor", "attempts.c",
     "whole *= power(p->factor, attempt - 1);", "whole /= power(p->factor, attempt - 1);"),
    ("up to max_delay", "attempts.c",
     "  return whole < cap(p) ? whole : cap(p);", "  return whole;"),
    ("jitter shortens it, by its part at most", "attempts.c",
     "return (uint32_t)(whole - (whole - least) * chance);",
     "return (uint32_t)(whole + (whole - least) * chance);"),
    ("by the jitter's part, not all", "attempts.c",
     "double least = whole * (1 - p->jitter);", "double least = whole * p->jitter / 8;"),
    ("jitter alone leaves 100 ms", "attempts.c",
     "least = whole < MIN_WAIT_MS ? whole : MIN_WAIT_MS;", "least = 0;"),
    ("an orderly close has a pause", "attempts.c",
     "if (orderly) delay += m->policy->pause_ms;", "(void)orderly;"),
    ("and nothing else has it", "attempts.c",
     "if (orderly) delay += m->policy->pause_ms;", "if (!orderly) delay += m->policy->pause_ms;"),
    ("Retry-After is the least", "attempts.c",
     "return delay < m->retry_after_ms ? m->retry_after_ms : delay;", "return delay;"),
    ("Retry-After is forgotten by the next attempt", "target.c",
     "  m->retry_after_ms = 0;\n", ""),
    ("a stable connection brings the budget back", "ending.c",
     "now_ms - m->opened_ms >= stable_ms)\n    m->failures = 0;",
     "now_ms - m->opened_ms >= stable_ms)\n    m->failures += 0;"),
    ("only a stable one does", "ending.c",
     "now_ms - m->opened_ms >= stable_ms)", "now_ms + m->opened_ms >= stable_ms)"),
    ("every failed attempt counts", "ending.c",
     "if (m->failures < UINT32_MAX) m->failures++;", "if (m->failures < 1) m->failures++;"),
    ("reconnect() has a fresh budget", "target.c",
     "  m->failures = 0;\n", ""),
    ("a wait ends early when the machine wakes up, not before a second", "attempts.c",
     "uint64_t due_ms = began_ms + SHORTEST_MS;", "uint64_t due_ms = began_ms;"),
    ("what the peer asked for stays", "attempts.c",
     "m->may_shorten = m->retry_after_ms == 0;", "m->may_shorten = true;"),
    ("no more attempts than reconnect.rate says", "attempts.c",
     "  return m->attempts ? wsm_rate_next(m->attempts, 0, now_ms) : now_ms;",
     "  return m ? now_ms : 0;"),
    ("each attempt counts for it", "attempts.c",
     "  return wsm_rate_note(m->attempts, now_ms);", "  return true;"),
    ("reconnect() waits for it, too", "target.c",
     "  if (wsm_attempts_next(m, now_ms) > now_ms) {",
     "  if (m->failures > 0 && wsm_attempts_next(m, now_ms) > now_ms) {"),
    ("a code of reconnect.never is final", "attempts.c",
     "  if (is_never(p, ending->code) || is_never(p, ending->status)) return false;",
     "  if (is_never(p, ending->status)) return false;"),
    ("and a status", "attempts.c",
     "  if (is_never(p, ending->code) || is_never(p, ending->status)) return false;",
     "  if (is_never(p, ending->code)) return false;"),
    ("a status that blames the client is final", "attempts.c",
     "  return !ending->final && !is_hopeless(ending->code);",
     "  return !is_hopeless(ending->code);"),
    ("a code after which all would end the same way is final", "attempts.c",
     "  return !ending->final && !is_hopeless(ending->code);",
     "  return !ending->final;"),
    ("and no other code is", "attempts.c",
     "  return code == WSM_PROTOCOL_ERROR || code == WSM_UNSUPPORTED ||",
     "  return code == WSM_PROTOCOL_ERROR || code == 1011 ||"),
    ("the budget ends the attempts", "attempts.c",
     "  return budget != WSM_UNBOUNDED && m->failures >= budget;",
     "  return budget != WSM_UNBOUNDED && m->failures > budget;"),
    ("the verdict is the owner's", "manager.c",
     "  if (again) wsm_ending_reconnect(m, delay_ms, now_ms);",
     "  if (again || !m->error.final) wsm_ending_reconnect(m, delay_ms, now_ms);"),
    ("a list of delays is followed", "attempts.c",
     "  return lists->delays_ms[i < last ? i : last];",
     "  return lists->delays_ms[i < last ? last : i % 1];"),
    ("it comes before delay and factor", "attempts.c",
     "p->lists && p->lists->delays ? listed(p->lists, attempt)",
     "p->lists && p->lists->delays > 99 ? listed(p->lists, attempt)"),
    # --- sending ---
    ("no more messages than the rate says", "outbox.c",
     "  return m->policy->rate_limit && wsm_sending_next(m, false, now_ms) > now_ms;",
     "  return m->policy->rate_limit && now_ms == 1;"),
    ("the reserve is left to heartbeats and logins", "sending.c",
     "  const uint32_t reserve = urgent ? 0 : p->rate_reserve;",
     "  const uint32_t reserve = urgent ? 0 : p->rate_reserve / 2;"),
    ("what waits to be written counts from when it is", "sending.c",
     "  wsm_rate_move(&s->rate, s->unwritten, now_ms);\n", ""),
    ("what a lost connection had not written does not count", "sending.c",
     "  wsm_rate_undo(&s->rate, undone);\n", "  s->rate.used = 0;\n"),
    ("what is over the rate waits in the outbox", "outbox.c",
     "  const bool waits = is_too_soon(m, now_ms) ||",
     "  const bool waits = !is_too_soon(m, now_ms) &&"),
    ("what expired in the outbox is given up", "outbox.c",
     "  if (now_ms < wsm_outbox_expires_at(m)) return;",
     "  if (now_ms < wsm_outbox_expires_at(m) || now_ms) return;"),
    ("at outbox.age, where that is given", "outbox.c",
     "    aged.expires_ms = now_ms + m->policy->outbox_age_ms;",
     "    aged.expires_ms = now_ms + 3 * m->policy->outbox_age_ms;"),
    ("and that is told", "outbox.c",
     "  wsm_sending_drop(m, WSM_TIMEOUT, &dropped);", "  (void)dropped;"),
    ("what expired is not sent again, either", "outbox.c",
     "  if (terms.expires_ms <= now_ms) {\n    drop(m, WSM_TIMEOUT, next.length);",
     "  if (terms.expires_ms == 0) {\n    drop(m, WSM_TIMEOUT, next.length);"),
    ("what is volatile does not wait", "outbox.c",
     "  if (terms && terms->is_volatile) return WSM_SEND_FULL;\n", ""),
    ("nor is it sent on another connection", "outbox.c",
     "  if (terms->is_volatile || m->policy->outbox_messages == 0)",
     "  if (m->policy->outbox_messages == 0)"),
    ("without an outbox nothing is", "outbox.c",
     "  if (terms->is_volatile || m->policy->outbox_messages == 0)",
     "  if (terms->is_volatile)"),
    ("it is told what a lost connection had not sent", "outbox.c",
     "    drop(m, WSM_CLOSED, message->length);", "    return true;"),
    ("outbox.full = reject drops nothing", "outbox.c",
     "  if (!m->policy->outbox_drops_oldest || n > m->policy->outbox_bytes) return;",
     "  if (n > m->policy->outbox_bytes) return;"),
    ("outbox.full = oldest tells what it drops", "outbox.c",
     "    drop(m, WSM_FULL, oldest.length);\n", ""),
    ("every token has its own event", "sending.c",
     "  if (wsm_sending_untold(m, &dropped) != WSM_NONE)\n", "  if (0)\n"),
    ("limits.send", "manager.c",
     "  if (message->length > m->policy->send_bytes) return WSM_SEND_TOOBIG;\n", ""),
    ("what was not wholly written is sent again", "ending.c",
     "  wsm_outbox_keep_unsent(m, &dropped, now_ms);\n", ""),
    ("before what waits already", "outbox.c",
     "  if (!wsm_message_queue_prepend(&m->outbox, &kept)) {",
     "  if (!wsm_message_queue_prepend(&kept, &m->outbox) ||\n"
     "      (m->outbox = kept, memset(&kept, 0, sizeof kept), false)) {"),
    ("heartbeats are not sent again", "outbox.c",
     "if (wsm_heartbeat_matches(m, &message)) continue;", ""),
    ("new sends go behind what waits", "outbox.c",
     "  if (is_waiting(m)) return push(m, message, terms, now_ms);\n", ""),
    ("the outbox has a bound", "outbox.c",
     "return m->outbox.count < p->outbox_messages && n <= p->outbox_bytes &&",
     "return n <= p->outbox_bytes &&"),
    ("the output has a bound", "outbox.c",
     "return wsm_session_pending(&m->session) >= m->policy->output_bytes;",
     "return wsm_session_pending(&m->session) >= SIZE_MAX;"),
    ("what is not confirmed is sent again on the next connection", "delivery.c",
     "  u->next = 0;\n  u->pending = u->messages.count;\n", ""),
    ("before the outbox", "outbox.c",
     "  while (wsm_delivery_is_resending(m)) {", "  while (m->outbox.count == 0 && wsm_delivery_is_resending(m)) {"),
    ("until it is confirmed", "delivery.c",
     "    if (terms.id_length == n && memcmp(terms.id, id, n) == 0) {", "    if (n > 500) {"),
    ("and no other id confirms it", "delivery.c",
     "    if (terms.id_length == n && memcmp(terms.id, id, n) == 0) {", "    if (n > 0) {"),
    ("what was never wholly written is not among these", "delivery.c",
     "    if (!terms.is_resent && terms.number > written) {", "    if (m->role == WSM_SERVER) {"),
    ("so many may be unconfirmed", "delivery.c",
     "  return u->messages.count < p->unacknowledged_messages &&",
     "  return n < SIZE_MAX ||"),
    ("an id that was heard is heard again", "delivery.c",
     "  if (wsm_ids_has(s->heard, id, n)) return true;\n", ""),
    # --- another connection takes its place ---
    ("the attempt of migrate() counts for the rate", "migration.c",
     "  return wsm_attempts_next(before, now_ms) > now_ms ||\n"
     "         wsm_attempts_note(before, now_ms);", "  return now_ms > 0;"),
    ("and waits for it", "migration.c",
     "  if (before->attempts && !wsm_attempts_copy(m, before)) return false;\n", ""),
    ("what its login sends counts, too", "migration.c",
     "    wsm_rate_note(&before->sending->rate, now_ms);", "    (void)now_ms;"),
    ("what is not confirmed is sent again by the new one", "migration.c",
     "  wsm_delivery_lost(before, UINT64_MAX);\n", ""),
    ("and by it alone", "migration.c",
     "  mark_resent(&taken->output);\n", "  (void)mark_resent;\n"),
    ("the outbox goes along", "migration.c",
     "  m->outbox = before->outbox;\n  before->outbox = empty;\n", "  (void)empty;\n"),
    ("what was received and not taken does", "migration.c",
     "  m->undelivered = before->undelivered;\n",
     "  memset(&m->undelivered, 0, sizeof m->undelivered);\n"),
    ("the old one's messages are read to its end", "migration.c",
     "  before->leaving = wsm_state_is_live(before);", "  before->leaving = false;"),
    ("they come before the new one's", "manager.c",
     "  if (m->held) return WSM_MORE;\n", ""),
    ("to the last", "migration.c",
     "  take_all(m, before, lost, now_ms);\n", "  (void)take_all;\n"),
    ("what the old one had not written is sent", "migration.c",
     "  send_rest(m, before, lost, now_ms);\n", "  (void)send_rest, (void)now_ms;\n"),
    ("what the old one gave up is told", "migration.c",
     "    wsm_sending_drop(m, token, &dropped);\n", ""),
    # --- receiving ---
    ("what nobody took of a lost connection is kept", "ending.c",
     "  wsm_inbox_keep(m, &dropped);\n", ""),
    ("and comes first", "manager.c",
     "  if (m->undelivered.count > 0 && !is_first_held(m)) {",
     "  if (m->undelivered.count > 99 && !is_first_held(m)) {"),
    ("a full inbox stops the reading", "inbox.c",
     "  if (!wsm_state_reads(m) || limit == 0) return false;",
     "  if (limit) return false;"),
    ("until half of it is taken", "inbox.c",
     "  if (m->paused) return unread > limit / 2;", "  if (m->paused) return true;"),
]


def source(rule):
    return pathlib.Path("src/manager") / rule[1]


def inverted(rule):
    """The text of its file with the rule inverted; None: it is not there once."""
    text = source(rule).read_text()
    return text.replace(rule[2], rule[3]) if text.count(rule[2]) == 1 else None


def compile_one(cc, path, out):
    command = shlex.split(cc) + ["-std=gnu99", "-O2", "-w", "-I" + str(out.parent / "include"),
                                 "-Isrc", "-c", "-o", str(out), str(path)]
    return subprocess.run(command, capture_output=True, text=True)


def objects_of(out, root, folders):
    """Those of the sources that there are: others may be left of earlier ones."""
    return [out / "obj" / folder / (source.stem + ".o") for folder in folders
            for source in sorted((pathlib.Path(root) / folder).glob("*.c"))]


def build(rule, out, cc, folder):
    """A simulation with the rule inverted; what went wrong, or None."""
    text = inverted(rule)
    if text is None:
        return "its text is not there once"
    folder.mkdir(parents=True, exist_ok=True)
    objects = objects_of(out, "src", ("base", "http", "websocket", "proxy", "observe"))
    others = objects_of(out, ".", ("simulate",)) + objects
    if rule[1].endswith(".h"):
        include = folder / "include/manager"
        include.mkdir(parents=True, exist_ok=True)
        (include / rule[1]).write_text(text)
        paths = sorted(pathlib.Path("src/manager").glob("*.c"))
        paths += sorted(pathlib.Path("simulate").glob("*.c"))
        others = objects
    else:
        changed = folder / rule[1]
        changed.write_text(text)
        others += [o for o in objects_of(out, "src", ("manager",))
                   if o.stem != pathlib.Path(rule[1]).stem]
        paths = [changed]
    mine = []
    for path in paths:
        mine.append(folder / (path.parent.name + "-" + path.stem + ".o"))
        done = compile_one(cc, path, mine[-1])
        if done.returncode:
            return "does not compile: " + done.stderr.strip()[:300]
    command = shlex.split(cc) + ["-o", str(folder / "simulate")] + [str(o) for o in mine + others]
    done = subprocess.run(command + ["-lcrypto", "-lz", "-lm", "-lpthread"],
                          capture_output=True, text=True)
    return "does not link: " + done.stderr.strip()[:300] if done.returncode else None


def run(program):
    """Which seed noticed, and what; (None, why) if none did."""
    command = [str(program), "SEED=1", f"SEEDS={SEEDS}", "DAYS=1", "JOBS=1", "STOP=1"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace",
                               start_new_session=True)
    try:
        told, _ = running.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return "?", "the simulation does not end"
    found = re.search(r"DOES NOT HOLD: seed (\d+), [^:]*:[^:]*:[^:]*: (.*)", told)
    if found:
        return found.group(1), found.group(2)
    if running.returncode:
        return "?", "the simulation ends with exit status " + str(running.returncode)
    return None, f"{SEEDS} seeds hold"


def check(index, rule, out, cc):
    folder = out / "inverted" / str(index)
    wrong = build(rule, out, cc, folder)
    if wrong:
        return False, wrong
    seed, what = run(folder / "simulate")
    (folder / "simulate").unlink()
    return seed is not None, f"seed {seed}: {what}" if seed else what


# --- by the specs ---

def copy_tree(out):
    """What git knows, and OUT's objects, as old as they are: make compiles no more."""
    tree = out / "inverted/tree"
    shutil.rmtree(tree, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True,
                           text=True).stdout.split("\0")
    for name in filter(lambda n: n and os.path.exists(n), names):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, tree / name)
    shutil.copytree(out / "obj", tree / out / "obj")
    return tree


def check_specs(tree, out):
    """The first failure of the manager's specs; None: there is none."""
    built = subprocess.run(["make", "-s", "build"], cwd=tree, capture_output=True, text=True)
    if built.returncode:
        return "does not compile: " + built.stderr.strip()[:300]
    command = ["scripts/suite", str(out), out.name, "--no-keep-going", "spec/manager"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True,
                          timeout=SECONDS)
    if done.returncode == 0:
        return None
    found = re.search(r"(?:Failure|Error) -> (\S+).*\n(.*)", done.stdout)
    return f"{found.group(1)}: {found.group(2)}" if found else "they do not pass"


def ask_specs(rules, out):
    """The rules that they do not notice, each told."""
    tree, missed = copy_tree(out), []
    wrong = check_specs(tree, out)
    if wrong:
        sys.exit("the specs do not pass with the rules as they are: " + wrong)
    for rule in rules:
        file = tree / source(rule)
        text = file.read_text()
        file.write_text(inverted(rule))
        what = check_specs(tree, out)
        file.write_text(text)
        print(f"{'' if what else 'NOT NOTICED  '}{rule[1]}: {rule[0]}\n"
              f"    {(what or 'the specs of the manager pass')[:110]}", flush=True)
        missed += [] if what else [rule]
    return missed


# --- all ---

def main():
    out, cc, words = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    chosen = [(i, r) for i, r in enumerate(RULES)
              if not words or any(w in r[0] + " " + r[1] for w in words)]
    missed, wrong = [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda one: check(one[0], one[1], out, cc), chosen)
        for (_, rule), (noticed, what) in zip(chosen, results):
            held = what.endswith("seeds hold")
            wrong += not noticed and not held
            missed += [rule] if held else []
            print(f"{'' if noticed else 'NOT BY A WORLD  '}{rule[1]}: {rule[0]}\n    {what[:110]}",
                  flush=True)
    print(f"{len(chosen) - len(missed) - wrong} of {len(chosen)} inverted rules were noticed "
          "by worlds")
    if missed:
        print("by the specs of the manager, on a fake clock, alone:")
        missed = ask_specs(missed, out)
    return 1 if missed or wrong else 0


sys.exit(main())
