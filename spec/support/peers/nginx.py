"""An nginx with Lua in a folder of its own, on loopback, with the module that is
built in build/luajit; or in build/luajit-asan, where the specs run that: then with the
sanitizer's runtime, whose reports are files of the folder, and the end of the log.

Options: workers (1); main, http, server: further directives of these blocks; init,
init_worker, exit_worker: Lua; locations: { path: Lua of its content, or a list of
lines of directives }; cpath, before the build. $PORT in all of these is the port,
$TLS a second one. configuration: a whole one in the place of all that, in which $FOLDER
is for its files, $TREE the module's tree and $BUILD where it is built.
Events: ready { master, folder, tls }: its process, where its error.log is, the second
port. ended
{ status, log, left }: what it wrote, and the files that it left in the folder.
It ends with this process, however that ends.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from peer import OPTIONS, begin, tell

STARTING = 60       # seconds, on a machine with much else to do
PR_SET_PDEATHSIG = 1
MODULES = "/usr/lib/nginx/modules"
TREE = pathlib.Path(__file__).resolve().parents[3]

IS_SANITIZED = "-asan/" in os.environ.get("LUA_CPATH", "")
BUILD = TREE / "build" / ("luajit-asan" if IS_SANITIZED else "luajit")

libc = ctypes.CDLL(None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def block(name, lua):
    return f"{name} {{\n{lua}\n}}\n" if lua else ""


def location(path, content):
    if isinstance(content, str):
        content = [block("content_by_lua_block", content)]
    return f"location {path} {{\n" + "\n".join(content) + "\n}\n"


def configuration(folder):
    user = "user root;" if os.geteuid() == 0 else ""
    cpath = f"{BUILD}/?.so;;"
    if "cpath" in OPTIONS:
        cpath = OPTIONS["cpath"] + ";" + cpath
    locations = "".join(location(path, content) for path, content
                        in OPTIONS.get("locations", {}).items())
    temporary = "\n".join(f"{name}_temp_path {folder}/temp;" for name in
                          ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
    return f"""
load_module {MODULES}/ndk_http_module.so;
load_module {MODULES}/ngx_http_lua_module.so;
{user}
worker_processes {OPTIONS.get("workers", 1)};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
{OPTIONS.get("main", "")}
events {{ worker_connections 2048; {OPTIONS.get("events", "")} }}
http {{
  access_log off;
  {temporary}
  lua_package_path "{TREE}/lua/?.lua;{TREE}/lua/?/init.lua;{TREE}/?.lua;{TREE}/spec/?.lua;;";
  lua_package_cpath "{cpath}";
  {OPTIONS.get("http", "")}
  {block("init_by_lua_block", OPTIONS.get("init"))}
  {block("init_worker_by_lua_block", OPTIONS.get("init_worker"))}
  {block("exit_worker_by_lua_block", OPTIONS.get("exit_worker"))}
  server {{
    listen 127.0.0.1:$PORT;
    {OPTIONS.get("server", "")}
    {locations}
  }}
}}
"""


def listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def log_of(folder):
    paths = [folder / "error.log", *sorted(folder.glob("sanitizer.*"))]
    return "".join(path.read_text(errors="replace") for path in paths if path.exists())


# nginx keeps its memory until it exits: what it had is no leak of ours.
def environment(folder):
    if not IS_SANITIZED:
        return None
    runtime = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True,
                             capture_output=True, text=True).stdout.strip()
    options = f"log_path={folder}/sanitizer"
    return {**os.environ, "LD_PRELOAD": os.path.realpath(runtime),
            "ASAN_OPTIONS": options + ":detect_leaks=0",
            "UBSAN_OPTIONS": options + ":print_stacktrace=1"}


def start(folder, port, tls):
    text = OPTIONS.get("configuration") or configuration(folder)
    for name, value in {"PORT": port, "TLS": tls, "FOLDER": folder, "TREE": TREE,
                        "BUILD": BUILD}.items():
        text = text.replace("$" + name, str(value))
    (folder / "nginx.conf").write_text(text)
    child = subprocess.Popen(
        ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"),
         "-e", str(folder / "error.log")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=environment(folder),
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
    deadline = time.monotonic() + STARTING
    while not listens(port):
        if child.poll() is not None or time.monotonic() > deadline:
            child.kill()
            print("nginx does not listen:",
                  log_of(folder)[-2000:].replace("\n", " | "), flush=True)
            sys.exit(1)
        time.sleep(0.02)
    return child


def left_in(folder):
    known = {"nginx.conf", "error.log", "temp"}
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


def main():
    folder = pathlib.Path(tempfile.mkdtemp()).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    child = None
    try:
        port, tls = free_port(), free_port()
        child = start(folder, port, tls)
        begin(port, life=600)
        tell("ready", master=child.pid, folder=str(folder), tls=tls)
        status = child.wait()
        tell("ended", status=status, log=log_of(folder), left=left_in(folder))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)    # the end is under way
        if child and child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            child.kill()
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
