"""A TCP proxy that cuts connections: seeded, so many times, then never again.

Options: target (port on 127.0.0.1), seed, faults, least and most (bytes, of both ways,
after which a connection has its fault), rate (bytes a second, each way), delay
(seconds, of each chunk), kinds: of "cut" (the default), "stall" and "corrupt".
Half of the cuts are resets, the others ends without a word; what is still in the proxy
is lost, and the last chunk is given half on. A stalled connection stays open and gives
nothing on any more; a corrupted one has bits of one byte flipped, and goes on.
SIGUSR1 cuts, by a reset or not, all connections there are.
Events: cuts {count} when the last fault is done.
"""

import asyncio
import random
import signal
import socket
import struct

from peer import OPTIONS, begin, tell

CHOICE = random.Random(OPTIONS.get("seed", 1))


class Proxy:
    def __init__(self):
        self.left = OPTIONS.get("faults", 0)
        self.open = set()    # the two writers of each connection

    def allowance(self):
        if self.left == 0:
            return None
        return CHOICE.randint(OPTIONS.get("least", 500), OPTIONS.get("most", 20000))

    def count(self):
        self.left = max(0, self.left - 1)
        if self.left == 0:
            tell("cuts", count=OPTIONS.get("faults", 0))

    def fault(self, state, writer, data):
        """What becomes of the chunk, and whether it is the last."""
        kind = CHOICE.choice(OPTIONS.get("kinds", ["cut"]))
        state["left"] = None
        if kind == "corrupt":
            at = CHOICE.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:]
            self.count()
            return data
        state["cut"] = True
        if kind == "stall":
            state["stalled"] = True
            self.count()
            return None
        writer.write(data[: len(data) // 2])
        self.cut(state["writers"])
        return None

    def cut_all(self):
        for writers in self.open:
            self.reset_or_close(writers)

    def cut(self, writers):
        self.reset_or_close(writers)
        self.count()

    def reset_or_close(self, writers):
        is_reset = CHOICE.random() < 0.5
        for writer in writers:
            if is_reset:
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            writer.transport.abort() if is_reset else writer.close()

    async def pump(self, reader, writer, state):
        try:
            while data := await reader.read(4096):
                if state["left"] is not None:
                    state["left"] -= len(data)
                    if state["left"] <= 0:
                        data = self.fault(state, writer, data)
                if state["stalled"]:
                    await asyncio.sleep(OPTIONS.get("stalled", 60))
                if state["cut"] or writer.transport.is_closing():
                    return
                if "delay" in OPTIONS:
                    await asyncio.sleep(OPTIONS["delay"])
                writer.write(data)
                await writer.drain()
                if "rate" in OPTIONS:
                    await asyncio.sleep(len(data) / OPTIONS["rate"])
        except OSError:
            pass
        finally:
            for each in state["writers"]:
                each.close()

    async def serve(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", OPTIONS["target"])
        except OSError:
            writer.close()
            return
        writers = writer, there[1]
        state = {"left": self.allowance(), "cut": False, "stalled": False,
                 "writers": writers}
        self.open.add(writers)
        await asyncio.gather(
            self.pump(reader, there[1], state), self.pump(there[0], writer, state)
        )
        self.open.discard(writers)


async def main():
    proxy = Proxy()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, proxy.cut_all)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    begin(server.sockets[0].getsockname()[1], 600)
    await server.serve_forever()


asyncio.run(main())
