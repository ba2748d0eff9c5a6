"""Ten thousand managed connections in one Lua process."""

import os
import subprocess
import threading

from contenders import built, lua_environment, script
from processes import Failed, Server, figures, run, say

ENV = lua_environment("lua5.4")


def idle(connections, window):
    with Server([built("echo")]) as server:
        return run(["lua5.4", script("scale", "idle.lua"),
                    f"ws://127.0.0.1:{server.port}", str(connections),
                    str(window)], ENV, window + 60)


def idle_all(options, descriptors):
    """Rows for as many connections as the descriptors allow, and the rest."""
    rows, left_out = [], []
    for connections in options.idle:
        if connections + 64 > descriptors:
            left_out.append(connections)
            continue
        say(f"  {connections} idle connections")
        window = options.window if connections == 10000 else 5
        try:
            rows.append(idle(connections, min(window, options.window)))
        except Failed as why:
            say(f"    failed: {why}")
            left_out.append(connections)
    return rows, left_out


def come_back(client, server):
    """Once: the server that was ends, and its successor is returned."""
    if client.stdout.readline().strip() != "ready":
        raise Failed("restart.lua: " + client.communicate(timeout=5)[1])
    server.stop()
    return Server([built("echo"), "-p", str(server.port)])


def end_all(client, held):
    client.kill()
    for server in held:
        if server.process.poll() is None:
            server.stop()


def restart(connections):
    """A server goes and comes back under its clients, twice."""
    held = [Server([built("echo")])]
    client = subprocess.Popen(
        ["lua5.4", script("scale", "restart.lua"),
         f"ws://127.0.0.1:{held[0].port}", str(connections)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **ENV})
    guard = threading.Timer(120, client.kill)
    guard.start()
    try:
        held.append(come_back(client, held[0]))
        held.append(come_back(client, held[1]))
        out, err = client.communicate(timeout=90)
        row = figures(out, err, ["restart.lua"])
        row["accepted"] = held[1].printed["accepted"]
        return row
    except (subprocess.TimeoutExpired, OSError, KeyError) as why:
        raise Failed(f"restart.lua: {why}") from None
    finally:
        guard.cancel()
        end_all(client, held)
