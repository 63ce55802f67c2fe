"""What the twin consists of, and the gate that every request of a client passes."""

from __future__ import annotations

import asyncio
import collections
import hmac
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runpod_service.twin.faults import Faults
from runpod_service.twin.jobs import Jobs
from runpod_service.twin.limits import RateLimit
from runpod_service.twin.workers import Workers, WorkerSettings

ENDPOINT_ID = "twin"
API = "/v2/"
PAGE = "<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Bell:
    """Wakes those that wait for something to change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        """Until it rings, at most `timeout_s`."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return


@dataclass
class Plane:
    """The parts of the twin.

    Attributes:
        api_key: what clients must send.
        worker_key: what workers must send.
        requests: how often each route was asked, refused requests included.
    """

    api_key: str = field(repr=False)
    settings: WorkerSettings
    faults: Faults
    worker_key: str = field(default="", repr=False)
    requests: collections.Counter[str] = field(default_factory=collections.Counter)

    def __post_init__(self) -> None:
        self.work, self.stops, self.ends = Bell(), Bell(), Bell()
        self.jobs = Jobs(self.faults, time.monotonic)
        self.limits = RateLimit(time.monotonic)
        self.workers = Workers(self.settings, self.jobs, self.faults, self.wake)
        self.worker_key = self.workers.token

    def wake(self) -> None:
        """Wake the workers that something waits for. Waking all for nothing would keep a processor busy."""
        if self.jobs.waiting:
            self.work.ring()
        if self.jobs.stops_due():
            self.stops.ring()

    def let_go(self) -> None:
        """Wake all that wait, so that they see that whom they answer has gone."""
        for bell in (self.work, self.stops, self.ends):
            bell.ring()

    def knows(self, request: Request) -> bool:
        """Whether the request carries the key that clients have."""
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode())


def problem(status: int, text: str) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse({"error": text}, status_code=status)


class Gate:
    """Lets the requests of clients through, or has them meet a fault or a limit."""

    def __init__(self, app: ASGIApp, plane: Plane) -> None:
        self._app = app
        self._plane = plane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        route = route_of(scope["path"])
        self._plane.requests[route] += 1
        with self._plane.limits.admit(route) as admitted:
            await asyncio.sleep(self._plane.faults.seconds("latency"))
            if not admitted:
                await problem(429, f"too many requests to /{route}")(scope, receive, send)
                return
            if self._plane.faults.happens("dropped"):
                await hang_up(scope, receive)
                return
            refusal = self._refusal()
            await (refusal or self._app)(scope, receive, send)

    def _refusal(self) -> Response | None:
        fault = self._plane.faults.first(("429", "500", "html"))
        if fault == "html":
            return HTMLResponse(PAGE)
        return problem(int(fault), f"the switch '{fault}' asked for this") if fault else None


def route_of(path: str) -> str:
    """The operation in a path such as '/v2/twin/status/1': 'status'."""
    parts = path.split("/")
    return parts[3] if len(parts) > 3 else ""


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer."""
    transport: Any = scope["extensions"]["onegin.connection"]
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
