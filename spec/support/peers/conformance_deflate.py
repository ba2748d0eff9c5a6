"""Groups 12 and 13 of the fuzzing suite: permessage-deflate (RFC 7692).

Many sizes of five kinds of data, in whole messages and in fragments, with
every combination of parameters that a client of the suite offers and a server
of the suite asks for; and the suite's side of the negotiation.
"""

import random
import zlib

from conformance_cases import Case, round_trips
from peer import OPTIONS

TAIL = b"\x00\x00\xff\xff"
SMALLEST = 9             # zlib makes no raw stream with a window of 8 bits; at
                         # 9 its distances end at 250, so this serves for 8
SMALL = OPTIONS.get("window", 9)   # the suite asked for 8 once, then for 9

SIZES = [(16, 0), (64, 0), (256, 0), (1024, 0), (4096, 0), (8192, 0),
         (16384, 0), (32768, 0), (65536, 0), (131072, 0), (8192, 256),
         (16384, 256), (32768, 256), (65536, 256), (131072, 256),
         (131072, 1024), (131072, 4096), (131072, 32768)]

# no context takeover, window; asked of the peer, tried in this order
ASKED = [
    [(False, 0)], [(True, 0)], [(False, SMALL)], [(False, 15)],
    [(True, SMALL)], [(True, 15)], [(True, SMALL), (True, 0), (False, 0)],
]
PLAIN = ASKED[0]


class Deflate:
    """window, takeover: of what we send; the peer's of what it sends."""

    def __init__(self, window, takeover, peer_window, peer_takeover):
        self.window, self.takeover = max(window, SMALLEST), takeover
        self.peer_window, self.peer_takeover = peer_window, peer_takeover
        self.packer = self.unpacker = None

    def pack(self, payload):
        if not self.packer or not self.takeover:
            self.packer = zlib.compressobj(wbits=-self.window)
        data = self.packer.compress(payload)
        data += self.packer.flush(zlib.Z_SYNC_FLUSH)
        return data[:-len(TAIL)]

    def unpack(self, data):
        if not self.unpacker or not self.peer_takeover:
            self.unpacker = zlib.decompressobj(wbits=-self.peer_window)
        return self.unpacker.decompress(data + TAIL)


# --- the negotiation ---

def parse(header):
    """The offers: a list of (name, parameters)."""
    offers = []
    for one in filter(None, (part.strip() for part in header.split(","))):
        name, *rest = [word.strip() for word in one.split(";")]
        pairs = (word.partition("=")[::2] for word in rest)
        offers.append((name, {k.strip(): v.strip(' "') for k, v in pairs}))
    return offers


def offer(case):
    """The line of a request that offers what the case asks of a server."""
    if not case.offers:
        return ""
    offers = []
    for fresh, window in case.offers:
        one = ("permessage-deflate; client_no_context_takeover; "
               "client_max_window_bits")
        one += "; server_no_context_takeover" if fresh else ""
        one += f"; server_max_window_bits={window}" if window else ""
        offers.append(one)
    return f"Sec-WebSocket-Extensions: {', '.join(offers)}\r\n"


def bits(parameters, name):
    return int(parameters.get(name) or 15)


def agree(case, header):
    """The Deflate of a client that a server answered so; None: none."""
    answers = parse(header)
    if not case.offers or not answers:
        return None
    (name, got), = answers
    if name != "permessage-deflate" or not any(
            (not fresh or "server_no_context_takeover" in got)
            and (not window or bits(got, "server_max_window_bits") <= window)
            for fresh, window in case.offers):
        return None
    return Deflate(bits(got, "client_max_window_bits"),
                   "client_no_context_takeover" not in got,
                   bits(got, "server_max_window_bits"),
                   "server_no_context_takeover" not in got)


def choose(case, header):
    """The lines of a server's answer, and its Deflate or None. As the suite
    does, it asks for nothing that the offer does not speak of."""
    offers = [got for name, got in parse(header)
              if name == "permessage-deflate"]
    for fresh, window in case.accepts or []:
        for got in offers:
            if ((not fresh or "client_no_context_takeover" in got)
                    and (not window or "client_max_window_bits" in got)):
                return take(got, fresh, window)
    return "", None


def take(got, fresh, window):
    answer = "permessage-deflate"
    ours = bits(got, "server_max_window_bits")
    if "server_no_context_takeover" in got:
        answer += "; server_no_context_takeover"
    if ours < 15:
        answer += f"; server_max_window_bits={ours}"
    if fresh:
        answer += "; client_no_context_takeover"
    if window:
        answer += f"; client_max_window_bits={window}"
    return (f"Sec-WebSocket-Extensions: {answer}\r\n",
            Deflate(ours, "server_no_context_takeover" not in got,
                    window or 15, not fresh))


# --- the data: by a seed, so the same in every run ---

def words(chance, n):
    letters = "eeeennniiirrstahdulgcomwbfkzpvüäößjy"
    book = ["".join(chance.choices(letters, k=chance.randint(2, 11)))
            for _ in range(2000)]
    picks = chance.choices(book, [1 / (i + 1) for i in range(2000)], k=n)
    return picks


def verse(chance):
    text = words(chance, 30000)
    lines = [" ".join(text[i:i + 7]) for i in range(0, len(text), 7)]
    return "\n".join(lines)


def picture(chance):
    row, rows = [128] * 512, []
    for _ in range(512):
        row = [max(0, min(255, v + chance.randint(-3, 3))) for v in row]
        rows.append(bytes(row))
    return b"BM" + bytes(52) + b"".join(rows)


def document(chance):
    parts = [f"{i} 0 obj << /Length 4096 >> stream\n".encode()
             + chance.randbytes(4096) + b"\nendstream endobj\n"
             for i in range(40)]
    return b"%PDF-1.4\n" + b"".join(parts)


def records(chance):
    text = words(chance, 12000)
    rows = [f'{{"id": {i}, "name": "{text[3 * i]}", "about": '
            f'"{text[3 * i + 1]} {text[3 * i + 2]}", "price": '
            f'{chance.random():.4f}, "tags": []}}' for i in range(3000)]
    return "[" + ",\n ".join(rows) + "]"


def page(chance):
    text = words(chance, 20000)
    rows = [f'<p class="c{i % 7}"><a href="/{text[i]}.html">'
            f'{" ".join(text[i:i + 9])}</a></p>' for i in range(0, 19990, 10)]
    return "<html><body>\n" + "\n".join(rows) + "\n</body></html>"


DATA = [(records, False), (picture, True), (verse, True), (page, False),
        (document, True)]
_made = {}


def material(kind):
    if kind not in _made:
        made = kind(random.Random(kind.__name__))
        _made[kind] = made
    return _made[kind]


def piece(kind, binary, n, i):
    """The i-th n units of the data, which goes round."""
    source = material(kind)
    if binary and isinstance(source, str):
        source = source.encode()
    at = i * n % len(source)
    cut = source[at:at + n]
    cut += source[:n - len(cut)]
    return cut if isinstance(cut, bytes) else cut.encode()


def case(id, kind, binary, size, asked):
    n, fragment = size

    def make(i):
        return piece(kind, binary, n, i), binary, fragment
    return Case(id, [round_trips(make)], [], seconds=480,
                close_when_heard=False, offers=asked, accepts=asked)


def cases():
    every = {}
    for group, (kind, binary) in enumerate(DATA, 1):
        for i, size in enumerate(SIZES, 1):
            id = f"12.{group}.{i}"
            every[id] = case(id, kind, binary, size, PLAIN)
    for group, asked in enumerate(ASKED, 1):
        for i, size in enumerate(SIZES, 1):
            id = f"13.{group}.{i}"
            every[id] = case(id, *DATA[0], size, asked)
    return every
