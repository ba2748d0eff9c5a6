#!/usr/bin/env python3
"""hosts.py [ROUNDS]: the module in the event loops of others, one after the other in
each round; the medians. make bench-hosts builds what it needs."""

import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LOADS = ["1", "256", "wake", "idle"]
HOSTS = {
    "lua5.4": ["own", "luv", "select", "cqueues"],
    "luajit": ["own", "luv", "select", "cqueues", "copas"],
}


def environment(lua):
    return dict(os.environ,
                LUA_PATH=f"{ROOT}/lua/?.lua;{ROOT}/lua/?/init.lua;;",
                LUA_CPATH=f"{ROOT}/build/{lua}/?.so;;")


def measure(lua, host, url, load):
    done = subprocess.run([lua, f"{HERE}/load.lua", host, url, load], timeout=300,
                          env=environment(lua), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{lua}, {host}, {load}: {done.stderr}")
    return [float(number) for number in done.stdout.split()]


def table(lua, rounds):
    hosts = HOSTS[lua]
    server = subprocess.Popen([lua, f"{HERE}/server.lua"], env=environment(lua),
                              stdout=subprocess.PIPE, text=True)
    url = f"ws://127.0.0.1:{server.stdout.readline().strip()}"
    found = {}
    try:
        for _ in range(rounds):
            for load in LOADS:
                for host in hosts:
                    found.setdefault((host, load), []).append(
                        measure(lua, host, url, load))
    finally:
        server.kill()
    return {key: [statistics.median(each) for each in zip(*all)]
            for key, all in found.items()}


def show(lua, rounds):
    medians = table(lua, rounds)
    print(f"\n{lua}: 32 bytes, medians of {rounds} interleaved rounds\n")
    print("| host | 1 in flight, msg/s | CPU µs | of own | 256 in flight, msg/s "
          "| CPU µs | of own | wake-up p50, p99 µs | idle CPU % |")
    print("|" + "---|" * 9)
    for host in HOSTS[lua]:
        cells = [host]
        for load in LOADS[:2]:
            rate, cpu = medians[host, load]
            own = medians["own", load][1]
            cells += [f"{rate:,.0f}", f"{cpu:.2f}", f"{cpu / own:.2f}"]
        cells.append("{:.0f}, {:.0f}".format(*medians[host, "wake"]))
        cells.append(f"{medians[host, 'idle'][0]:.2f}")
        print("| " + " | ".join(cells) + " |")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for lua in HOSTS:
        if shutil.which(lua):
            show(lua, rounds)


if __name__ == "__main__":
    main()
