"""A real proxy, and in front of it a relay that sees what it is told.

Options: kind ("tinyproxy" or "microsocks"), user and password, deny (a host
tinyproxy refuses), tls { cert, key } for a relay that speaks TLS.

Events: connected { first } with the first bytes of the client in hex.
"""

import ctypes
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from peer import OPTIONS, begin, tell

LOCAL = "127.0.0.1"
LIFE = 600


def free_port():
    with socket.socket() as sock:
        sock.bind((LOCAL, 0))
        return sock.getsockname()[1]


def die_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def write(text):
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    return file.name


def tinyproxy(port, files):
    lines = [f"Port {port}", f"Listen {LOCAL}", "Timeout 60", "MaxClients 50"]
    if "user" in OPTIONS:
        lines.append(f"BasicAuth {OPTIONS['user']} {OPTIONS['password']}")
    if "deny" in OPTIONS:
        files.append(write(f"^{OPTIONS['deny']}$\n"))
        lines.append(f'Filter "{files[-1]}"')
    files.append(write("\n".join(lines) + "\n"))
    return ["tinyproxy", "-d", "-c", files[-1]]


def microsocks(port, files):
    command = ["microsocks", "-i", LOCAL, "-p", str(port)]
    if "user" in OPTIONS:
        command += ["-u", OPTIONS["user"], "-P", OPTIONS["password"]]
    return command


def reach(port):
    until = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection((LOCAL, port))
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def run():
    port, files = free_port(), []
    make = {"tinyproxy": tinyproxy, "microsocks": microsocks}[OPTIONS["kind"]]
    subprocess.Popen(
        make(port, files),
        preexec_fn=die_with_us,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    reach(port).close()
    for file in files:
        os.unlink(file)
    return port


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def relay(client, port, context):
    server = reach(port)
    try:
        if context:
            client = context.wrap_socket(client, server_side=True)
        first = client.recv(65536)
        tell("connected", first=first.hex())
        server.sendall(first)
    except OSError:
        return
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)


def serve():
    port, context = run(), None
    if "tls" in OPTIONS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(OPTIONS["tls"]["cert"], OPTIONS["tls"]["key"])
    sock = socket.create_server((LOCAL, 0))
    begin(sock.getsockname()[1], life=LIFE)
    while True:
        client, _ = sock.accept()
        threading.Thread(
            target=relay, args=(client, port, context), daemon=True
        ).start()


serve()
