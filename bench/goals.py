"""What the module wants to reach, beside what it reached in this run."""

from numbers_of import Middle, cpu, inside, rate, ratio, spread, user


class Goals:
    def __init__(self, results):
        self.series = {s.load.key: s for s in results["series"]}
        self.idle = {row["connections"]: row for row in results["idle"]}

    def get(self, load, key, what):
        series = self.series.get(load)
        found = series and spread(series, key, what)
        return Middle(found.values) if found else None

    def of(self, load, key, what, to="limit"):
        series = self.series.get(load)
        return ratio(series, key, what, to) if series else None

    def json_in_place(self):
        share = self.get("jsonx256", "timed", inside)
        return share.times(100) if share else None

    def json_alone(self):
        share = self.of("jsonx256", "cjson", cpu, "ours")
        return share.times(100) if share else None

    def beside_send(self):
        """CPU of a delivery that is not the system call of the bare server."""
        whole = self.get("news10000", "ours", cpu)
        bare = self.get("news10000", "limit", cpu)
        return max(0, whole - bare) if whole and bare else None

    def delivery(self):
        return self.get("news10000", "ours", user)

    def bare_server(self):
        """What no server on sockets can be beyond."""
        bare = self.of("1000x1", "limit", rate, "node")
        return f" (the bare C server: {bare:.3g})" if bare else ""

    def idle_of(self, name, connections=10000):
        row = self.idle.get(connections)
        return row and row[name]

    def echo_among(self):
        row = self.idle.get(10000)
        return row and row["echo_among"] / row["echo_alone"]

    def rows(self):
        """(load, what is wanted, compare, figure, unit, measured)"""
        least, most = "at least", "at most"
        idle_bytes = self.idle_of("bytes")
        idle_cpu = self.idle_of("idle_cpu")
        return [
            ("32 B, 8192 in flight", most, 0.35, "µs CPU a round trip, Lua 5.4",
             self.get("32x8192", "ours", cpu)),
            ("", most, 0.22, "µs CPU a round trip, LuaJIT",
             self.get("32x8192", "luajit", cpu)),
            ("", least, 8, "times Boost.Beast's rate",
             self.of("32x8192", "ours", rate, "beast")),
            ("32 B, 256 in flight", least, 0.8, "of the limit's rate",
             self.of("32x256", "ours", rate)),
            ("32 B, 1 in flight", most, 1.3, "times the limit's CPU",
             self.of("32x1", "ours", cpu)),
            ("1 MiB, 4 in flight", least, 0.8, "of the limit's rate",
             self.of("1Mx4", "ours", rate)),
            ("TLS, 1 MiB, 4 in flight", least, 0.8, "of bare OpenSSL's rate",
             self.of("tls1Mx4", "ours", rate)),
            ("JSON of 200 B", least, 70, "% of the CPU is lua-cjson's, in place",
             self.json_in_place()),
            ("", least, 70, "% of the CPU is what lua-cjson takes alone",
             self.json_alone()),
            ("onmessage, 256 in flight", most, 1.5, "times the CPU of receive",
             self.of("32x256", "callback", cpu, "ours")),
            ("echo server, 1,000 connections", least, 3, "times node ws, "
             "8 in flight on each", self.of("1000x8", "ours", rate, "node")),
            ("", least, 3, "times node ws, 1 in flight on each"
             + self.bare_server(),
             self.of("1000x1", "ours", rate, "node")),
            ("broadcast to 10,000", most, 1.5, "µs CPU a delivery more than "
             "the bare server", self.beside_send()),
            ("", most, 1.5, "µs CPU a delivery outside the kernel",
             self.delivery()),
            ("10,000 idle connections", most, 4096, "bytes each", idle_bytes),
            ("", most, 0.5, "% of a core",
             None if idle_cpu is None else 100 * idle_cpu),
            ("", most, 1.2, "times the CPU of an echo alone",
             self.echo_among()),
        ]


def reached(compare, figure, measured):
    if measured is None:
        return "not measured"
    good = measured >= figure if compare == "at least" else measured <= figure
    return "yes" if good else "no"
