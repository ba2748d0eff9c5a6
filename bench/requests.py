#!/usr/bin/env python3
"""requests.py: what a request takes (ws:request), by how many are under way at once.
One client, JSON both ways, an echo server in C beside it: the message that comes back is
the answer. Prints one line a load: the median of some runs."""

import os
import statistics
import sys

from contenders import built, clients
from processes import Server, run

LOADS = (1, 100, 10000)
REQUESTS = 40000
RUNS = 3


def measure(client, inflight):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "clients", "requests.lua")
    with Server([built("echo")]) as server:
        command = [client.command[0], script, f"ws://127.0.0.1:{server.port}",
                   str(inflight), str(REQUESTS)]
        return [run(command, client.env) for _ in range(RUNS)]


def main():
    if not os.path.exists(built("echo")):
        sys.exit("run make bench-build first")
    known = {client.key: client for client in clients()}
    for key, lua in (("ours", "Lua 5.4"), ("luajit", "LuaJIT")):
        if key not in known or not known[key].is_there():
            continue
        for inflight in LOADS:
            samples = measure(known[key], inflight)
            wall, cpu = (statistics.median(s[what] / s["requests"] for s in samples) * 1e6
                         for what in ("seconds", "cpu"))
            print(f"{lua:8} {inflight:6,} requests under way "
                  f"{wall:8.1f} µs each, {cpu:6.1f} µs of CPU", flush=True)


if __name__ == "__main__":
    main()
