"""A client on python websockets that plays a script.

Options: url, path (a Unix socket, beside the url), protocols, headers,
compress (true, or permessage-deflate's parameters by name), tls { ca } (a file
name; {} trusts anybody), seconds (60), and script: a list of steps, each a list:
  ["send", text]  ["sendhex", hex]  ["fragments", [text, ...]]
  ["receive"]  ["echo", n]  ["ping"] (waits for the pong)
  ["close", code, reason]  ["closed"] (waits for the peer's)  ["abort"]

Events: open { protocol, headers }, refused { status, headers },
message { text | hex }, pong, closed { code, reason }, failed { why }.
The last one is closed, refused or failed; then it ends.
"""

import asyncio
import ssl

import websockets
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory)

import websocket_api as api
from peer import OPTIONS, begin, tell


async def receive(ws):
    message = await ws.recv()
    if isinstance(message, str):
        tell("message", text=message)
    else:
        tell("message", hex=message.hex())
    return message


async def step(ws, word, *rest):
    if word == "send":
        await ws.send(rest[0])
    elif word == "sendhex":
        await ws.send(bytes.fromhex(rest[0]))
    elif word == "fragments":
        await ws.send(rest[0])
    elif word == "receive":
        await receive(ws)
    elif word == "echo":
        for _ in range(int(rest[0])):
            await ws.send(await receive(ws))
    elif word == "ping":
        await (await ws.ping())
        tell("pong")
    elif word == "close":
        await ws.close(*rest)
    elif word == "closed":
        await ws.wait_closed()
    elif word == "abort":
        ws.transport.abort()
    else:
        raise ValueError(f"no such step: {word}")


def tls():
    if "tls" not in OPTIONS:
        return None
    if OPTIONS["tls"]:
        return ssl.create_default_context(cafile=OPTIONS["tls"]["ca"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def extensions():
    wanted = OPTIONS.get("compress")
    if not isinstance(wanted, dict):
        return None
    return [ClientPerMessageDeflateFactory(**wanted)]


def connect():
    settings = {
        "subprotocols": OPTIONS.get("protocols"),
        **api.with_headers(OPTIONS.get("headers")),
        "compression": "deflate" if OPTIONS.get("compress") is True else None,
        "extensions": extensions(),
        "ping_interval": None,
        "max_size": None,
        "ssl": tls(),
    }
    if "path" in OPTIONS:
        return api.unix_connect(OPTIONS["path"], OPTIONS["url"], **settings)
    return api.connect(OPTIONS["url"], **settings)


async def play():
    try:
        ws = await connect()
    except api.Refused as error:
        status, headers = api.refused(error)
        tell("refused", status=status, headers=headers)
        return
    tell("open", protocol=ws.subprotocol, headers=api.headers(ws, "response"))
    try:
        for one in OPTIONS.get("script", []):
            await step(ws, *one)
        await ws.close()
    except websockets.ConnectionClosed:
        await ws.wait_closed()
    tell("closed", code=ws.close_code, reason=ws.close_reason)


async def main():
    seconds = OPTIONS.get("seconds", 60)
    begin(0, life=seconds + 5)
    try:
        await asyncio.wait_for(play(), seconds)
    except Exception as error:
        tell("failed", why=f"{type(error).__name__}: {error}")


asyncio.run(main())
