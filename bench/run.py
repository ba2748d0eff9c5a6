#!/usr/bin/env python3
"""run.py [--quick] [--only LOAD,LOAD]: the whole bench, written to
results.md and results.svg beside this file. --quick: less than a minute, and
nothing is written; --only: some loads (or "idle", "restart"), likewise."""

import argparse
import json
import os

import chart
import loads
import report
import scale
from contenders import BUILD, HERE, clients, lua_environment, output_of
from processes import Failed, raise_descriptor_limit, say

QUICK = ("32x1", "32x256", "32x8192", "1Mx4")
QUICK_CLIENTS = ("limit", "ours", "luajit", "beast", "node")


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.7)
    parser.add_argument("--warm", type=float, default=0.25)
    parser.add_argument("--window", type=float, default=30,
                        help="seconds of idleness")
    parser.add_argument("--idle", default="100,1000,10000,30000",
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--clients", type=lambda text: text.split(","))
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.warm = 3, 0.4, 0.15
        options.clients = options.clients or QUICK_CLIENTS
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
    """The tables have all; the chart leaves out TLS and broadcasts."""
    return [s for s in results["series"] if "tls" not in s.load.needs
            and s.load.key not in results["broadcast_keys"]]


def add(results, name, series):
    results["series"].append(series)
    results[name].append(series.load.key)
    report.print_series(series)


def save_samples(results):
    """Every sample of the run, for whoever doubts a median."""
    os.makedirs(BUILD, exist_ok=True)
    with open(os.path.join(BUILD, "samples.json"), "w",
              encoding="utf-8") as file:
        json.dump({"series": {s.load.key: s.samples
                              for s in results["series"]},
                   "idle": results["idle"], "restart": results["restart"]},
                  file, indent=1)


def main():
    options = read_arguments()
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
    save_samples(results)
    print("\n" + report.goal_rows(results))
    if results["idle"]:
        print("\n" + report.idle_table(results))
    if results["restart"]:
        print("\n" + report.restart_text(results["restart"]))
    if options.quick or options.only:
        return
    report.write(os.path.join(HERE, "results.md"), results, options)
    chart.draw(os.path.join(HERE, "results.svg"), charted(results))
    say("written: bench/results.md, bench/results.svg")


if __name__ == "__main__":
    main()
