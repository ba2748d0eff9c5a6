"""bench/results.md: the machine, the goals, every load."""

import os
import platform
import time

from contenders import ROOT, clients, package, servers
from goals import Goals, reached
from loads import SERVER_STRETCH, server_rounds
from numbers_of import cpu, rate, ratio, short, spread, system, user


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def system_name():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (AttributeError, OSError):
        return platform.system()


def machine(options, descriptors, load_before):
    return "\n".join([
        f"- {time.strftime('%Y-%m-%d %H:%M %Z')}",
        f"- {os.cpu_count()} cores of {processor()}, {system_name()}, "
        f"kernel {platform.release()}",
        f"- load average before the run {load_before:.2f}; "
        f"{descriptors} descriptors",
        f"- clients: {options.rounds} rounds; each sample {options.seconds:g} s "
        f"after {options.warm:g} s of warming up",
        f"- servers and broadcasts: {server_rounds(options.rounds)} rounds; each "
        f"sample {SERVER_STRETCH * options.seconds:g} s after {options.warm:g} s "
        "of warming up, the server started anew",
        "- everything on loopback",
    ])


METHOD = """## How to read them

Each round runs the limit, wsmanager and each peer in turn. A ratio is the median
of the rounds' own ratios, each of two samples that ran side by side: on a shared
machine the noise between rounds is larger than within one.

MB/s is payload, one way. User and system are medians of their own and need not
add up to the CPU of a message.
Idle CPU at 100 and 1,000 connections is over 5 s, which is shorter than the interval of heartbeats.

The peers write once a message, as their API does; wsmanager and the limit write
what a turn produced together. The limit is a client that polls, batches and does
nothing else, in a process of its own beside the server's: 1 is no law of nature.
With one message in flight a client that blocks in its read, as Beast does, may
take less CPU; with a few hundred whoever need not sleep wins, and the limit itself
is at times the one and at times the other: there the same code has been measured
at 0.2 of the limit's rate and at 1. Under TLS the limit is bare OpenSSL on
sockets; of JSON it parses none."""


def who():
    rows, seen = [], set()
    for contender in clients() + servers():
        if contender.key in seen:
            continue
        seen.add(contender.key)
        there = contender.is_there()
        rows.append((contender.label,
                     contender.found or "" if there else
                     f"**missing**: {contender.why_missing}"))
    libraries = ", ".join(f"{name} {package(name)}" for name in (
        "libwebsockets-dev", "libuv1-dev", "libssl-dev") if package(name))
    return table(("contender", "version"), rows) + "\n\nOurs depends on " + \
        libraries + "."


def digits(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def measured_text(measured):
    """With the lowest and the highest, where rounds were taken."""
    if measured is None:
        return ""
    if not hasattr(measured, "low"):
        return digits(measured)
    return f"{digits(measured)} ({digits(measured.low)}–{digits(measured.high)})"


def goal_rows(results, whole=True):
    """All of them, or those that were measured: "" when none was."""
    rows, title = [], ""
    for load, compare, figure, unit, measured in Goals(results).rows():
        title = load or title
        if measured is None and not whole:
            continue
        rows.append((load if whole else title, f"{compare} {figure:g} {unit}",
                     measured_text(measured),
                     reached(compare, figure, measured)))
    return rows and table(("load", "wanted", "measured", "reached"), rows)


JSON_NOTE = (
    "lua-cjson's share in place is the time that passes inside its two calls, by "
    "a clock read around them, of the CPU of that client without what the clock "
    "takes; alone it runs the same two calls in a loop without a socket.")


def row_of(series, key):
    speed = spread(series, key, rate)
    if not speed:
        return (series.labels[key], "failed", "", "", "", "", "", "")
    megabytes = speed.middle * series.load.bytes / 1e6
    near = ratio(series, key, cpu if series.load.by_cpu else rate)
    to_node = ratio(series, key, rate, "node")
    return (series.labels[key], speed.text(short), short(megabytes),
            spread(series, key, cpu).text(short),
            short(spread(series, key, user).middle),
            short(spread(series, key, system).middle),
            "" if near is None else f"{near:.3g}",
            "" if to_node is None else f"{to_node:.3g}")


def series_table(series):
    if "limit" not in series.samples:
        last = ""
    elif series.load.by_cpu:
        last = "× the limit's CPU"
    else:
        last = "× the limit's rate"
    head = ("", "messages/s", "MB/s", "CPU µs a message", "user", "system",
            last, "× node's rate")
    keys = list(series.samples) + [k for k in series.failures
                                   if k not in series.samples]
    text = f"### {series.load.title}\n\n" + table(
        head, [row_of(series, key) for key in keys])
    for key, why in series.failures.items():
        text += f"\n\n{series.labels[key]} failed: " + \
            why.splitlines()[0].replace(ROOT + "/", "")
    return text


def idle_table(results):
    rows = [(f"{row['connections']:,}", f"{row['bytes']:.0f}",
             f"{row['lua_bytes']:.0f}", f"{row['open_seconds']:.2f}",
             f"{1e6 * row['open_cpu'] / row['connections']:.0f}",
             f"{100 * row['idle_cpu']:.3f} over {row['window']:.0f} s",
             f"{1e6 * row['echo_alone']:.1f}", f"{1e6 * row['echo_among']:.1f}")
            for row in results["idle"]]
    text = table(("connections", "bytes each", "of them Lua's",
                  "seconds to open all", "CPU µs to open one",
                  "idle: % of a core", "CPU µs of an echo alone",
                  "of an echo among them"), rows)
    for connections in results["left_out"]:
        text += f"\n\n{connections:,} connections: not measured (descriptors)."
    return text


def histogram(counts):
    """One line for each 500 ms."""
    groups = [sum(counts[i:i + 5]) for i in range(0, len(counts), 5)]
    top = max(groups) or 1
    lines = []
    for i, count in enumerate(groups):
        if count:
            bar = "#" * max(1, round(40 * count / top))
            lines.append(f"{i / 2:5.1f} s {2 * count:6d}/s {bar}")
    return "\n".join(lines)


def growth_table(row):
    def line(title, what, form):
        return (title, *(format(row[f"{what}_{when}"], form)
                         for when in ("before", "after", "again")))
    return table(("a connection", "before", "after", "after a second time"), [
        line("resident bytes", "resident", ".0f"),
        line("of them Lua's", "lua", ".0f"),
        line("blocks of C", "blocks", ".3f")])


def restart_text(row):
    if not row:
        return "Not measured."
    return (
        f"{row['connections']:,.0f} clients: all open again after "
        f"{row['seconds']:.1f} s, {row['dials']:.0f} attempts, "
        f"{row['cpu']:.2f} s of CPU "
        f"({1e6 * row['cpu'] / row['connections']:.0f} µs each). "
        "What a connection holds:\n\n" + growth_table(row)
        + "\n\nDials that the new server saw, over time:\n\n```\n"
        + histogram(row["accepted"]) + "\n```")


def figures_of(results, keys):
    return "\n\n".join(series_table(s) for s in results["series"]
                       if s.load.key in keys)


def write(path, results, options):
    keys = [s.load.key for s in results["series"]]
    groups = (
        ("Clients", [k for k in keys if k in results["client_keys"]]),
        ("Servers, under the bare client",
         [k for k in keys if k in results["server_keys"]]),
        ("Broadcast", [k for k in keys if k in results["broadcast_keys"]]),
    )
    parts = [
        "# Results\n\nWritten by `make bench`: medians, and in brackets the "
        "lowest and the highest of all samples. Every message that comes back "
        "to a client is a text of its own, but for JSON's. [performance.md]"
        "(../docs/explanation/performance.md) says what they mean.",
        machine(options, results["descriptors"], results["load_before"]),
        METHOD,
        "![ratio to the limit](results.svg)",
        "## Wanted and reached\n\n" + goal_rows(results),
        JSON_NOTE,
        "## Who takes part\n\n" + who(),
    ]
    if results["notes"]:
        parts.append("\n\n".join(results["notes"]))
    for title, group in groups:
        if group:
            parts.append(f"## {title}\n\n" + figures_of(results, group))
    parts.append("## Idle connections\n\n" + idle_table(results))
    parts.append("## A server that comes back\n\n"
                 + restart_text(results["restart"]))
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(parts) + "\n")


def print_series(series):
    """For the terminal: the same figures, narrower."""
    print(f"\n{series.load.title}")
    for key in series.samples:
        label, speed, size, work, user_, system_, near, _ = row_of(series, key)
        print(f"  {label:34} {speed:>24} msg/s {size:>6} MB/s "
              f"{work:>22} µs ({user_} + {system_})  {near}")
    for key, why in series.failures.items():
        print(f"  {series.labels[key]} failed: {why}")
