"""How long the ends of nginx's worker take, with clients of a server that lives in it."""

import contextlib
import pathlib
import statistics
import subprocess
import tempfile
import time

import nginx

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = "20"

# A reload's new worker listens while the old one does: on a port of its own.
INIT = """
  local server = assert(require "wsmanager".serve {{
    host = "127.0.0.1", port = 0,
    handler = function (ws) while ws:receive() do end end,
  }})
  local file = assert(io.open("{folder}/" .. ngx.worker.pid(), "w"))
  file:write(server.port, " ")
  file:close()
"""


def port_of(folder, pid):
    path = pathlib.Path(folder) / str(pid)
    nginx.until(lambda: path.exists() and path.read_text().endswith(" "), "a server")
    return path.read_text().strip()


def connected(port, environment):
    clients = subprocess.Popen(["luajit", f"{HERE}/clients.lua", port, CLIENTS],
                               env=environment, stdout=subprocess.PIPE, text=True)
    clients.stdout.readline()
    return clients


def measure(name, environment):
    """Seconds until the worker is gone, until another one answers, and the codes that
    the clients got."""
    with tempfile.TemporaryDirectory() as folder:
        its = nginx.Nginx(init=INIT.format(folder=folder))
        worker = its.worker()
        clients = connected(port_of(folder, worker), environment)
        began = time.monotonic()
        its.signal("KILL" if name == "killed" else name,
                   worker if name == "killed" else None)
        nginx.until(lambda: not nginx.lives(worker), "its end")
        gone, again = time.monotonic() - began, 0
        if name in ("HUP", "killed"):
            nginx.until(lambda: its.worker() not in (0, worker), "a worker")
            again = time.monotonic() - began
        codes = clients.stdout.read().split()
        clients.wait(nginx.LIMIT)
        with contextlib.suppress(OSError):
            its.close()
        return gone * 1e3, again * 1e3, ",".join(sorted(set(codes)))


def show(rounds, environment):
    print(f"\nnginx's worker with a server of ours and {CLIENTS} clients, "
          f"medians of {rounds} rounds\n")
    print("| end | gone after ms | another answers after ms | clients get |")
    print("|---|---|---|---|")
    found = {}
    for _ in range(rounds):
        for name in ("HUP", "QUIT", "TERM", "killed"):
            found.setdefault(name, []).append(measure(name, environment))
    for name, all_ in found.items():
        gone = statistics.median(one[0] for one in all_)
        again = statistics.median(one[1] for one in all_)
        codes = " / ".join(sorted({one[2] for one in all_}))
        print(f"| {'reload (HUP)' if name == 'HUP' else name} | {gone:.0f} | "
              f"{f'{again:.0f}' if again else ''} | {codes} |")
