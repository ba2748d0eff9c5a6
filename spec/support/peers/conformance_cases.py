"""The cases of the well-known fuzzing suite, by its numbers: groups 1 to 10.

A case says what a fuzzer sends, what it may hear (the strict reading and, where
one is tolerated, the lax one), and how the connection has to close. Steps are
functions of a Fuzzer; one that waits returns whether to go on. Compression,
groups 12 and 13, is in conformance_deflate.py.
"""

import dataclasses
import struct
import zlib

from fuzzer import BINARY, CONTINUATION, OPEN, PING, PONG, TEXT

NORMAL, PROTOCOL, INVALID = 1000, 1002, 1007
HELLO = b"Hello, world!"
KILOBYTE, MEGABYTE = 1 << 10, 1 << 20


@dataclasses.dataclass
class Case:
    id: str
    steps: list
    strict: list                  # events, in order
    lax: list = None
    closed_by_me: bool = True     # who begins the closing handshake
    codes: tuple = (NORMAL,)      # the peer's close code
    clean: bool = True            # does the suite insist on both close frames?
    close_when_heard: bool = True
    last: str = "close"           # what is done to a peer that is late: kill
    seconds: float = 1.0          # late
    informational: bool = False
    offers: list = None           # of compression, the fuzzer's as a client
    accepts: list = None          # and as a server


# --- steps ---

def frame(opcode, payload=b"", **how):
    def send(fuzzer):
        fuzzer.frame(opcode, payload, **how)
    return send


def message(payload, binary=False, size=0):
    def send(fuzzer):
        fuzzer.message(payload, binary, size)
    return send


def begin(opcode, n):
    def send(fuzzer):
        fuzzer.begin(opcode, n)
    return send


def data(payload):
    def send(fuzzer):
        fuzzer.data(payload)
    return send


def close(payload=struct.pack(">H", NORMAL)):
    def send(fuzzer):
        fuzzer.close(payload)
    return send


def raw(payload, chop=0):
    """Bytes of a frame that no function above would make. The mask bit and a
    key of zeros are put in for a client: the first two bytes begin a head."""
    def send(fuzzer):
        data = payload
        if not fuzzer.is_server:
            data = data[:1] + bytes([data[1] | 128]) + data[2:] + bytes(4)
        fuzzer.queue(data, chop)
    return send


def mismasked(opcode, payload, chop=0):
    """A frame masked as only the other role may."""
    def send(fuzzer):
        fuzzer.is_server = not fuzzer.is_server
        fuzzer.frame(opcode, payload, chop=chop)
        fuzzer.is_server = not fuzzer.is_server
    return send


def wait(tag=None, until_end=False):
    """A second of the suite's; with a tag, what is heard of it is noted. With
    until_end the peer has to end the connection, and may take its time."""
    def pause(fuzzer):
        fuzzer.push()
        fuzzer.run(fuzzer.pause * (fuzzer.patience if until_end else 1),
                   lambda: fuzzer.state != OPEN)
        if fuzzer.state != OPEN:
            return False
        if tag:
            fuzzer.received.append(("timeout", tag))
        return True
    return pause


# --- the three shapes of a case ---

def echoed(id, steps, strict, seconds=1.0, **more):
    return Case(id, steps, strict, seconds=seconds, **more)


def failed(id, steps, strict=(), lax=None, code=PROTOCOL, seconds=1.0):
    return Case(id, steps, list(strict), lax, closed_by_me=False,
                codes=(code,), clean=False, last="kill", seconds=seconds)


def closed(id, steps, codes=(NORMAL,), clean=True, **more):
    return Case(id, steps, more.pop("strict", []), codes=codes, clean=clean,
                close_when_heard=False, last="kill", **more)


def heard(payload, binary=False):
    return ("message", payload, binary)


def fill(pattern, n):
    return (pattern * (n // len(pattern) + 1))[:n]


# --- 1: framing ---

def framing():
    sizes = [0, 125, 126, 127, 128, 65535, 65536, 65536]
    for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for i, n in enumerate(sizes, 1):
            payload = byte * n
            yield echoed(f"1.{group}.{i}",
                         [frame(opcode, payload, chop=997 if i == 8 else 0)],
                         [heard(payload, opcode == BINARY)],
                         seconds=10 if i > 5 else 1)


# --- 2: pings and pongs ---

def pings():
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    long = b"\xfe" * 125
    many = [b"payload-%d" % i for i in range(10)]
    for i, payload in enumerate([b"", HELLO, binary, long], 1):
        yield echoed(f"2.{i}", [frame(PING, payload)], [("pong", payload)])
    yield failed("2.5", [frame(PING, long + b"\xfe")])
    yield echoed("2.6", [frame(PING, long, chop=1)], [("pong", long)], 2)
    yield echoed("2.7", [frame(PONG), close()], [])
    yield echoed("2.8", [frame(PONG, b"unsolicited pong payload"), close()],
                 [])
    yield echoed("2.9", [frame(PONG, b"unsolicited pong payload"),
                         frame(PING, b"ping payload")],
                 [("pong", b"ping payload")])
    for i, chop in ((10, 0), (11, 1)):
        yield echoed(f"2.{i}", [frame(PING, p, chop=chop) for p in many],
                     [("pong", p) for p in many], 3)


# --- 3: reserved bits ---

def reserved_bits():
    def after_hello(id, rsv, **how):
        return failed(id, [frame(TEXT, HELLO, **how),
                           frame(TEXT, HELLO, rsv=rsv, **how),
                           frame(PING, **how)], [heard(HELLO)], [])
    yield failed("3.1", [frame(TEXT, HELLO, rsv=1)])
    yield after_hello("3.2", 2)
    yield after_hello("3.3", 3, sync=True)
    yield after_hello("3.4", 4, chop=1)
    yield failed("3.5", [frame(BINARY, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",
                               rsv=5)])
    yield failed("3.6", [frame(PING, HELLO, rsv=6)])
    yield failed("3.7", [frame(8, rsv=7)])


# --- 4: reserved opcodes ---

def reserved_opcodes():
    for group, first in ((1, 3), (2, 11)):
        yield failed(f"4.{group}.1", [frame(first)])
        yield failed(f"4.{group}.2", [frame(first + 1, b"reserved opcode")])
        for i, payload, chop in ((3, b"", 0), (4, HELLO, 0), (5, HELLO, 1)):
            yield failed(f"4.{group}.{i}",
                         [frame(TEXT, HELLO, chop=chop),
                          frame(first + i - 1, payload, chop=chop),
                          frame(PING, chop=chop)], [heard(HELLO)], [])


# --- 5: fragmentation ---

HOW = [{}, {"sync": True}, {"chop": 1}]


def fragmentation():
    one, two, three, four = (b"fragment%d" % i for i in range(1, 5))
    ping = b"ping payload"
    yield failed("5.1", [frame(PING, one, fin=False), frame(0, two)])
    yield failed("5.2", [frame(PONG, one, fin=False), frame(0, two)])
    for i, how in enumerate(HOW):
        yield echoed(f"5.{3 + i}", [frame(TEXT, one, fin=False, **how),
                                    frame(0, two, **how)], [heard(one + two)])
        yield echoed(f"5.{6 + i}", [frame(TEXT, one, fin=False, **how),
                                    frame(PING, ping, **how),
                                    frame(0, two, **how)],
                     [("pong", ping), heard(one + two)])
        for at, fin in ((9, True), (12, False)):
            yield failed(f"5.{at + i}",
                         [frame(0, b"non-continuation payload", fin=fin, **how),
                          frame(TEXT, HELLO, **how)])
    yield failed("5.15", [frame(TEXT, one, fin=False), frame(0, two),
                          frame(0, three, fin=False), frame(TEXT, four)],
                 [heard(one + two)], [])
    for i, fin in ((16, False), (17, True)):
        yield failed(f"5.{i}", [frame(0, one, fin=fin),
                                frame(TEXT, two, fin=False),
                                frame(0, three)] * 2)
    yield failed("5.18", [frame(TEXT, one, fin=False), frame(TEXT, two)])
    for i, how in enumerate(HOW[:2]):
        yield interleaved(f"5.{19 + i}", how)


def interleaved(id, how):
    parts = [b"fragment%d" % i for i in range(1, 6)]
    first, second = b"pongme 1!", b"pongme 2!"
    return echoed(id, [frame(TEXT, parts[0], fin=False, **how),
                       frame(0, parts[1], fin=False, **how),
                       frame(PING, first, **how), wait(),
                       frame(0, parts[2], fin=False, **how),
                       frame(0, parts[3], fin=False, **how),
                       frame(PING, second, **how), frame(0, parts[4], **how)],
                  [("pong", first), ("pong", second),
                   heard(b"".join(parts))])


# --- 6: UTF-8 ---

GREEK = bytes.fromhex("cebae1bdb9cf83cebcceb5")
MIXED = "Hello-µ@ßöäüàá-UTF-8!!".encode()


def octets(payload):
    """A text message whose every octet is a fragment."""
    last = len(payload) - 1
    return [frame(TEXT if i == 0 else CONTINUATION, payload[i:i + 1],
                  fin=i == last) for i in range(len(payload))]


def fragmented_utf8():
    middle = b"middle frame payload"
    at = MIXED.index("ü".encode())
    yield echoed("6.1.1", [frame(TEXT)], [heard(b"")])
    yield echoed("6.1.2", [frame(TEXT, fin=False), frame(0, fin=False),
                           frame(0)], [heard(b"")])
    yield echoed("6.1.3", [frame(TEXT, fin=False),
                           frame(0, middle, fin=False), frame(0)],
                 [heard(middle)])
    yield echoed("6.2.1", [frame(TEXT, MIXED)], [heard(MIXED)])
    yield echoed("6.2.2", [frame(TEXT, MIXED[:at], fin=False),
                           frame(0, MIXED[at:])], [heard(MIXED)])
    yield echoed("6.2.3", octets(MIXED), [heard(MIXED)])
    yield echoed("6.2.4", octets(GREEK), [heard(GREEK)])
    surrogate = GREEK + b"\xed\xa0\x80edited"
    yield failed("6.3.1", [frame(TEXT, surrogate)], code=INVALID)
    yield failed("6.3.2", octets(surrogate), code=INVALID)


def fail_fast():
    """Invalid from the second part on; only a strict peer says so at once."""
    whole = GREEK + b"\xf4\x90\x80\x80edited"
    strict, lax = [("timeout", "A")], [("timeout", "A"), ("timeout", "B")]
    for i, (first, second) in enumerate([(11, 15), (12, 13)], 1):
        parts = whole[:first], whole[first:second], whole[second:]
        frames = [frame(TEXT, parts[0], fin=False),
                  frame(0, parts[1], fin=False), frame(0, parts[2])]
        pieces = [data(part) for part in parts]
        for id, (a, b, c), start in (
                (f"6.4.{i}", frames, []),
                (f"6.4.{i + 2}", pieces, [begin(TEXT, len(whole))])):
            yield failed(id, start + [a, wait("A"), b, wait("B", True), c],
                         strict, lax, code=INVALID)


def noncharacters():
    yield from ("efbfbe", "efbfbf")
    for lead in range(0xf0, 0xf5):
        for second in (0x8f, 0x9f, 0xaf, 0xbf):
            if (lead, second) == (0xf0, 0x8f) or lead == 0xf4 and second > 0x8f:
                continue
            for last in (0xbe, 0xbf):
                yield bytes((lead, second, 0xbf, last)).hex()


def starts(first, last):
    return b"".join(bytes((c, 0x20)) for c in range(first, last)).hex()


# After Markus Kuhn's UTF-8 decoder stress test: groups 6.5 on.
SHORT = ["c0", "e080", "f08080", "f8808080", "fc80808080",
         "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"]
STRESS = [
    [s.encode().hex() for s in ("hello$world", "hello¢world", "hello€world",
                                "hello\U00024b62world")] + [GREEK.hex()],
    [GREEK[:i + 1].hex() for i in range(len(GREEK))],
    ["00", "c280", "e0a080", "f0908080"],
    ["f888808080", "fc8480808080"],
    ["7f", "dfbf", "efbfbf", "f48fbfbf"],
    ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
    ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"],
    ["80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf",
     bytes(range(0x80, 0xbf)).hex()],
    [starts(*pair) for pair in ((0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7),
                                (0xf8, 0xfb), (0xfc, 0xfd))],
    SHORT,
    ["".join(SHORT)],
    ["fe", "ff", "fefeffff"],
    ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
    ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
    ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
    ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
    [a + b for a in ("eda080", "edadbf", "edae80", "edafbf")
     for b in ("edb080", "edbfbf")],
    list(noncharacters()),
    ["efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"],
]


def is_utf8(payload):
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def stress():
    for i, group in enumerate(STRESS, 5):
        for j, text in enumerate(group, 1):
            payload = bytes.fromhex(text)
            if is_utf8(payload):
                yield Case(f"6.{i}.{j}", [frame(TEXT, payload)],
                           [heard(payload)], last="kill", seconds=0.5)
            else:
                yield failed(f"6.{i}.{j}", [frame(TEXT, payload)],
                             code=INVALID, seconds=0.5)


# --- 7: closing ---

def closing():
    hello, ping = frame(TEXT, b"Hello World!"), frame(PING)
    code = struct.pack(">H", NORMAL)
    yield Case("7.1.1", [hello], [heard(b"Hello World!")], last="kill")
    yield closed("7.1.2", [close(), frame(8)])
    yield closed("7.1.3", [close(), ping])
    yield closed("7.1.4", [close(), hello])
    yield closed("7.1.5", [frame(TEXT, b"fragment1", fin=False), close(),
                           frame(0, b"fragment2")])
    big = fill(b"BAsd7&jh23", 256 * KILOBYTE)
    yield closed("7.1.6", [frame(TEXT, big), hello, close(), ping],
                 strict=[heard(big), heard(b"Hello World!")], lax=[],
                 informational=True)
    yield closed("7.3.1", [close(b"")])
    yield closed("7.3.2", [close(b"a")], (PROTOCOL,), False)
    yield closed("7.3.3", [close()])
    yield closed("7.3.4", [close(code + b"Hello World!")])
    yield closed("7.3.5", [close(code + b"*" * 123)])
    yield closed("7.3.6", [close(code + b"*" * 124)], (PROTOCOL,), False)
    yield closed("7.5.1", [close(code + GREEK + b"\xed\xa0\x80edited")],
                 (PROTOCOL, INVALID), False)
    for i, n in enumerate([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                           1011, 3000, 3999, 4000, 4999], 1):
        yield closed(f"7.7.{i}", [close(struct.pack(">H", n))], (NORMAL, n))
    for i, n in enumerate([0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999],
                          1):
        yield closed(f"7.9.{i}", [close(struct.pack(">H", n))], (PROTOCOL,),
                     False)
    for i, n in ((1, 5000), (2, 65535)):
        yield closed(f"7.13.{i}", [close(struct.pack(">H", n))],
                     (NORMAL, n, PROTOCOL), False, informational=True)


# --- 9: limits; 10: automatic fragments ---

PATTERNS = {TEXT: b"BAsd7&jh23", BINARY: b"\x00\xfe\x23\xfa\xf0"}


def whole(id, opcode, n, **how):
    payload = fill(PATTERNS[opcode], n)
    return echoed(id, [frame(opcode, payload, **how)],
                  [heard(payload, opcode == BINARY)], seconds=100)


def limits():
    sizes = [64 * KILOBYTE, 256 * KILOBYTE, MEGABYTE, 4 * MEGABYTE,
             8 * MEGABYTE, 16 * MEGABYTE]
    for at, opcode in ((1, TEXT), (2, BINARY)):
        for i, n in enumerate(sizes, 1):
            yield whole(f"9.{at}.{i}", opcode, n)
    for at, byte in ((3, b"*"), (4, b"\xfe")):
        payload = byte * (4 * MEGABYTE)
        for i in range(9):
            yield echoed(f"9.{at}.{i + 1}",
                         [message(payload, at == 4, 64 << 2 * i)],
                         [heard(payload, at == 4)], seconds=100)
    for at, opcode in ((5, TEXT), (6, BINARY)):
        for i in range(6):
            yield whole(f"9.{at}.{i + 1}", opcode, MEGABYTE, chop=64 << i)


def round_trips(make, n=1000):
    """So many messages, each sent when the one before came back."""
    def send(fuzzer):
        for i in range(max(1, round(n * fuzzer.share))):
            payload, binary, size = make(i)
            fuzzer.message(payload, binary, size)
            fuzzer.run(60, lambda: fuzzer.received or fuzzer.state != OPEN)
            if fuzzer.received != [heard(payload, binary)]:
                fuzzer.received.append(("wrong", i))
                break
            fuzzer.received.clear()
        fuzzer.close()
        return True
    return send


def latency():
    for at, byte in ((7, b"*"), (8, b"\xfe")):
        for i, n in enumerate([0, 16, 64, 256, 1024, 4096], 1):
            one = byte * n, at == 8, 0
            yield echoed(f"9.{at}.{i}", [round_trips(lambda _, one=one: one)],
                         [], seconds=60, close_when_heard=False)


def automatic_fragments():
    payload = b"*" * 65536
    yield Case("10.1.1", [message(payload, size=1300)], [heard(payload)],
               last="kill", seconds=10)


# --- cases of one's own ---

def bomb(n, chop=0):
    """A compressed binary message of n zeros."""
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(bytes(n)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return frame(BINARY, data[:-4], rsv=4, chop=chop)


def made_step(step, chop):
    word, *rest = step
    if word == "bomb":
        return bomb(rest[0], chop)
    if word == "raw":
        return raw(bytes.fromhex(rest[0]), chop)
    opcode, text, *how = rest
    if word == "mismasked":
        return mismasked(opcode, bytes.fromhex(text), chop)
    return frame(opcode, bytes.fromhex(text), chop=chop,
                 **(how[0] if how else {}))


def made(given):
    """given: id; code, that the peer closes with; chop, pieces of so many
    bytes; compress, whether to agree on it; steps, each a list: ["frame",
    opcode, hex, { fin, rsv }], ["mismasked", opcode, hex], ["raw", hex of a
    head without a mask] or ["bomb", n]: n zeros, compressed."""
    chop = given.get("chop", 0)
    agreed = [(False, 0)] if given.get("compress") else None
    steps = [made_step(step, chop) for step in given["steps"]]
    case = failed(given["id"], [frame(TEXT, b"before", chop=chop)] + steps
                  + [frame(TEXT, b"after", chop=chop)], [heard(b"before")],
                  code=given["code"])
    return dataclasses.replace(case, offers=agreed, accepts=agreed)


GROUPS = [framing, pings, reserved_bits, reserved_opcodes, fragmentation,
          fragmented_utf8, fail_fast, stress, closing, limits, latency,
          automatic_fragments]


def rank(id):
    return [int(n) for n in id.split(".")]


def cases():
    every = [case for group in GROUPS for case in group()]
    return {case.id: case for case in sorted(every, key=lambda c: rank(c.id))}
