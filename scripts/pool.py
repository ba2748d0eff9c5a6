"""Runs spec files, some of them side by side, and sums up."""

import pathlib
import re
import time

LONGEST = 2400      # seconds for all of them
TIMES = pathlib.Path("build/times")     # of each file when it ran last, under
                                        # any Lua


def read_times():
    if not TIMES.exists():
        return {}
    rows = (line.split() for line in TIMES.read_text().splitlines())
    return {name: float(seconds) for seconds, name in rows}


def says(name, words):
    """Do the first lines of this file say so?"""
    return re.search(f"^-- {words}", pathlib.Path(name).read_text()[:600], re.M)


def choose(again, pattern):
    """The files whose name has this pattern, those that run once not again."""
    names = map(str, pathlib.Path("spec").rglob("*_spec.lua"))
    return [name for name in names if re.search(pattern, name)
            and not (again and says(name, "Runs once"))]


def in_order(names, times):
    """The longest first, those of spec/whole when nobody knows; and those that
    run alone."""
    names = sorted(names, key=lambda name: (
        -times.get(name, 1000 * ("/whole/" in name)), name))
    alone = [name for name in names if says(name, "Runs alone")]
    return [name for name in names if name not in alone], alone


def report(run, passed, failed, seconds):
    print(f"{seconds:6.1f} s {passed:5} passed  {run.name}"
          + (f"  {failed} FAILED" if failed else ""))
    log = run.log.read_text(errors="replace")
    said = re.sub(r"^[-+*.]*\n\d+ success.* seconds\n", "", log, flags=re.M)
    if failed or said.strip():
        print(log.rstrip())
    print("".join(line + "\n" for line in run.trouble), end="", flush=True)


class Suite:
    def __init__(self, start, cores):
        self.start, self.cores, self.running = start, cores, []
        self.passed = self.failed = 0
        self.slow, self.times = [], read_times()
        self.last = time.monotonic() + LONGEST

    def take(self, run):
        seconds = time.monotonic() - run.begun
        passed, failed, tests = run.result()
        self.running.remove(run)
        self.passed, self.failed = self.passed + passed, self.failed + failed
        self.times[run.name] = seconds
        self.slow = sorted(self.slow + tests, reverse=True)[:10]
        report(run, passed, failed, seconds)

    def run_all(self, names, jobs):
        names = list(names)
        while names or self.running:
            while names and len(self.running) < jobs:
                self.running.append(self.start(names.pop(0)))
            time.sleep(0.02)
            if time.monotonic() > self.last:
                names = self.give_up(names)
            for run in [run for run in self.running if run.has_ended()]:
                self.take(run)

    def give_up(self, names):
        """Those that run are killed, those that never ran have failed."""
        for run in self.running:
            run.kill()
        for name in names:
            print(f"never ran, {LONGEST} s are over: {name}")
        self.failed += len(names)
        return []

    def run(self, names):
        try:
            together, alone = in_order(names, self.times)
            self.run_all(together, 2 * self.cores + 1)    # half of them wait
            self.run_all(alone, 1)
        finally:
            for run in self.running:
                run.kill()
        TIMES.write_text("".join(f"{seconds:.2f} {name}\n" for name, seconds
                                 in sorted(self.times.items())))
        print("\nThe slowest tests, with what was set up for them:")
        for seconds, title in self.slow:
            print(f"{seconds:6.1f} s  {title}")
        print(f"\n{self.passed} passed, {self.failed} failed")
        return self.failed > 0
