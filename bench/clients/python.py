"""python.py URL SIZE INFLIGHT WARM SECONDS [CA]: Python's websockets."""

import asyncio
import json
import os
import resource
import signal
import ssl
import sys
import time

import websockets

CHAT = {
    "action": 2, "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "type": 0,
    "senderId": "100042", "receiverId": "200077", "time": 1700000000123,
    "content": "Good morning doctor. May I ask about the dose of last week?",
}


def moment():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), usage.ru_utime, usage.ru_stime


def report(before, messages):
    wall, user, system = (b - a for a, b in zip(before, moment()))
    print(json.dumps({"messages": messages, "seconds": wall,
                      "user": user, "system": system}))


async def echo_bytes(ws, data, count):
    for _ in range(count):
        await ws.recv()
        await ws.send(data)


async def echo_json(ws, data, count):
    for _ in range(count):
        json.loads(await ws.recv())
        await ws.send(json.dumps(data, separators=(",", ":")))


async def go_on_for(step, stride, seconds):
    due, messages = time.monotonic() + seconds, 0
    while time.monotonic() < due:
        await step(stride)
        messages += stride
    return messages


async def main(url, size, inflight, warm, seconds, ca=None):
    context = ssl.create_default_context(cafile=ca) if ca else None
    is_json = size == "json"
    data = CHAT if is_json else "x" * int(size)
    stride = max(1, min(1024, int(inflight)))
    async with websockets.connect(
        url, compression="deflate" if os.environ.get("BENCH_COMPRESS") else
        None, max_size=None, max_queue=None,
        ping_interval=None, ssl=context, close_timeout=0.1,
    ) as ws:
        for _ in range(int(inflight)):
            await ws.send(json.dumps(data) if is_json else data)

        async def step(count):
            await (echo_json if is_json else echo_bytes)(ws, data, count)

        await go_on_for(step, stride, float(warm))
        before = moment()
        report(before, await go_on_for(step, stride, float(seconds)))
        sys.stdout.flush()
        os._exit(0)  # what is in flight does not matter any more


signal.alarm(60)
asyncio.run(main(*sys.argv[1:]))
