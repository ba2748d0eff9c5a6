"""Somebody else's server as a child of this process: NATS, Mosquitto, RabbitMQ with
its STOMP over WebSocket, a Chromium without a window, or a reverse proxy.

Options: server ("nats", "mosquitto", "rabbitmq", "chromium", "nginx", "haproxy",
"caddy"); port (one that is free;
given again, a server comes back where it was; Chromium takes one of its own); folder
(where it keeps its state; else one of its own, which is removed); user, password, or of
NATS token; trace (NATS pings each second, and writes what is sent into the folder's
`log`); files (a folder whose files are served for Chromium); config (of a proxy: the text
of its configuration, in which PORT is the port that it listens on). It ends with this process,
however that ends.
Events: of Chromium ready { path, page }: the path of its DevTools, the URL of the files.
"""

import contextlib
import ctypes
import functools
import http.server
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from peer import OPTIONS, begin, tell

STARTING = 300      # seconds, on a machine with much else to do
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None)
children = []


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def start(folder, *command, **environment):
    """A child whose output is kept in the folder, for the case that it ends."""
    log = open(folder / "log", "ab")
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
        env={**os.environ, "HOME": str(folder), **environment},
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    children.append(child)
    return child


def read_log(folder):
    return (folder / "log").read_text(errors="replace")


def fail(folder, why):
    print(why, " | ".join(read_log(folder)[-2000:].split("\n")), flush=True)
    sys.exit(1)


def wait_until(folder, is_ready):
    deadline = time.monotonic() + STARTING
    while not is_ready():
        if any(child.poll() is not None for child in children):
            fail(folder, "the server has ended:")
        if time.monotonic() > deadline:
            fail(folder, "the server does not listen:")
        time.sleep(0.02)


def listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def nats(folder, port):
    (folder / "nats.conf").write_text(f"""
        listen: "127.0.0.1:-1"
        websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}
        authorization {{ token: "{OPTIONS.get("token", "secret")}" }}
        ping_interval: "{"1s" if "trace" in OPTIONS else "2m"}"
    """)
    start(folder, "nats-server", "-c", "nats.conf",
          *(["-DV"] if "trace" in OPTIONS else []))


def mosquitto(folder, port):
    passwords = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, OPTIONS["user"],
                    OPTIONS["password"]], check=True, capture_output=True)
    (folder / "mosquitto.conf").write_text(f"""
listener 0 {folder / "socket"}
listener {port} 127.0.0.1
protocol websockets
socket_domain ipv4
allow_anonymous false
password_file {passwords}
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
user root
""")
    start(folder, "mosquitto", "-c", "mosquitto.conf")


def rabbitmq(folder, port):
    names = str(free_port())
    (folder / "plugins").write_text("[rabbitmq_web_stomp].")
    (folder / "rabbitmq.conf").write_text(f"""
listeners.tcp = none
web_stomp.tcp.ip = 127.0.0.1
web_stomp.tcp.port = {port}
default_user = {OPTIONS["user"]}
default_pass = {OPTIONS["password"]}
""")
    epmd = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": names}
    start(folder, "epmd", **epmd)
    wait_until(folder, lambda: listens(int(names)))
    start(folder, "/usr/lib/rabbitmq/bin/rabbitmq-server", **epmd,
          RUNNING_UNDER_SYSTEMD="true",     # Erlang replaces the shell
          RABBITMQ_NODENAME=f"spec{port}@localhost",
          RABBITMQ_DIST_PORT=str(free_port()),
          RABBITMQ_CONF_ENV_FILE="/dev/null", RABBITMQ_LOGS="-",
          RABBITMQ_MNESIA_BASE=str(folder), RABBITMQ_LOG_BASE=str(folder),
          RABBITMQ_ENABLED_PLUGINS_FILE=str(folder / "plugins"),
          RABBITMQ_CONFIG_FILE=str(folder / "rabbitmq.conf"),
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none")


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve_files(folder):
    handler = functools.partial(Files, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


# No window, no internet, and no tab that waits because nobody looks at it.
CHROMIUM = """
    --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
    --no-proxy-server --disable-background-networking --disable-component-update
    --disable-default-apps --disable-extensions --disable-sync --mute-audio
    --disable-background-timer-throttling --disable-renderer-backgrounding
    --disable-backgrounding-occluded-windows --force-color-profile=srgb
    --password-store=basic --lang=en-US --remote-debugging-port=0
""".split()


def chromium(folder, _):
    start(folder, "chromium", *CHROMIUM, f"--user-data-dir={folder}",
          "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
          "about:blank")
    told = folder / "DevToolsActivePort"
    wait_until(folder, lambda: told.exists() and "\n/" in told.read_text())
    port, path = told.read_text().split("\n")
    page = OPTIONS.get("files") and f"http://127.0.0.1:{serve_files(OPTIONS['files'])}/"
    return int(port), {"path": path, "page": page}


def configured(folder, port):
    (folder / "config").write_text(OPTIONS["config"].replace("PORT", str(port)))


def nginx(folder, port):
    configured(folder, port)
    start(folder, "nginx", "-p", str(folder), "-c", "config", "-g",
          f"daemon off; pid {folder}/pid; error_log stderr; user root;")


def haproxy(folder, port):
    configured(folder, port)
    start(folder, "haproxy", "-db", "-f", "config")


def caddy(folder, port):
    configured(folder, port)
    start(folder, "caddy", "run", "--adapter", "caddyfile", "--config", "config",
          XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))


def stop_all():
    for child in reversed(children):
        child.send_signal(signal.SIGTERM if OPTIONS["server"] == "mosquitto"
                          else signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        child.kill()
        child.wait()


def main():
    folder = pathlib.Path(OPTIONS.get("folder") or tempfile.mkdtemp()).resolve()
    port = OPTIONS.get("port") or free_port()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve = globals()[OPTIONS["server"]]
        port, told = serve(folder, port) or (port, None)
        wait_until(folder, lambda: listens(port))
        begin(port, life=600)
        if told:
            tell("ready", **told)
        children[-1].wait()
    finally:
        stop_all()
        if "folder" not in OPTIONS:
            shutil.rmtree(folder, ignore_errors=True)


main()
