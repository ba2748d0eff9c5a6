"""A raw TCP peer that plays a script, for faults no real peer would commit.

Options: connect { host, port | path } to play a client; else it listens:
host, port, path (a Unix socket), backlog, accept = false (the kernel accepts,
nobody speaks). tls { cert, key, min, max } for a server, tls {} for a client
(min and max as "TLSv1_2"; with either, any key and cipher is good; "early": a
client sends the first bytes of its script together with its Finished). seconds
(60) bounds each step. script is played on each connection; with `scripts`, the
first connection plays the first, and so on, the last again and again. Steps,
each a list:

  ["send", hex]          ["text", text]       ["drip", hex, seconds]  one byte
                         a packet, then a pause if there are seconds
  ["until", text]        reads up to and with the text
  ["await", n]           reads n bytes more
  ["frame"]              reads one frame, and unmasks it
  ["accept", headers]    ["until", blank line], then the 101; headers: "A: b\\r\\n"
  ["request", path, headers]   the opening handshake of a client
  ["masked", first, hex]       a masked frame whose first byte is `first`
  ["flood", hex, n]      the bytes n times
  ["drain"]              reads until the peer's end
  ["sip", n, seconds]    the same, n bytes at a time with a pause after each
  ["stall"]              reads nothing more, until the peer ends
  ["shutdown"]           says no more, goes on reading
  ["cut"]                RST        ["close"]   FIN
  ["notify"]             TLS's close_notify, then FIN
  ["pace", seconds]      with the option relay = true: what follows goes out byte
                         by byte, below TLS, with a pause after each

Events: connected { number }, read { number, hex, n } (of until, await, frame,
drain; hex holds at most 64 KiB), frame { number, first, hex },
ended { number, how } with how: done, cut, close, end (the peer's), reset,
timeout. An accepted socket that has played its script is closed.
"""

import base64
import contextlib
import hashlib
import itertools
import os
import re
import select
import socket
import ssl
import struct
import threading
import time
import warnings

from peer import OPTIONS, begin, tell

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SHOWN = 65536

warnings.simplefilter("ignore", DeprecationWarning)


class Ended(Exception):
    """The script is over; its text says how."""


class Player:
    def __init__(self, sock, number):
        self.sock, self.number = sock, number
        self.held = bytearray()
        self.head = b""
        sock.settimeout(OPTIONS.get("seconds", 60))

    def tell(self, event, **fields):
        tell(event, number=self.number, **fields)

    def show(self, data):
        self.tell("read", hex=data[:SHOWN].hex(), n=len(data))

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Ended("end")
        self.held += data

    def take(self, n):
        while len(self.held) < n:
            self.more()
        data = bytes(self.held[:n])
        del self.held[:n]
        return data

    def take_until(self, mark):
        while mark not in self.held:
            self.more()
        return self.take(self.held.index(mark) + len(mark))

    def take_frame(self):
        first, second = self.take(2)
        n = second & 127
        if n == 126:
            n, = struct.unpack(">H", self.take(2))
        elif n == 127:
            n, = struct.unpack(">Q", self.take(8))
        key = self.take(4) if second & 128 else bytes(4)
        return first, xor(self.take(n), key)

    def send(self, hex):
        self.sock.sendall(bytes.fromhex(hex))

    def text(self, text):
        self.sock.sendall(text.encode())

    def drip(self, hex, seconds=0):
        for byte in bytes.fromhex(hex):
            self.sock.sendall(bytes([byte]))
            time.sleep(seconds)

    def until(self, mark):
        self.head = self.take_until(mark.encode())
        self.show(self.head)

    def await_(self, n):
        self.show(self.take(n))

    def frame(self):
        first, payload = self.take_frame()
        self.tell("frame", first=first, hex=payload[:SHOWN].hex())

    def accept(self, headers=""):
        self.until("\r\n\r\n")
        key = re.search(rb"(?im)^sec-websocket-key:\s*(\S+)", self.head)
        digest = hashlib.sha1(key.group(1) + GUID).digest() if key else b""
        self.text(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Accept: "
            f"{base64.b64encode(digest).decode()}\r\n{headers}\r\n"
        )

    def request(self, path="/", headers=""):
        self.text(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY.decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\n{headers}\r\n"
        )

    def masked(self, first, hex):
        payload = bytes.fromhex(hex)
        n = len(payload)
        if n < 126:
            length = bytes([128 | n])
        elif n < 65536:
            length = struct.pack(">BH", 128 | 126, n)
        else:
            length = struct.pack(">BQ", 128 | 127, n)
        key = os.urandom(4)
        self.sock.sendall(bytes([first]) + length + key + xor(payload, key))

    def flood(self, hex, n):
        block = bytes.fromhex(hex)
        each = max(1, 65536 // max(1, len(block)))
        for at in range(0, n, each):
            self.sock.sendall(block * min(each, n - at))

    def drain(self):
        try:
            while True:
                self.more()
        finally:
            self.show(self.held)

    def sip(self, n, seconds):
        all = 0
        try:
            while True:
                data = self.sock.recv(n)
                if not data:
                    raise Ended("end")
                all += len(data)
                time.sleep(seconds)
        finally:
            self.tell("read", hex="", n=all)

    def stall(self):
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLRDHUP)
        ready = poll.poll(1000 * OPTIONS.get("seconds", 60))
        if not ready:
            raise Ended("timeout")
        raise Ended("reset" if ready[0][1] & select.POLLERR else "end")

    def shutdown(self):
        self.sock.shutdown(socket.SHUT_WR)

    def cut(self):
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise Ended("cut")

    def notify(self):
        try:
            self.sock.unwrap()
        except OSError:
            pass  # the peer need not answer it
        raise Ended("close")

    def close(self):
        raise Ended("close")

    def pace(self, seconds):
        PACE[0] = seconds

    def play(self, script):
        self.tell("connected")
        try:
            for word, *rest in script:
                getattr(self, "await_" if word == "await" else word)(*rest)
            how = "done"
        except Ended as ended:
            how = str(ended)
        except TimeoutError:
            how = "timeout"
        except (ConnectionError, ssl.SSLError):
            how = "reset"
        self.sock.close()
        self.tell("ended", how=how)


def xor(data, key):
    stream = int.from_bytes((key * (len(data) // 4 + 1))[:len(data)], "big")
    return (int.from_bytes(data, "big") ^ stream).to_bytes(len(data), "big")


PACE = [0]


def relayed(sock):
    """A socket between which and the peer a thread each way carries the bytes."""
    inner, outer = socket.socketpair()

    def carry(source, to, is_paced):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                size = 1 if is_paced and PACE[0] else len(data)
                for at in range(0, len(data), size):
                    to.sendall(data[at:at + size])
                    time.sleep(PACE[0] if is_paced else 0)
            to.shutdown(socket.SHUT_WR)

    for way in ((sock, outer, False), (outer, sock, True)):
        threading.Thread(target=carry, args=way, daemon=True).start()
    return inner


class Early:
    """A TLS client's socket: what is sent first goes with the Finished."""

    def __init__(self, sock, context):
        self.sock = sock
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.arrived, self.leaving)
        self.until_read(self.tls.do_handshake, self.flush)

    def flush(self):
        self.sock.sendall(self.leaving.read())

    def until_read(self, step, before=lambda: None):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                before()
                data = self.sock.recv(65536)
                if not data:
                    return b""
                self.arrived.write(data)

    def sendall(self, data):
        self.tls.write(data)
        self.flush()

    def recv(self, n):
        return self.until_read(lambda: self.tls.read(n))

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def close(self):
        self.sock.close()


def secure(sock, side):
    tls = OPTIONS.get("tls")
    if tls is None:
        return sock
    context = ssl.SSLContext(side)
    if {"min", "max"} & set(tls):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if side == ssl.PROTOCOL_TLS_SERVER:
        context.load_cert_chain(tls["cert"], tls["key"])
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "min" in tls:
        context.minimum_version = ssl.TLSVersion[tls["min"]]
    if "max" in tls:
        context.maximum_version = ssl.TLSVersion[tls["max"]]
    sock.settimeout(OPTIONS.get("seconds", 60))
    if tls.get("early"):
        return Early(sock, context)
    return context.wrap_socket(sock, server_side=side == ssl.PROTOCOL_TLS_SERVER)


def serve_one(sock, number, script):
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if OPTIONS.get("relay"):
            sock = relayed(sock)
        sock = secure(sock, ssl.PROTOCOL_TLS_SERVER)
    except OSError as error:
        tell("ended", number=number, how="tls", why=str(error))
        return
    Player(sock, number).play(script)


def scripts():
    """The script of each connection in turn, without an end."""
    given = OPTIONS.get("scripts") or [OPTIONS.get("script") or []]
    return itertools.chain(given, itertools.repeat(given[-1]))


def listener():
    if "path" in OPTIONS:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(OPTIONS["path"])
    else:
        host = OPTIONS.get("host", "127.0.0.1")
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, OPTIONS.get("port", 0)))
    sock.listen(OPTIONS.get("backlog", 64))
    return sock


def serve():
    sock = listener()
    begin(0 if "path" in OPTIONS else sock.getsockname()[1], life=600)
    if OPTIONS.get("accept") is False:
        threading.Event().wait()
    for number, script in enumerate(scripts(), 1):
        one, _ = sock.accept()
        threading.Thread(
            target=serve_one, args=(one, number, script), daemon=True
        ).start()


def connect(where):
    begin(0, life=600)
    if "path" in where:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(where["path"])
    else:
        address = where.get("host", "127.0.0.1"), where["port"]
        sock = socket.create_connection(address, OPTIONS.get("seconds", 60))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock = secure(sock, ssl.PROTOCOL_TLS_CLIENT)
    Player(sock, 1).play(OPTIONS.get("script") or [])


if "connect" in OPTIONS:
    connect(OPTIONS["connect"])
else:
    serve()
