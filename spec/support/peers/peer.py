"""What the python peers share: options, events, and an end in time."""

import json
import os
import sys
import threading
import time

LOG = sys.argv[1]
OPTIONS = json.loads(sys.argv[2])
if not isinstance(OPTIONS, dict):
    OPTIONS = {}

_parent = os.getppid()
_lock = threading.Lock()


def _watch(deadline):
    while os.getppid() == _parent and time.monotonic() < deadline:
        time.sleep(0.2)
    os._exit(3)


def begin(port, life):
    """Says that this peer is ready; ends the process after `life` seconds."""
    threading.Thread(
        target=_watch, args=(time.monotonic() + life,), daemon=True
    ).start()
    print(f"port {port} pid {os.getpid()}", flush=True)


def tell(event, **fields):
    """Writes one event to the log, then wakes the reader of the pipe."""
    with _lock:
        with open(LOG, "a") as log:
            log.write(json.dumps({"event": event, **fields}) + "\n")
        print(".", flush=True)
