"""python.py [SIZE]: an echo server on Python's websockets; with SIZE it
broadcasts."""

import asyncio
import signal
import sys

import websockets

news = "x" * int(sys.argv[1]) if len(sys.argv) > 1 else None
members = set()


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def tell(ws):
    members.add(ws)
    async for _ in ws:
        websockets.broadcast(members, news)


async def main():
    async with websockets.serve(
        tell if news else echo, "127.0.0.1", 0, backlog=4096, compression=None,
        max_size=None, max_queue=None, ping_interval=None,
    ) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


signal.alarm(300)
asyncio.run(main())
