"""Services that want heartbeats of their own kind, on python websockets.

What it does is chosen by the request's path:
  /discord/MS/N   HELLO (op 10) with an interval of MS; answers the first N
                  heartbeats (op 1) with op 11, and sends an op 0 with the next
                  sequence number after each
  /mqtt/MS        sends a PUBLISH every 10 ms and answers PINGREQ with PINGRESP;
                  closes with 4001 after 1.5 * MS without a packet, with 4002 for
                  a text or another packet
  /zlib/N/MOST    HELLO and N op 0 in one zlib stream, in binary messages of at
                  most MOST bytes; then for each text that it receives an op 0
                  more, for "bomb" one of 100 MiB, for "end" the stream's end, for
                  "cut" a TCP that ends

Events: open { path }, heartbeat { data }, closed { path, code }.
"""

import asyncio
import json
import zlib

import websockets

import websocket_api as api
from peer import begin, tell

PINGREQ, PINGRESP, PUBLISH = b"\xc0\x00", b"\xd0\x00", b"\x30\x03\x00\x01a"


async def discord(ws, interval, answers):
    left, sequence = int(answers), 0
    await ws.send(json.dumps({"op": 10,
                              "d": {"heartbeat_interval": int(interval)}}))
    async for message in ws:
        said = json.loads(message)
        if said["op"] != 1:
            continue
        tell("heartbeat", data=said.get("d"))
        left -= 1
        if left >= 0:
            sequence += 1
            await ws.send(json.dumps({"op": 11}))
            await ws.send(json.dumps({"op": 0, "s": sequence}))


async def publish(ws):
    while True:
        await ws.send(PUBLISH)
        await asyncio.sleep(0.01)


async def mqtt(ws, keepalive):
    talk = asyncio.ensure_future(publish(ws))
    try:
        while True:
            packet = await asyncio.wait_for(ws.recv(),
                                            int(keepalive) * 1.5 / 1000)
            if packet != PINGREQ:
                await ws.close(4002, "not a PINGREQ")
                return
            tell("heartbeat", data=packet.hex())
            await ws.send(PINGRESP)
    except asyncio.TimeoutError:
        await ws.close(4001, "keep alive")
    finally:
        talk.cancel()


class Stream:
    """Discord's transport compression: one zlib stream, a flush a message."""

    def __init__(self, ws, most):
        self.ws, self.most = ws, int(most)
        self.zlib = zlib.compressobj()

    async def send(self, text, mode=zlib.Z_SYNC_FLUSH):
        data = self.zlib.compress(text) + self.zlib.flush(mode)
        for at in range(0, len(data), self.most):
            await self.ws.send(data[at:at + self.most])


async def compressed(ws, count, most):
    stream, sequence = Stream(ws, most), 0
    await stream.send(b'{"op":10,"d":{"heartbeat_interval":41250}}')
    for sequence in range(1, int(count) + 1):
        await stream.send(json.dumps(
            {"op": 0, "s": sequence, "d": "é" * sequence}).encode())
    async for message in ws:
        if message == "bomb":
            await stream.send(b" " * (100 << 20))
        elif message == "end":
            await stream.send(b"{}", zlib.Z_FINISH)
        elif message == "cut":
            ws.transport.abort()
        else:
            sequence += 1
            await stream.send(json.dumps(
                {"op": 0, "s": sequence, "d": message}).encode())


async def handle(ws):
    path = api.path(ws)
    mode, *rest = path.strip("/").split("/")
    tell("open", path=path)
    try:
        await MODES[mode](ws, *rest)
    except websockets.ConnectionClosed:
        pass
    await ws.wait_closed()
    tell("closed", path=path, code=ws.close_code)


MODES = {"discord": discord, "mqtt": mqtt, "zlib": compressed}


async def main():
    server = await api.serve(handle, "127.0.0.1", 0, ping_interval=None)
    begin(server.sockets[0].getsockname()[1], life=600)
    await asyncio.Future()


asyncio.run(main())
