#!/usr/bin/env python3
"""count.py: instructions that a message takes in this module's client, Lua's and
the libraries' included and the kernel's not, as valgrind's callgrind counts them:
on a busy machine the same as on a quiet one. Lua's tables lie differently in each
process, by a random seed: it is the median of some runs. Prints one line a load."""

import os
import re
import shutil
import statistics
import subprocess
import sys

from contenders import BUILD, built, clients
from processes import Server

# title, client, size, in flight, messages of the shorter run
LOADS = (
    ("32 B, 1 in flight", "ours", "32", 1, 500),
    ("32 B, 256 in flight", "ours", "32", 256, 12800),
    ("32 B, 256 in flight, onmessage", "callback", "32", 256, 12800),
    ("4 KiB, 64 in flight", "ours", "4096", 64, 1280),
    ("1 MiB, 4 in flight", "ours", "1048576", 4, 20),
    ("JSON of 200 B, 256 in flight", "ours", "json", 256, 1280),
)

RUNS = 5


def instructions(command, env, messages):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind",
         f"--callgrind-out-file={BUILD}/callgrind.out", *command],
        capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, **env, "BENCH_MESSAGES": str(messages)})
    return int(re.search(r"refs: *([\d,]+)", done.stderr)[1].replace(",", ""))


def count(client, size, inflight, messages):
    """What four times as many messages take more, of one of them."""
    numbered = [] if size == "json" else ["-n"]
    with Server([built("echo"), *numbered]) as server:
        command = client.command + [f"ws://127.0.0.1:{server.port}", size,
                                    str(inflight), "0", "0"]
        few, many = (statistics.median(
            instructions(command, client.env, n) for _ in range(RUNS))
            for n in (messages, 4 * messages))
    return (many - few) / (3 * messages)


def main():
    if not shutil.which("valgrind"):
        sys.exit("count.py needs valgrind (Debian: apt-get install valgrind)")
    if not os.path.exists(built("echo")):
        sys.exit("run make bench-build first")
    known = {client.key: client for client in clients()}
    print("Lua 5.4, instructions outside the kernel, libraries included:")
    for title, key, size, inflight, messages in LOADS:
        figure = count(known[key], size, inflight, messages)
        print(f"{title:32} {figure:12,.0f} instructions a message", flush=True)


if __name__ == "__main__":
    main()
