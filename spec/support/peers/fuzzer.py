"""A WebSocket peer that may break every rule, and judges what comes back.

One Fuzzer is one connection, a client or a server, on a socket of its own. It
sends what it is told in the pieces it is told, keeps what it received, follows
the closing handshake (RFC 6455 7) with the clocks of a strict peer, and notes
how TCP ended. It never repairs what it is told to send.
"""

import collections
import os
import select
import socket
import struct
import time

OPEN, CLOSING, CLOSED = "open", "closing", "closed"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

READ_SIZE = 1 << 18
PAUSED_PIECES = 256     # so few pieces go out one packet each


class Violation(Exception):
    """The peer broke a rule; the text says which."""


def xor(data, key):
    n = len(data)
    stream = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(data, "big")
            ^ int.from_bytes(stream, "big")).to_bytes(n, "big")


def head(first, n, masked):
    bit = 128 if masked else 0
    if n < 126:
        return bytes([first, bit | n])
    if n < 65536:
        return struct.pack(">BBH", first, bit | 126, n)
    return struct.pack(">BBQ", first, bit | 127, n)


def is_valid_code(code):
    return (1000 <= code <= 1003 or 1007 <= code <= 1014
            or 3000 <= code <= 4999)


class Fuzzer:
    close_seconds = 1.0     # for the peer's answer to our close frame
    drop_seconds = 0.45     # for the end of TCP after both; the suite gives a
                            # server 0.5 s where it is most impatient

    def __init__(self, sock, is_server, deflate=None):
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.is_server, self.deflate = sock, is_server, deflate
        self.state = OPEN
        self.held = bytearray()
        self.out = collections.deque()      # pieces, each a packet if possible
        self.soft = bytearray()             # frames that go in one piece
        self.parts, self.opcode, self.packed = [], None, False
        self.received = []
        self.heard = lambda: None           # called after each event
        self.alarms = {}
        self.closed_by_me = self.dropped_by_me = self.was_clean = False
        self.remote_code = self.remote_reason = None
        self.violation = None
        self.ended = None                   # "fin", "reset", "killed", "late"
        self.both_at = self.ended_at = None
        self.open_key = self.open_at = None
        self.share = self.pause = self.patience = 1

    # --- out ---

    def queue(self, data, chop=0, sync=False):
        if not chop and not sync:
            self.soft += data
            return
        self.harden()
        view = memoryview(bytes(data))
        step = chop or len(view) or 1
        for at in range(0, len(view), step):
            self.out.append(view[at:at + step])

    def harden(self):
        if self.soft:
            self.out.append(memoryview(bytes(self.soft)))
            self.soft = bytearray()

    def frame(self, opcode, payload=b"", fin=True, rsv=0, chop=0, sync=False):
        """Queues a frame as it is told; nothing is checked."""
        first = (128 if fin else 0) | rsv << 4 | opcode
        data = head(first, len(payload), not self.is_server)
        if not self.is_server:
            key = os.urandom(4)
            data += key + xor(payload, key)
        else:
            data += payload
        self.queue(data, chop, sync)

    def begin(self, opcode, n):
        """Queues the head of a frame of n bytes; `data` brings them."""
        self.open_key = b"" if self.is_server else os.urandom(4)
        self.open_at = 0
        self.queue(head(128 | opcode, n, not self.is_server) + self.open_key)

    def data(self, payload):
        at, self.open_at = self.open_at % 4, self.open_at + len(payload)
        if self.open_key:
            payload = xor(payload, self.open_key[at:] + self.open_key[:at])
        self.queue(payload)

    def message(self, payload, binary=False, size=0):
        """Queues a message, compressed if that was agreed on, in frames of
        `size` bytes; returns how many continuations were sent."""
        rsv = 0
        if self.deflate:
            payload, rsv = self.deflate.pack(payload), 4
        opcode = BINARY if binary else TEXT
        size = size or len(payload) or 1
        count = max(1, -(-len(payload) // size))
        for i in range(count):
            self.frame(opcode if i == 0 else CONTINUATION,
                       payload[i * size:(i + 1) * size], i == count - 1,
                       rsv if i == 0 else 0)
        return count - 1

    def close(self, payload=struct.pack(">H", 1000), reply=False):
        """Begins or answers the closing handshake; payload is not checked."""
        if self.state != OPEN:
            return
        self.frame(CLOSE, payload)
        self.state = CLOSING
        self.closed_by_me = not reply
        if not reply:
            self.alarm("close", self.close_seconds, lambda: self.drop(True))

    def drop(self, abort=False):
        """Ends TCP: by a FIN, and hears how the peer ends; or by a RST."""
        if self.ended:
            return
        self.dropped_by_me = True
        self.state = CLOSED
        if abort:
            linger = struct.pack("ii", 1, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.end("killed")
            return
        self.flush()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.alarm("end", self.drop_seconds, lambda: self.end("late"))

    # --- in ---

    def parse(self):
        while self.state != CLOSED and self.parse_frame():
            pass

    def parse_frame(self):
        held = self.held
        if len(held) < 2:
            return False
        first, second = held[0], held[1]
        n, at = second & 127, 2
        if n == 126:
            if len(held) < 4:
                return False
            n, at = struct.unpack_from(">H", held, 2)[0], 4
            self.check(n > 125, "a length that is not minimal")
        elif n == 127:
            if len(held) < 10:
                return False
            n, at = struct.unpack_from(">Q", held, 2)[0], 10
            self.check(n > 65535, "a length that is not minimal")
        masked = second & 128 != 0
        self.check(masked == self.is_server, "a frame masked or not, wrongly")
        if len(held) < at + 4 * masked + n:
            return False
        key = bytes(held[at:at + 4]) if masked else None
        at += 4 * masked
        payload = bytes(memoryview(held)[at:at + n])
        del held[:at + n]
        self.take(first, xor(payload, key) if masked else payload)
        return True

    def check(self, fine, what):
        if not fine:
            raise Violation(what)

    def take(self, first, payload):
        opcode, fin, rsv = first & 15, first & 128 != 0, first >> 4 & 7
        if opcode >= 8:
            self.check(fin and rsv == 0 and len(payload) <= 125,
                       "an illegal control frame")
            self.take_control(opcode, payload)
            return
        self.check(opcode <= 2, f"opcode {opcode}")
        self.check((opcode == 0) == (self.opcode is not None),
                   "fragments in disorder")
        if opcode:
            self.check(rsv == 0 or rsv == 4 and self.deflate, f"RSV {rsv}")
            self.opcode, self.packed = opcode, rsv == 4
        else:
            self.check(rsv == 0, f"RSV {rsv} in a continuation")
        self.parts.append(payload)
        if fin:
            self.take_message()

    def take_message(self):
        payload, opcode = b"".join(self.parts), self.opcode
        self.parts, self.opcode = [], None
        if self.packed:
            payload = self.deflate.unpack(payload)
        if opcode == TEXT:
            try:
                payload.decode()
            except UnicodeDecodeError:
                raise Violation("text that is not UTF-8") from None
        self.hear("message", payload, opcode == BINARY)

    def take_control(self, opcode, payload):
        if opcode == CLOSE:
            self.take_close(payload)
        else:
            self.check(opcode <= PONG, f"opcode {opcode}")
            self.hear("ping" if opcode == PING else "pong", payload)

    def hear(self, *event):
        self.received.append(event)
        self.heard()

    def take_close(self, payload):
        self.check(len(payload) != 1, "half a close code")
        if payload:
            self.remote_code, = struct.unpack_from(">H", payload)
            self.remote_reason = payload[2:].decode("utf-8", "replace")
            self.check(is_valid_code(self.remote_code),
                       f"close code {self.remote_code}")
        self.was_clean = True
        self.both_at = time.monotonic()
        self.alarms.pop("close", None)
        self.close(reply=True)
        if self.is_server:
            self.drop()
        else:
            self.state = CLOSED
            self.alarm("drop", self.drop_seconds, self.drop_late)

    def drop_late(self):
        self.was_clean = False
        self.drop(True)

    # --- the wheel ---

    def alarm(self, name, seconds, call):
        self.alarms[name] = time.monotonic() + seconds, call

    def end(self, how):
        if not self.ended:
            self.ended, self.ended_at = how, time.monotonic()
            self.state = CLOSED
            self.alarms.clear()
            self.sock.close()

    def write_some(self):
        piece = self.out[0]
        try:
            n = self.sock.send(piece)
        except BlockingIOError:
            return
        except OSError:
            self.out.clear()                # how it ended, reading will tell
            return
        if n < len(piece):
            self.out[0] = piece[n:]
        else:
            self.out.popleft()

    def read_some(self):
        try:
            data = self.sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self.end("reset")
            return
        if not data:
            self.end("fin")
            return
        self.held += data
        try:
            self.parse()
        except Violation as violation:
            self.violation = f"we got {violation}"
            self.drop(True)

    def flush(self):
        self.harden()
        last = time.monotonic() + 5
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT)
        while self.out and time.monotonic() < last and poll.poll(1000):
            self.write_some()

    def ring(self):
        now = time.monotonic()
        for name, (due, call) in list(self.alarms.items()):
            if due <= now and name in self.alarms:
                del self.alarms[name]
                call()

    def turn(self, deadline):
        """Waits for the socket, an alarm or the deadline; acts on it."""
        self.harden()
        due = min([deadline] + [at for at, _ in self.alarms.values()])
        poll = select.poll()
        poll.register(self.sock, select.POLLIN
                      | (select.POLLOUT if self.out else 0))
        ready = poll.poll(max(0, due - time.monotonic()) * 1000)
        events = ready[0][1] if ready else 0
        if events & ~select.POLLOUT:
            self.read_some()
        if events & select.POLLOUT and self.out and not self.ended:
            self.write_some()
            if 0 < len(self.out) < PAUSED_PIECES:
                time.sleep(0.0001)          # a packet each
        self.ring()

    def run(self, seconds, done=lambda: False):
        """Turns until it is done, ended, or so many seconds have passed."""
        deadline = time.monotonic() + seconds
        while not self.ended and not done() and time.monotonic() < deadline:
            self.turn(deadline)
        return self.ended or done()

    def push(self):
        """Until all that is queued is with the kernel."""
        self.harden()
        self.run(60, lambda: not self.out)
