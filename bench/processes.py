"""Programs under measurement: started, listened to, ended by their own id."""

import json
import os
import resource
import subprocess
import sys

LIFE = 90  # seconds that any client may take


class Failed(Exception):
    """A program ended without the line of figures it owes."""


class Server:
    """A program that prints "listening PORT", and later perhaps figures."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, **(env or {})})
        self.printed = {}
        try:
            words = self.process.stdout.readline().split()
        except SystemExit:  # a signal; nobody else would end it
            self.process.kill()
            raise
        if len(words) != 2 or words[0] != "listening":
            self.stop()
            raise Failed("does not listen: " + " ".join(command))
        self.port = int(words[1])

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """Ends it; `printed` is then the figures it printed since, if any."""
        self.process.terminate()
        try:
            rest = self.process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            rest = self.process.communicate()[0]
        try:
            self.printed = json.loads(rest)
        except ValueError:
            self.printed = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def run(command, env=None, life=LIFE):
    """Runs a client to its end and returns its figures."""
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=life, env={**os.environ, **(env or {})},
                              check=False)
    except subprocess.TimeoutExpired:
        raise Failed("did not end in time: " + " ".join(command)) from None
    return figures(done.stdout, done.stderr, command)


def figures(out, err, command):
    lines = out.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        why = (err.strip().splitlines() or ["printed nothing"])[0]
        raise Failed(f"{' '.join(command)}: {why}") from None


def raise_descriptor_limit():
    """As many descriptors as this user may have; returns how many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def say(*words):
    print(*words, file=sys.stderr, flush=True)
