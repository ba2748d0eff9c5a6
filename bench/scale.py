"""Ten thousand managed connections in one Lua process."""

import json
import os
import subprocess

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


def restart(connections):
    """A server goes and comes back under its clients."""
    server = Server([built("echo")])
    client = subprocess.Popen(
        ["lua5.4", script("scale", "restart.lua"),
         f"ws://127.0.0.1:{server.port}", str(connections)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **ENV})
    again = None
    try:
        if client.stdout.readline().strip() != "ready":
            raise Failed("restart.lua: " + client.communicate(timeout=5)[1])
        server.stop()
        again = Server([built("echo"), "-p", str(server.port)])
        out, err = client.communicate(timeout=90)
        row = figures(out, err, ["restart.lua"])
        row["accepted"] = json.loads(again.stop())["accepted"]
        return row
    except subprocess.TimeoutExpired:
        raise Failed("restart.lua did not end in time") from None
    finally:
        client.kill()
        for one in (server, again):
            if one and one.process.poll() is None:
                one.stop()
