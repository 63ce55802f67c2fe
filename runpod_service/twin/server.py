"""The twin as a server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from runpod_service.twin.client_api import ClientApi
from runpod_service.twin.control import Control
from runpod_service.twin.plane import Gate, Plane
from runpod_service.twin.worker_api import WorkerApi, addresses

HOST = "127.0.0.1"
# Longer than any client keeps an idle connection: it would send into one that is being closed.
KEEP_ALIVE_S = 300

Connections = dict[tuple[str, int], asyncio.Transport]


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one. Raises OSError where the port is in use."""
    # Without the protocol's number asyncio would not set TCP_NODELAY, and each answer would take 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    listener.listen(1024)
    return listener


def application(plane: Plane) -> ASGIApp:
    """Everything the twin answers."""
    routes = [*ClientApi(plane).routes(), *WorkerApi(plane).routes(), *Control(plane).routes()]
    return Gate(Starlette(routes=routes, exception_handlers={ClientDisconnect: _nobody_listens}), plane)


async def _nobody_listens(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


class Server(uvicorn.Server):
    """A server that leaves signals to its caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    plane: Plane, listener: socket.socket, announce: Callable[[], None], until_stdin_closes: bool = False
) -> None:
    """Answer until a signal comes, or the standard input ends; then end all workers.

    Args:
        announce: called once signals are heeded.
    """
    connections: Connections = {}
    config = uvicorn.Config(
        with_connections(application(plane), connections),
        http=protocol(connections),
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )
    server, loop, ended = Server(config), asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if until_stdin_closes:
        threading.Thread(target=_wait_for_stdin, args=(loop, ended), daemon=True).start()
    announce()
    base = f"http://{HOST}:{listener.getsockname()[1]}"
    answering = asyncio.create_task(server.serve(sockets=[listener]))
    watching = asyncio.create_task(plane.workers.run(lambda worker: addresses(base, plane.worker_key, worker)))
    asked = asyncio.create_task(ended.wait())
    await asyncio.wait((answering, watching, asked), return_when=asyncio.FIRST_COMPLETED)
    failure = watching.exception() if watching.done() else None
    watching.cancel()
    await plane.workers.close()
    plane.let_go()
    server.should_exit = True
    await answering
    if failure is not None:
        raise failure


def protocol(connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's protocol, with each open connection noted under its client's address."""

    class NotedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        _address: tuple[str, int]

        def connection_made(self, transport: Any) -> None:
            self._address = tuple(transport.get_extra_info("peername")[:2])
            connections[self._address] = transport
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            connections.pop(self._address, None)
            super().connection_lost(error)

    return NotedProtocol


def with_connections(app: ASGIApp, connections: Connections) -> ASGIApp:
    """Hand each request its connection, so that it can be closed without an answer."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = scope.setdefault("extensions", {})
        extensions["onegin.connection"] = connections.get(tuple(scope["client"]))
        await app(scope, receive, send)

    return answer


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(ended.set)
