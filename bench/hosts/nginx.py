"""nginx with Lua for the bench: one worker, in a folder of its own, on loopback."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODULES = pathlib.Path("/usr/lib/nginx/modules")
LIMIT = 30          # seconds, for whatever is to happen

CONFIGURATION = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  {temporary}
  lua_package_path "{root}/?.lua;{root}/lua/?.lua;{root}/lua/?/init.lua;{more};;";
  lua_package_cpath "{root}/build/luajit/?.so;;";
  init_worker_by_lua_block {{ {init} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ content_by_lua_file {root}/bench/hosts/nginx.lua; }}
    location /pid {{ content_by_lua_block {{ ngx.say(ngx.worker.pid()) }} }}
  }}
}}
"""


def why_not():
    if not (MODULES / "ngx_http_lua_module.so").exists():
        return "nginx with Lua is not installed (Debian: libnginx-mod-http-lua)"
    if not (ROOT / "build/luajit/wsmanager/core.so").exists():
        return "there is no build/luajit"
    return None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def until(is_so, what):
    deadline = time.monotonic() + LIMIT
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(f"nginx: {what} takes too long")
        time.sleep(0.0005)


def lives(pid):
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    return False


class Nginx:
    """more: folders of further Lua; init: Lua of init_worker_by_lua."""

    def __init__(self, more="", init=""):
        self.folder = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.port = free_port()
        names = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(
            modules=MODULES, root=ROOT, folder=self.folder, port=self.port,
            more=f"{more}/?.lua" if more else "", init=init,
            user="user root;" if os.geteuid() == 0 else "",
            temporary="\n".join(f"{name}_temp_path {self.folder}/temp;"
                                for name in names)))
        self.master = subprocess.Popen(
            ["nginx", "-p", str(self.folder), "-c", f"{self.folder}/nginx.conf",
             "-e", f"{self.folder}/error.log"], stderr=subprocess.DEVNULL)
        until(self.worker, "its start")

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=120) as answer:
            return answer.read().decode()

    def worker(self):
        """The process that answers; 0: none does."""
        with contextlib.suppress(OSError):
            return int(self.get("/pid"))
        return 0

    def signal(self, name, pid=None):
        os.kill(pid or self.master.pid, getattr(signal, "SIG" + name))

    def close(self):
        self.master.terminate()
        self.master.wait(LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)
