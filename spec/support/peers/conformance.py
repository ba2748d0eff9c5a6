"""A fuzzing peer: plays the cases of conformance_cases.py and judges each.

Options: connect { host, port } to be the client of a server, then `cases`, a
list of case numbers, and parallel (8), how many at once; else it listens, and
the path of each connection names its case: "/6.4.1". share (1): of the round
trips where a case has many. pause (1): seconds where a case waits a second.
patience (1): each deadline so many times longer, but drop (0.45): seconds for
the end of TCP after the close. window (9): bits of the small window in group
13. made: cases of one's own, each { id, code, steps, chop }, played between the
texts "before" and "after"; see conformance_cases.py.

Events: verdict { case, behavior, close, clean, code, tcp, ms, detail } with
  behavior  OK, NON-STRICT, FAILED, INFORMATIONAL, UNIMPLEMENTED
  close     OK, FAILED, UNCLEAN, WRONG CODE, FAILED BY CLIENT (the server should
            have ended TCP), INFORMATIONAL
  clean     whether both close frames were exchanged
  tcp       the peer's end: fin, reset, late (none in time), killed (ours)
  ms        from both close frames to the end of TCP
  detail    what was wrong
A client's last event is done.
"""

import base64
import concurrent.futures
import hashlib
import os
import re
import socket
import threading

import conformance_cases
import conformance_deflate
from fuzzer import Fuzzer
from peer import OPTIONS, begin, tell

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE = OPTIONS.get("patience", 1)
Fuzzer.close_seconds *= PATIENCE
Fuzzer.drop_seconds = OPTIONS.get("drop", Fuzzer.drop_seconds)
LONG = 60                      # seconds for an opening handshake
MORE = 5                       # seconds for the close after a case's last one

CASES = conformance_cases.cases()
CASES.update(conformance_deflate.cases())
CASES.update((one["id"], conformance_cases.made(one))
             for one in OPTIONS.get("made", []))


class Refused(Exception):
    """No opening handshake came of it."""


# --- the opening handshake ---

def read_head(sock):
    """The head, and what came behind it."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = sock.recv(4096)
        if not more:
            raise Refused("the peer ended within the opening handshake")
        head += more
    head, _, rest = head.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def field(head, name):
    found = re.findall(rf"(?im)^{name}:[ \t]*(.*?)[ \t]*\r?$", head)
    return ", ".join(found)


def answer_to(key):
    digest = hashlib.sha1(key.encode() + GUID).digest()
    return base64.b64encode(digest).decode()


def accept(sock):
    """The case that a client asks for, and its Fuzzer."""
    head, rest = read_head(sock)
    path = head.split(" ", 2)[1]
    case = CASES.get(path.lstrip("/"))
    if not case:
        sock.sendall(b"HTTP/1.1 404 No such case\r\nContent-Length: 0\r\n\r\n")
        raise Refused(f"there is no case {path}")
    extra, deflate = conformance_deflate.choose(
        case, field(head, "Sec-WebSocket-Extensions"))
    sock.sendall(
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
         "Connection: Upgrade\r\nSec-WebSocket-Accept: "
         f"{answer_to(field(head, 'Sec-WebSocket-Key'))}\r\n{extra}\r\n"
         ).encode())
    fuzzer = Fuzzer(sock, True, deflate)
    fuzzer.held += rest
    return case, fuzzer


def connect(case):
    where = OPTIONS["connect"]
    address = where.get("host", "127.0.0.1"), where["port"]
    sock = socket.create_connection(address, LONG)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        (f"GET /{case.id} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
         "Upgrade: websocket\r\nConnection: Upgrade\r\n"
         f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
         f"{conformance_deflate.offer(case)}\r\n").encode())
    head, rest = read_head(sock)
    if (" 101 " not in head.split("\r\n")[0] + " "
            or field(head, "Sec-WebSocket-Accept") != answer_to(key)):
        raise Refused(head.split("\r\n")[0])
    fuzzer = Fuzzer(sock, False, conformance_deflate.agree(
        case, field(head, "Sec-WebSocket-Extensions")))
    fuzzer.held += rest
    return fuzzer


# --- a case ---

def play(case, fuzzer):
    fuzzer.share = OPTIONS.get("share", 1)
    fuzzer.pause = OPTIONS.get("pause", 1)
    fuzzer.patience = PATIENCE

    def on_heard():
        if (case.closed_by_me and case.close_when_heard
                and fuzzer.received == case.strict):
            fuzzer.close()

    def on_late():
        if case.last == "kill":
            fuzzer.drop(True)
        else:
            fuzzer.close()

    fuzzer.heard = on_heard
    for step in case.steps:
        if fuzzer.ended or step(fuzzer) is False:
            break
    seconds = case.seconds * PATIENCE
    fuzzer.alarm("late", seconds, on_late)
    fuzzer.run(seconds + MORE)
    fuzzer.end("late")


def behavior(case, fuzzer):
    if case.offers and not fuzzer.deflate:
        return "UNIMPLEMENTED"
    if fuzzer.violation:
        return "FAILED"
    if fuzzer.received == case.strict:
        return "OK"
    if case.lax is not None and fuzzer.received == case.lax:
        return "NON-STRICT"
    return "FAILED"


def manner(case, fuzzer):
    """Of the close, as the suite judges it."""
    code = fuzzer.remote_code
    if fuzzer.closed_by_me != case.closed_by_me:
        return "FAILED"
    if case.clean and not fuzzer.was_clean:
        return "UNCLEAN"
    if code is not None and code not in case.codes:
        return "WRONG CODE"
    if not fuzzer.is_server and fuzzer.dropped_by_me:
        return "FAILED BY CLIENT"
    return "OK"


def show(event):
    return tuple(v if not isinstance(v, bytes) or len(v) < 40
                 else v[:16] + b"... %d bytes" % len(v) for v in event)


def detail(case, fuzzer):
    said = [show(event) for event in fuzzer.received]
    text = f"received {said}, closed {fuzzer.remote_code}"
    if fuzzer.remote_reason:
        text += f" {fuzzer.remote_reason!r}"
    return f"{fuzzer.violation}; {text}" if fuzzer.violation else text


def report(case, fuzzer):
    ms = None
    if fuzzer.both_at and fuzzer.ended_at:
        ms = round(1000 * (fuzzer.ended_at - fuzzer.both_at))
    is_open = case.informational
    tell("verdict", case=case.id, behavior=behavior(case, fuzzer),
         close=manner(case, fuzzer), informational=is_open,
         clean=fuzzer.was_clean, code=fuzzer.remote_code, tcp=fuzzer.ended,
         ms=ms, detail=detail(case, fuzzer))


def fail(case, why):
    tell("verdict", case=case.id, behavior="FAILED", close="FAILED",
         informational=case.informational, clean=False, code=None, tcp=None,
         ms=None, detail=why)


# --- both roles ---

def serve_one(sock):
    sock.settimeout(LONG)
    try:
        case, fuzzer = accept(sock)
    except (OSError, Refused) as error:
        tell("refused", why=str(error))
        sock.close()
        return
    play(case, fuzzer)
    report(case, fuzzer)


def serve():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", OPTIONS.get("port", 0)))
    sock.listen(128)
    begin(sock.getsockname()[1], life=600)
    while True:
        one, _ = sock.accept()
        threading.Thread(target=serve_one, args=(one,), daemon=True).start()


def try_one(case):
    try:
        fuzzer = connect(case)
    except (OSError, Refused) as error:
        fail(case, f"no connection: {error}")
        return
    play(case, fuzzer)
    report(case, fuzzer)


def attack():
    begin(0, life=600)
    wanted = [CASES[id] for id in OPTIONS["cases"]]
    with concurrent.futures.ThreadPoolExecutor(
            OPTIONS.get("parallel", 8)) as pool:
        list(pool.map(try_one, wanted))
    tell("done")


if OPTIONS.get("list"):
    begin(0, life=600)
    tell("cases", ids=list(CASES))
elif "connect" in OPTIONS:
    attack()
else:
    serve()
