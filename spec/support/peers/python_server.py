"""A server on python websockets.

Options: host (the first address of it), port, path (a Unix socket), protocols,
compress (true, or permessage-deflate's parameters by name), and tls { cert,
key } (file names).

What it does is chosen by the request's path:
  /echo               answers each message with itself (any other path too)
  /chunks             answers in fragments of 3 characters or bytes
  /silent             reads, never answers
  /count/N            sends the texts "1" to "N"
  /large/KIND/N/MOST  sends a message of at most N bytes, "text" or "binary", in
                      fragments of MOST bytes or characters; 0: in one frame
  /close/CODE/REASON  closes at once
  /command            obeys: "close CODE REASON", "ping", "abort", else echoes
  /request            sends one JSON text: path, headers, protocol
  /status/N           refuses with that HTTP status (503 with Retry-After: 7)

Events: open { path }, closed { path, code, reason, messages }.
"""

import asyncio
import json
import socket
import ssl
import urllib.parse

import websockets
from websockets.extensions.permessage_deflate import (
    ServerPerMessageDeflateFactory)

import websocket_api as api
from peer import OPTIONS, begin, tell


def pieces(message, size=3):
    for at in range(0, len(message), size):
        yield message[at:at + size]


async def close(ws, code, reason=""):
    await ws.close(int(code), urllib.parse.unquote(reason))


async def obey(ws, message):
    word, *rest = message.split(" ", 2) if isinstance(message, str) else [""]
    if word == "close":
        await close(ws, *rest)
    elif word == "ping":
        await (await ws.ping(b"hello"))
        await ws.send("pong")
    elif word == "abort":
        ws.transport.abort()
    else:
        await ws.send(message)


def request(ws):
    return json.dumps({
        "path": api.path(ws),
        "protocol": ws.subprotocol,
        "headers": api.headers(ws, "request"),
    })


async def answer(ws, mode, message):
    if mode == "chunks" and len(message) > 0:
        await ws.send(pieces(message))
    elif mode == "command":
        await obey(ws, message)
    elif mode != "silent":
        await ws.send(message)


LINE = "0123456789 é € 𝄞 \n\n\n"


async def large(ws, kind, size, most):
    data = LINE * (int(size) // len(LINE.encode()))
    if kind == "binary":
        data = data.encode()
    await ws.send(pieces(data, int(most)) if int(most) else data)


async def greet(ws, mode, rest):
    if mode == "close":
        await close(ws, *rest)
    elif mode == "request":
        await ws.send(request(ws))
    elif mode == "large":
        await large(ws, *rest)
    elif mode == "count":
        for i in range(int(rest[0])):
            await ws.send(str(i + 1))


async def handle(ws):
    path = api.path(ws)
    mode, *rest = path.split("?")[0].strip("/").split("/")
    messages = 0
    tell("open", path=path)
    try:
        await greet(ws, mode, rest)
        async for message in ws:
            messages += 1
            await answer(ws, mode, message)
    except websockets.ConnectionClosed:
        pass
    await ws.wait_closed()
    tell("closed", path=path, code=ws.close_code, reason=ws.close_reason,
         messages=messages)


def refuse(path):
    mode, *rest = path.strip("/").split("/")
    if mode == "status":
        return int(rest[0]), {"Retry-After": "7"} if rest[0] == "503" else {}
    return None


def tls():
    if "tls" not in OPTIONS:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(OPTIONS["tls"]["cert"], OPTIONS["tls"]["key"])
    return context


def extensions():
    wanted = OPTIONS.get("compress")
    if not isinstance(wanted, dict):
        return None
    return [ServerPerMessageDeflateFactory(**wanted)]


def listen():
    settings = {
        **api.choosing(OPTIONS.get("protocols")),
        "compression": "deflate" if OPTIONS.get("compress") is True else None,
        "extensions": extensions(),
        "ping_interval": None,
        "max_size": None,
        **api.refusing(refuse),
        "ssl": tls(),
    }
    if "path" in OPTIONS:
        return api.unix_serve(handle, OPTIONS["path"], **settings)
    host = socket.getaddrinfo(OPTIONS.get("host", "127.0.0.1"), None)[0][4][0]
    return api.serve(handle, host, OPTIONS.get("port", 0), **settings)


async def main():
    server = await listen()
    first = server.sockets[0]
    unix = first.family == socket.AF_UNIX
    begin(0 if unix else first.getsockname()[1], life=600)
    await asyncio.Future()


asyncio.run(main())
