"""Who takes part: how each is started, and how one knows that it is there."""

import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, "build", "bench")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"
NODE_PATH = os.pathsep.join([os.path.join(BUILD, "node_modules"),
                             "/usr/share/nodejs"])


def built(name):
    return os.path.join(BUILD, name)


def script(*path):
    return os.path.join(HERE, *path)


def lua_environment(abi):
    return {
        "LUA_PATH": ";".join([f"{ROOT}/lua/?.lua", f"{ROOT}/lua/?/init.lua",
                              f"{HERE}/?.lua", ""]) + ";",
        "LUA_CPATH": f"{ROOT}/build/{abi}/?.so;;",
    }


def output_of(*command, env=None):
    """The first line a command prints, or None when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=20, env={**os.environ, **(env or {})},
                              check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else ""


class Contender:
    """A program of the bench, with what it can do: "plain", "tls", "json"."""

    def __init__(self, key, label, command, **more):
        self.key, self.label, self.command = key, label, command
        self.env = more.get("env", {})
        self.can = more.get("can", ("plain", "tls"))
        self.version = more.get("version") or (lambda: "")
        self.wants_ca = more.get("wants_ca", False)
        self.why_missing = more.get("missing", "not built")
        self.found = None

    def is_there(self):
        if self.found is None:
            self.found = self.version()
        return self.found is not None


def exists(name, version):
    def probe():
        return version() if os.path.exists(built(name)) else None
    return probe


def package(name):
    return output_of("dpkg-query", "-W", "-f", "${Version}", name) or ""


def ours_version(interpreter, abi):
    def probe():
        text = output_of(
            interpreter, "-e", 'print((jit and jit.version or _VERSION), '
            'require "wsmanager"._VERSION)', env=lua_environment(abi))
        return text and text.replace("\t", ", ")
    return probe


def compiler():
    return output_of("cc", "--version") or ""


NODE_PROBE = """
const version = name => JSON.parse(require('fs').readFileSync(
  require('path').join(require('path').dirname(require.resolve(name)),
    'package.json'))).version;
let helper = 'without bufferutil';
try {
  const native = /native code/.test(require('bufferutil').mask);
  helper = `bufferutil ${version('bufferutil')}`;
  if (!native) helper += ' (not its native code)';
} catch (e) {}
console.log(`ws ${version('ws')}, node ${process.version}, ${helper}`);
"""


def node_version():
    return output_of("node", "-e", NODE_PROBE, env={"NODE_PATH": NODE_PATH})


def python_version():
    return output_of(PYTHON, "-c", "import sys, websockets; "
                     "print('websockets', websockets.version.version + "
                     "', Python', sys.version.split()[0])")


HTTP_LUAS = ("luajit", "lua5.1", "lua5.4", "lua5.3")


def http_lua():
    """The fastest interpreter for which lua-http is there."""
    for name in HTTP_LUAS:
        if shutil.which(name) and output_of(
                name, "-e", 'require "http.websocket" print "yes"') == "yes":
            return name
    return None


def http_version():
    name = http_lua()
    return name and f"lua-http {package('lua-http')}, {name}"


def interpreted(interpreter, *path):
    return [interpreter, script(*path)]


def clients():
    peer = ("plain", "tls", "json", "deflate")
    return [
        Contender("limit", "limit: bare sockets, C", [built("limit")],
                  version=compiler),
        Contender("ours", "wsmanager, Lua 5.4",
                  interpreted("lua5.4", "clients", "ours.lua"), can=peer,
                  env=lua_environment("lua5.4"), wants_ca=True,
                  version=ours_version("lua5.4", "lua5.4"),
                  missing="make build"),
        Contender("luajit", "wsmanager, LuaJIT",
                  interpreted("luajit", "clients", "ours.lua"), can=peer,
                  env=lua_environment("luajit"), wants_ca=True,
                  version=ours_version("luajit", "luajit"),
                  missing="make build LUA=luajit"),
        Contender("callback", "wsmanager, Lua 5.4, onmessage",
                  interpreted("lua5.4", "clients", "ours.lua"),
                  can=("plain", "json"), wants_ca=True,
                  env={**lua_environment("lua5.4"), "BENCH_STYLE": "callback"},
                  version=ours_version("lua5.4", "lua5.4")),
        Contender("timed", "wsmanager, Lua 5.4, lua-cjson timed",
                  interpreted("lua5.4", "clients", "ours.lua"),
                  can=("json",),
                  env={**lua_environment("lua5.4"), "BENCH_STYLE": "timed"},
                  version=ours_version("lua5.4", "lua5.4")),
        Contender("beast", "Boost.Beast, C++, synchronous", [built("beast")],
                  version=exists("beast", lambda: "Boost " +
                                 package("libboost-dev")),
                  missing="libboost-dev"),
        Contender("gorilla", "gorilla/websocket, Go", [built("gorilla")],
                  can=peer, wants_ca=True,
                  version=exists("gorilla", lambda: "gorilla " + package(
                      "golang-github-gorilla-websocket-dev") + ", Go " +
                      package("golang-go")),
                  missing="golang-go golang-github-gorilla-websocket-dev"),
        Contender("lws", "libwebsockets' own framing, C", [built("lws")],
                  version=exists("lws", lambda: "libwebsockets " +
                                 package("libwebsockets-dev"))),
        Contender("node", "ws, node", interpreted("node", "clients", "node.js"),
                  can=peer, wants_ca=True,
                  env={"NODE_PATH": NODE_PATH}, version=node_version,
                  missing="nodejs node-ws"),
        Contender("python", "websockets, Python",
                  interpreted(PYTHON, "clients", "python.py"),
                  can=peer, wants_ca=True,
                  version=python_version, missing="python3-websockets"),
        Contender("http", "lua-http",
                  interpreted(http_lua() or "lua", "clients", "http.lua"),
                  wants_ca=True, env={"LUA_PATH": HERE + "/?.lua;;"},
                  version=http_version, missing="lua-http"),
        Contender("cjson", "lua-cjson alone, no socket",
                  interpreted("lua5.4", "clients", "cjson.lua"),
                  can=("json",), env=lua_environment("lua5.4"),
                  version=lambda: "lua-cjson " + package("lua-cjson")),
        Contender("resty", "lua-resty-websocket, nginx", [], can=(),
                  version=lambda: None,
                  missing="Debian has no package of it"),
    ]


def servers():
    return [
        Contender("limit", "limit: bare sockets, C", [built("echo")],
                  version=compiler),
        Contender("ours", "wsmanager, Lua 5.4",
                  interpreted("lua5.4", "servers", "ours.lua"),
                  env=lua_environment("lua5.4"),
                  version=ours_version("lua5.4", "lua5.4")),
        Contender("node", "ws, node", interpreted("node", "servers", "node.js"),
                  env={"NODE_PATH": NODE_PATH}, version=node_version,
                  missing="nodejs node-ws"),
        Contender("python", "websockets, Python",
                  interpreted(PYTHON, "servers", "python.py"),
                  version=python_version, missing="python3-websockets"),
    ]
