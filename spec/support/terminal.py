"""terminal.py STEPS COMMAND...: runs a command in a terminal of its own.

STEPS, a list in JSON, are played one after the other, each within 30 seconds:
  ["expect", TEXT]   reads until the terminal has shown TEXT, behind what was expected before
  ["type", TEXT]     types it
  ["size", COLUMNS]  the terminal is so wide from now on
  ["signal", NAME]   sends the program a signal
Then it reads until the program has ended, and writes, as JSON, { code, text, raw }: what
it left with, what the terminal has shown, and whether the terminal was still raw.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 30


class Terminal:
    def __init__(self, command):
        self.text, self.at = b"", 0
        self.child, self.fd = pty.fork()
        if self.child == 0:
            os.execvp(command[0], command)
        self.resize(80)

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))

    def read(self, until):
        """False: the program has ended, or there is no more time."""
        left = until - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            some = os.read(self.fd, 65536)
        except OSError:
            some = b""
        self.text += some
        return some != b""

    def expect(self, wanted):
        until = time.monotonic() + PATIENCE
        while self.text.find(wanted, self.at) < 0:
            if not self.read(until):
                raise SystemExit(f"not shown: {wanted!r}: {self.text!r}")
        self.at = self.text.find(wanted, self.at) + len(wanted)

    def is_raw(self):
        try:
            return not termios.tcgetattr(self.fd)[3] & termios.ICANON
        except termios.error:
            return False

    def play(self, step):
        what, value = step
        if what == "expect":
            self.expect(value.encode())
        elif what == "type":
            os.write(self.fd, value.encode())
        elif what == "size":
            self.resize(value)
        elif what == "signal":
            os.kill(self.child, getattr(signal, "SIG" + value))

    def finish(self):
        until, raw = time.monotonic() + PATIENCE, self.is_raw()
        while self.read(until):
            raw = self.is_raw()
        if time.monotonic() >= until:
            os.kill(self.child, signal.SIGKILL)
        status = os.waitpid(self.child, 0)[1]
        code = os.waitstatus_to_exitcode(status)
        return {"code": code, "raw": raw,
                "text": self.text.decode(errors="replace")}


terminal = Terminal(sys.argv[2:])
for each in json.loads(sys.argv[1]):
    terminal.play(each)
print(json.dumps(terminal.finish()))
