#!/usr/bin/env python3
"""The whole bench: it takes each load in turn, and writes results.md and
results.svg beside this file. A part of it, by --quick, --only or --clients, is
printed and writes nothing but its samples."""

import argparse
import json
import os
import signal

import chart
import loads
import report
import scale
from contenders import HERE, built, clients, lua_environment, output_of
from processes import Failed, raise_descriptor_limit, say

QUICK = ("32x1", "32x256", "32x8192", "1Mx4")
QUICK_CLIENTS = ("limit", "ours", "luajit", "beast", "node")
LOADS = [load.key for load in
         loads.CLIENT_LOADS + loads.SERVER_LOADS + loads.BROADCASTS]
LOADS += ["idle", "restart"]
CLIENTS = [contender.key for contender in clients()]


def some_of(names):
    """The type of an option that takes some of these names."""
    def parse(text):
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(unknown)}; there are {', '.join(names)}")
        return chosen
    return parse


def count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number from 1 on: {text!r}")
    return int(text)


def counts(text):
    return [count(part) for part in text.split(",")]


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 < value < 60:  # a client ends itself after a minute
        raise argparse.ArgumentTypeError(
            f"not seconds between 0 and 60: {text!r}")
    return value


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter,
        epilog="loads:   " + " ".join(LOADS)
        + "\nclients: " + " ".join(CLIENTS))
    add = parser.add_argument
    add("--quick", action="store_true", help="less than a minute once built: "
        "the loads and clients that tell most")
    add("--only", type=some_of(LOADS), metavar="LOAD,...",
        help="these loads (all)")
    add("--clients", type=some_of(CLIENTS), metavar="CLIENT,...",
        help="these clients (all); servers are always all")
    add("--rounds", type=count, help="samples of each client (5; quick: 3)")
    add("--seconds", type=seconds, help="of each sample (0.7; quick: 0.4)")
    add("--warm", type=seconds, help="seconds before it (0.25; quick: 0.15)")
    add("--window", type=seconds, default=30,
        help="seconds of idleness (%(default)s)")
    add("--idle", type=counts, default=[100, 1000, 10000, 30000],
        metavar="N,...", help="idle connections (100,1000,10000,30000)")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (0.4 if options.quick else 0.7)
    options.warm = options.warm or (0.15 if options.quick else 0.25)
    if options.quick:
        options.clients = options.clients or QUICK_CLIENTS
    options.part = bool(options.quick or options.only or options.clients)
    return options


def is_chosen(options, key):
    if options.only:
        return key in options.only
    return not options.quick or key in QUICK


def offers_compression():
    return "yes" == output_of(
        "lua5.4", "-e", 'print(pcall(require "wsmanager".new, '
        '{url = "ws://127.0.0.1:9", compress = true}) and "yes")',
        env=lua_environment("lua5.4"))


def notes(results):
    """What could not take part."""
    found = results["notes"]
    for contender in clients():
        if not contender.is_there():
            found.append(f"{contender.label} is missing "
                         f"({contender.why_missing}).")
    if not results["compress"]:
        found.append("permessage-deflate is not measured: the module does not "
                     "offer it.")


def measure(options, results):
    for load in loads.CLIENT_LOADS:
        if "deflate" in load.needs and not results["compress"]:
            continue
        if is_chosen(options, load.key):
            say(f"  {load.title}")
            try:
                add(results, "client_keys", loads.client_load(load, options))
            except Failed as why:  # its server, that all would have talked to
                results["notes"].append(f"{load.title}: not measured: {why}")
    for group, name in ((loads.SERVER_LOADS, "server_keys"),
                        (loads.BROADCASTS, "broadcast_keys")):
        for load in group:
            if is_chosen(options, load.key):
                say(f"  server: {load.title}")
                add(results, name, loads.server_load(load, options))
    if is_chosen(options, "idle"):
        results["idle"], results["left_out"] = scale.idle_all(
            options, results["descriptors"])
    if is_chosen(options, "restart"):
        say("  a server that comes back under 10,000 clients")
        try:
            results["restart"] = scale.restart(10000)
        except Failed as why:
            results["notes"].append(f"The restart was not measured: {why}")


def charted(results):
    """The tables have all; the chart leaves out TLS and broadcasts, and deflate,
    which no limit does."""
    return [s for s in results["series"] if "tls" not in s.load.needs
            and s.load.key not in results["broadcast_keys"]]


def add(results, name, series):
    results["series"].append(series)
    results[name].append(series.load.key)
    report.print_series(series)


def save_samples(results, name):
    """Every sample of the run, for whoever doubts a median."""
    with open(built(name), "w", encoding="utf-8") as file:
        json.dump({"series": {s.load.key: s.samples
                              for s in results["series"]},
                   "idle": results["idle"], "restart": results["restart"]},
                  file, indent=1)


def stop(number, _):
    raise SystemExit(128 + number)


def main():
    options = read_arguments()
    if not os.path.exists(built("echo")):
        raise SystemExit("run make bench-build first")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)  # on the way out, what runs is ended
    results = {
        "descriptors": raise_descriptor_limit(),
        "load_before": os.getloadavg()[0], "notes": [], "series": [],
        "client_keys": [], "server_keys": [], "broadcast_keys": [],
        "idle": [], "left_out": [], "restart": None,
    }
    results["compress"] = offers_compression()
    notes(results)
    for note in results["notes"]:
        say(f"  {note}")
    measure(options, results)
    save_samples(results,
                 "samples-partial.json" if options.part else "samples.json")
    goals = report.goal_rows(results, not options.part)
    if goals:
        print("\n" + goals)
    if results["idle"]:
        print("\n" + report.idle_table(results))
    if results["restart"]:
        print("\n" + report.restart_text(results["restart"]))
    if options.part:
        return
    report.write(os.path.join(HERE, "results.md"), results, options)
    chart.draw(os.path.join(HERE, "results.svg"), charted(results))
    say("written: bench/results.md, bench/results.svg")


if __name__ == "__main__":
    main()
