#!/usr/bin/env python3
"""hosts.py [ROUNDS] [--resty DIR] [--only HOST,...]: the module in the event loops of
others, one after the other in each round; the medians. Five rounds, or as many as begin
within ten minutes. DIR holds lua-resty-websocket's resty/websocket; without it the one
that LUA_PATH finds is measured beside the module, if any. make bench-hosts builds what
it needs; RESTY=DIR there."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time

import ends
import nginx

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LOADS = ["1", "256", "1M", "wake", "idle", "frame"]
HOSTS = {
    "lua5.4": ["own", "game", "luv", "select", "cqueues"],
    "luajit": ["own", "game", "luv", "select", "cqueues", "copas", "nginx", "resty"],
}
MINUTES = 10


def environment(lua):
    return dict(os.environ,
                LUA_PATH=f"{ROOT}/lua/?.lua;{ROOT}/lua/?/init.lua;"
                         + os.environ.get("LUA_PATH", ";"),
                LUA_CPATH=f"{ROOT}/build/{lua}/?.so;;")


def applies(host, load):
    """A game calls step(0) as often as it likes: only the frame counts there."""
    if host == "resty":
        return load in ("1", "256", "1M")
    return (host == "game") == (load == "frame")


def find_resty(folder):
    """The folder above resty/websocket, or None."""
    if folder:
        return os.path.abspath(folder)
    found = subprocess.run(
        ["luajit", "-e", "for at in package.path:gmatch '[^;]+' do at = at:gsub('%?', "
         "'resty/websocket/client') if io.open(at) then print(at) break end end"],
        capture_output=True, text=True, check=False).stdout.strip()
    return found[:-len("/resty/websocket/client.lua")] if found else None


def without(hosts, lua, resty):
    """Leaves out what cannot run here, and says so."""
    why = {"nginx": nginx.why_not(), "resty": nginx.why_not()}
    if not resty:
        why["resty"] = "lua-resty-websocket is not there (--resty DIR, or LUA_PATH)"
    for module in ("luv", "cqueues", "copas"):
        if module in hosts and subprocess.run(
                [lua, "-e", f"require '{module}'"], env=environment(lua),
                capture_output=True, check=False).returncode:
            why[module] = f"{lua} has no module {module}"
    for host in hosts:
        if why.get(host):
            print(f"{host} is left out: {why[host]}", file=sys.stderr)
    return [host for host in hosts if not why.get(host)]


class Table:
    def __init__(self, lua, hosts, resty):
        self.lua, self.hosts, self.found, self.rounds = lua, hosts, {}, 0
        self.server = subprocess.Popen(
            [lua, f"{HERE}/server.lua"], env=environment(lua),
            stdout=subprocess.PIPE, text=True)
        self.url = f"ws://127.0.0.1:{self.server.stdout.readline().strip()}"
        inside = {"nginx", "resty"} & set(hosts)
        self.nginx = nginx.Nginx(resty or "") if inside else None

    def measure(self, host, load):
        if host in ("nginx", "resty"):
            text = self.nginx.get("/", who=host, url=self.url, what=load)
        else:
            done = subprocess.run(
                [self.lua, f"{HERE}/load.lua", host, self.url, load], timeout=300,
                env=environment(self.lua), capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{self.lua}, {host}, {load}: {done.stderr}")
            text = done.stdout
        return [float(number) for number in text.split()]

    def round(self):
        for load in LOADS:
            for host in self.hosts:
                if applies(host, load):
                    self.found.setdefault((host, load), []).append(
                        self.measure(host, load))
        self.rounds += 1

    def close(self):
        self.server.kill()
        if self.nginx:
            self.nginx.close()

    def cell(self, host, load, form):
        all_ = self.found.get((host, load))
        return form.format(*map(statistics.median, zip(*all_))) if all_ else ""

    def of_own(self, host, load):
        """The median of what the rounds say, each for itself."""
        if (host, load) not in self.found:
            return ""
        pairs = zip(self.found[host, load], self.found["own", load])
        return f"{statistics.median(its[1] / own[1] for its, own in pairs):.2f}"

    def show(self):
        print(f"\n{self.lua}: 32 bytes and 1 MiB, medians of {self.rounds} interleaved rounds\n")
        print("| host | 1 in flight, msg/s, CPU µs | of own | 256 in flight, msg/s, "
              "CPU µs | of own | 1 MiB, msg/s, CPU µs | wake-up p50, p99 µs "
              "| idle CPU % | frame p50, p99 µs |")
        print("|" + "---|" * 9)
        for host in self.hosts:
            print("| " + " | ".join([
                host,
                self.cell(host, "1", "{:,.0f}, {:.2f}"), self.of_own(host, "1"),
                self.cell(host, "256", "{:,.0f}, {:.2f}"), self.of_own(host, "256"),
                self.cell(host, "1M", "{:,.0f}, {:.0f}"),
                self.cell(host, "wake", "{:.0f}, {:.0f}"),
                self.cell(host, "idle", "{:.2f}"),
                self.cell(host, "frame", "{:.1f}, {:.1f}")]) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("--resty")
    parser.add_argument("--only")
    options = parser.parse_args()
    resty = find_resty(options.resty)
    only = options.only.split(",") if options.only else None
    tables = [Table(lua, without([host for host in hosts
                                  if not only or host in only or host == "own"],
                                 lua, resty), resty)
              for lua, hosts in HOSTS.items() if shutil.which(lua)]
    deadline = time.monotonic() + MINUTES * 60
    try:
        for _ in range(options.rounds):
            if time.monotonic() < deadline:
                for table in tables:
                    table.round()
        for table in tables:
            table.show()
    finally:
        for table in tables:
            table.close()
    if not nginx.why_not() and (not only or "nginx" in only):
        ends.show(options.rounds, environment("luajit"))


if __name__ == "__main__":
    main()
