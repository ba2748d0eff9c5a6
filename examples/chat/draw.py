"""Draws the chat's two pictures, doctor.png and chat.png beside this file, and
prints their bytes as the Lua strings of lua/wsmanager/chat/pictures.lua."""

import pathlib
import struct
import zlib

DOCTOR = """
................
..rrrrrrrrrrrr..
.rrrrrrrrrrrrrr.
.rrrrrwwwwrrrrr.
.rrrrrwwwwrrrrr.
.rrrrrwwwwrrrrr.
.rrwwwwwwwwwwrr.
.rrwwwwwwwwwwrr.
.rrwwwwwwwwwwrr.
.rrwwwwwwwwwwrr.
.rrrrrwwwwrrrrr.
.rrrrrwwwwrrrrr.
.rrrrrwwwwrrrrr.
.rrrrrrrrrrrrrr.
..rrrrrrrrrrrr..
................
"""

CHAT = """
................
..bbbbbbbbbbbb..
.bbbbbbbbbbbbbb.
.bbbbbbbbbbbbbb.
.bbbbbbbbbbbbbb.
.bbbwwbbwwbbwwb.
.bbbwwbbwwbbwwb.
.bbbbbbbbbbbbbb.
.bbbbbbbbbbbbbb.
.bbbbbbbbbbbbbb.
..bbbbbbbbbbbb..
....bbb.........
....bb..........
....b...........
................
................
"""

COLOURS = {".": (0, 0, 0, 0), "w": (255, 255, 255, 255),
           "r": (208, 32, 48, 255), "b": (32, 112, 208, 255)}
SCALE = 3


def chunk(name, body):
    check = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def png(drawing):
    """A palette picture, one byte a pixel (ISO/IEC 15948)."""
    names = sorted(set(drawing) - {"\n"})
    rows = [[names.index(c) for c in row for _ in range(SCALE)]
            for row in drawing.split()]
    pixels = b"".join(b"\0" + bytes(row) for row in rows for _ in range(SCALE))
    width, height = len(rows[0]), len(rows) * SCALE
    return b"".join([
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", b"".join(bytes(COLOURS[c][:3]) for c in names)),
        chunk(b"tRNS", bytes(COLOURS[c][3] for c in names)),
        chunk(b"IDAT", zlib.compress(pixels, 9)),
        chunk(b"IEND", b""),
    ])


def lua(data):
    text = "".join("\\%03d" % byte for byte in data)
    return "\n    .. ".join('"%s"' % text[i:i + 64]
                            for i in range(0, len(text), 64))


here = pathlib.Path(__file__).parent
for name, drawing in ("doctor", DOCTOR), ("chat", CHAT):
    data = png(drawing)
    (here / (name + ".png")).write_bytes(data)
    print("  %s = %s," % (name, lua(data)))
