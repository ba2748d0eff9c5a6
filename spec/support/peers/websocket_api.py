"""python websockets by either of its APIs: asyncio, which version 15 has alone,
or the older one, which Debian 12 has alone.

Here are connect, unix_connect, serve and unix_serve, and what differs.
"""

import http
import logging
import os

import websockets

try:
    from websockets.asyncio.client import connect, unix_connect
    from websockets.asyncio.server import serve, unix_serve
    HAS_ASYNCIO = True
except ImportError:
    from websockets import connect, serve, unix_connect, unix_serve
    HAS_ASYNCIO = False

__all__ = ["connect", "unix_connect", "serve", "unix_serve", "path",
           "headers", "with_headers", "refused", "refusing", "Refused"]

# Each handshake that fails is a traceback otherwise.
logging.getLogger("websockets").setLevel(logging.CRITICAL)

os.environ["no_proxy"] = "*"  # the asyncio API heeds the environment's proxy

Refused = (websockets.InvalidStatus if HAS_ASYNCIO
           else websockets.InvalidStatusCode)


def path(ws):
    """What a server's connection was asked for."""
    return ws.request.path if HAS_ASYNCIO else ws.path


def lower(fields):
    return {name.lower(): value for name, value in fields.raw_items()}


def headers(ws, of):
    """Of the connection's "request" or "response", names in lower case."""
    if HAS_ASYNCIO:
        return lower(getattr(ws, of).headers)
    return lower(getattr(ws, of + "_headers"))


def with_headers(fields):
    """The setting of connect that adds header fields."""
    return {"additional_headers" if HAS_ASYNCIO else "extra_headers": fields}


def refused(error):
    """Status and headers of what a client was answered instead of 101."""
    if HAS_ASYNCIO:
        return error.response.status_code, lower(error.response.headers)
    return error.status_code, lower(error.headers)


def refusing(decide):
    """The setting of serve that refuses: decide(path) is None, or a status
    and a dict of header fields."""
    def respond(connection, request):
        answer = decide(request.path)
        if not answer:
            return None
        response = connection.respond(http.HTTPStatus(answer[0]), "refused\n")
        for name, value in answer[1].items():
            response.headers[name] = value
        return response

    async def reply(target, _):
        answer = decide(target)
        if not answer:
            return None
        status, fields = answer
        return http.HTTPStatus(status), list(fields.items()), b"refused\n"

    return {"process_request": respond if HAS_ASYNCIO else reply}


def choosing(protocols):
    """The settings of serve for subprotocols, of which a client may offer none."""
    if not HAS_ASYNCIO or not protocols:
        return {"subprotocols": protocols}

    def choose(_, offered):
        return next((name for name in protocols if name in offered), None)

    return {"subprotocols": protocols, "select_subprotocol": choose}
