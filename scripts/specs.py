"""Runs spec files in a process of their own, and watches them from outside."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

GRACE = float(os.environ.get("GRACE", 10))   # seconds for what was interrupted


def members(session):
    """The processes of a session, as far as the system tells: pid, command."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if fields[3] == str(session) and fields[0] != "Z":
                command = (stat.parent / "cmdline").read_bytes()
                yield (int(stat.parent.name),
                       command.replace(b"\0", b" ").decode(errors="replace"))


class Run:
    """Specs that run: words for busted (and $EXCLUDED, tags of tests that do
    not run), their output, and the journal that helper.lua writes. The process
    leads a session, so that all it starts can be found again."""

    def __init__(self, lua, words, folder, limit, output=None):
        self.name, self.limit, self.trouble = " ".join(words), limit, []
        stem = self.name.replace("/", "-")[:100]
        self.journal = folder / (stem + ".journal")
        self.log = folder / (stem + ".log")
        self.journal.touch()
        self.was_interrupted = self.was_killed = False
        self.begun = self.moved = time.monotonic()
        self.size = 0
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [lua, "scripts/busted.lua", "--helper=scripts/helper.lua",
                 "-o", "plainTerminal",
                 "--exclude-tags=" + os.environ["EXCLUDED"], *words],
                stdin=subprocess.DEVNULL, stdout=output or log,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "JOURNAL": str(self.journal)})

    def lines(self):
        text = self.journal.read_text(errors="replace")
        return [line.split("\t", 2) for line in text.splitlines()]

    def where(self):
        """The test that runs, by its file and title."""
        lines = self.lines()
        if not lines:
            return self.name
        word, _, title = lines[-1]
        return title if word == "in" else "after " + title

    def has_ended(self):
        """Looks after it; call this some times in a second."""
        if self.process.poll() is not None:
            self.kill()
            return True
        now, size = time.monotonic(), self.journal.stat().st_size
        if size != self.size:
            self.size, self.moved = size, now
        elif now - self.moved > self.limit:
            self.interrupt()
        elif self.was_interrupted and now - self.moved > GRACE:
            self.kill()
        return False

    def interrupt(self):
        """A loop in Lua ends in an error that says where; what waits in C, or
        hangs once more, will be killed."""
        self.trouble.append(f"hangs: {self.where()}: {self.limit} s")
        self.trouble += [f"  process {pid}: {command[:150]}" for pid, command
                         in members(self.process.pid)]
        if self.was_interrupted:
            self.kill()
            return
        self.was_interrupted, self.moved = True, time.monotonic()
        self.process.send_signal(signal.SIGINT)

    def kill(self):
        """Ends it with all that it started."""
        if self.process.poll() is None:
            self.was_killed = True
            self.trouble.append(f"killed: {self.where()}")
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while others := list(members(self.process.pid)):
            for pid, _ in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def result(self):
        """How many passed and failed, and seconds and title of each."""
        lines = self.lines()
        words = [word for word, _, _ in lines]
        passed = words.count("success")
        failed = words.count("failure") + words.count("error")
        status = self.process.returncode
        if "end" not in words and not self.was_killed:
            self.trouble.append(f"ended in: {self.where()} (status {status})")
        elif status and not failed:
            self.trouble.append(f"exit status {status}")
        ran = passed + failed + words.count("pending")
        if not ran:
            self.trouble.append("no test ran")
        if "end" not in words or status and not failed or not ran:
            failed += 1
        return passed, failed, [(float(seconds), title) for word, seconds,
                                title in lines if word not in ("in", "end")]
