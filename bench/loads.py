"""What is measured, and how: rounds in turn, nothing thrown away."""

import os
import subprocess

from contenders import BUILD, built, clients, servers
from processes import Failed, Server, run, say

KEY, CERT = (os.path.join(BUILD, name) for name in ("key.pem", "cert.pem"))


class Load:
    def __init__(self, key, title, size, inflight, **more):
        self.key, self.title = key, title
        self.size, self.inflight = size, inflight
        self.needs = more.get("needs", ("plain",))
        self.connections = more.get("connections", 1)
        self.by_cpu = more.get("by_cpu", False)
        self.of_servers = more.get("of_servers", False)

    @property
    def bytes(self):
        return 200 if self.size == "json" else int(self.size)


CLIENT_LOADS = [
    Load("32x1", "32 B, 1 in flight", 32, 1, by_cpu=True),
    Load("32x256", "32 B, 256 in flight", 32, 256),
    Load("32x8192", "32 B, 8192 in flight", 32, 8192),
    Load("4Kx64", "4 KiB, 64 in flight", 4096, 64),
    Load("1Mx4", "1 MiB, 4 in flight", 1 << 20, 4),
    Load("jsonx256", "JSON of 200 B, 256 in flight", "json", 256,
         needs=("json",)),
    Load("deflatex256", "JSON of 200 B with permessage-deflate, 256 in flight",
         "json", 256, needs=("deflate",), by_cpu=True),
    Load("tls32x1", "TLS, 32 B, 1 in flight", 32, 1, needs=("tls",),
         by_cpu=True),
    Load("tls32x256", "TLS, 32 B, 256 in flight", 32, 256, needs=("tls",)),
    Load("tls32x8192", "TLS, 32 B, 8192 in flight", 32, 8192, needs=("tls",)),
    Load("tls4Kx64", "TLS, 4 KiB, 64 in flight", 4096, 64, needs=("tls",)),
    Load("tls1Mx4", "TLS, 1 MiB, 4 in flight", 1 << 20, 4, needs=("tls",)),
    Load("tlsjsonx256", "TLS, JSON of 200 B, 256 in flight", "json", 256,
         needs=("tls", "json")),
]

SERVER_LOADS = [
    Load("1x8", "32 B, 1 connection, 8 in flight", 32, 8, connections=1,
         of_servers=True),
    Load("100x8", "32 B, 100 connections, 8 in flight on each", 32, 8,
         connections=100, of_servers=True),
    Load("1000x8", "32 B, 1,000 connections, 8 in flight on each", 32, 8,
         connections=1000, of_servers=True),
    Load("1000x1", "32 B, 1,000 connections, 1 in flight on each", 32, 1,
         connections=1000, of_servers=True),
]

BROADCASTS = [
    Load("news1000", "1 KiB to 1,000 connections", 1024, 0, connections=1000),
    Load("news10000", "1 KiB to 10,000 connections", 1024, 0,
         connections=10000),
]


def make_certificate():
    if os.path.exists(CERT):
        return
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
         "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "365",
         "-keyout", KEY, "-out", CERT],
        check=True, capture_output=True)


class Series:
    """The samples of one load: contender -> list of figures."""

    def __init__(self, load):
        self.load = load
        self.samples = {}
        self.labels = {}
        self.failures = {}

    def add(self, contender, figures):
        self.labels[contender.key] = contender.label
        self.samples.setdefault(contender.key, []).append(figures)

    def fail(self, contender, why):
        self.labels[contender.key] = contender.label
        self.failures[contender.key] = str(why)
        say(f"    {contender.key} failed: {why}")


def in_turn(series, contenders, rounds, measure):
    """limit, ours, peer, limit, ours, peer ..."""
    for _ in range(rounds):
        for contender in contenders:
            if contender.key in series.failures:
                continue
            try:
                series.add(contender, measure(contender))
            except Failed as why:
                series.fail(contender, why)
    return series


SERVER_STRETCH = 2  # a server's sample, in samples of a client
COMPRESS = {"BENCH_COMPRESS": "1"}


def echo_server(load):
    if "deflate" in load.needs:  # no bare program compresses
        ours = next(s for s in servers() if s.key == "ours")
        return Server(ours.command, {**ours.env, **COMPRESS})
    command = [built("echo")]
    if load.size != "json":  # it would overwrite the JSON
        command.append("-n")
    if "tls" in load.needs:
        make_certificate()
        command += ["-c", CERT, "-k", KEY]
    return Server(command)


def is_invited(contender, options):
    return not options.clients or contender.key in options.clients


def can(contender, load):
    if contender.key == "limit":
        return "deflate" not in load.needs
    return set(load.needs) <= set(contender.can)


def client_load(load, options):
    """Every client that can, against the bare echo server."""
    able = [c for c in clients() if is_invited(c, options)
            and c.is_there() and can(c, load)]
    is_tls = "tls" in load.needs
    scheme = "wss://localhost" if is_tls else "ws://127.0.0.1"
    with echo_server(load) as server:
        def measure(contender):
            size = load.size
            if size == "json" and contender.key == "limit":
                size = load.bytes
            command = contender.command + [
                f"{scheme}:{server.port}", str(size), str(load.inflight),
                str(options.warm), str(options.seconds)]
            if is_tls and contender.wants_ca:
                command.append(CERT)
            more = COMPRESS if "deflate" in load.needs else {}
            return run(command, {**contender.env, **more})
        return in_turn(Series(load), able, options.rounds, measure)


def server_rounds(rounds):
    return max(1, rounds * 3 // 5)


def server_load(load, options):
    """Every server, under the bare crowd; figures are the server's. Fewer rounds
    than a client has, of longer samples: each starts the server anew."""
    broadcasts = load.inflight == 0
    able = [c for c in servers() if c.is_there()]

    def measure(contender):
        argument = []
        if broadcasts:
            argument = [str(load.size)]
            if contender.key == "limit":
                argument = ["-b", *argument]
        with Server(contender.command + argument, contender.env) as server:
            return run([
                built("crowd"), f"ws://127.0.0.1:{server.port}",
                str(load.connections), str(load.inflight), str(load.size),
                str(options.warm), str(SERVER_STRETCH * options.seconds),
                str(server.pid)])  # its CPU is known in steps of 10 ms

    return in_turn(Series(load), able, server_rounds(options.rounds),
                   measure)
