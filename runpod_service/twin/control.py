"""The twin's own routes, for tests, benchmarks and the dashboard; they take the same key as the queue API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hpo_core.errors import UsageError
from runpod_service.twin.plane import Plane, problem

MAX_WORKERS = 256


class Control:
    """The routes under `/twin/`."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def routes(self) -> list[Route]:
        return [
            Route("/twin/state", self._guarded(self._state)),
            Route("/twin/faults", self._guarded(self._faults), methods=["GET", "POST"]),
            Route("/twin/kill", self._guarded(self._kill), methods=["POST"]),
            Route("/twin/workers", self._guarded(self._scale), methods=["POST"]),
        ]

    def _guarded(self, work: Callable[[Mapping[str, Any]], object]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not self._plane.knows(request):
                return problem(401, "Unauthorized: the API key is not the twin's")
            try:
                data = json.loads(await request.body() or b"{}")
                if not isinstance(data, Mapping):
                    raise ValueError("it must be an object")
                return JSONResponse(work(data))
            except UsageError as error:
                return problem(400, str(error))
            except ValueError as error:
                return problem(400, f"the request must be JSON: {error}")

        return answer

    def _state(self, data: Mapping[str, Any]) -> object:
        return {
            "jobs": self._plane.jobs.as_json(),
            "workers": self._plane.workers.as_json(),
            "requests": dict(self._plane.requests),
            "faults": self._plane.faults.as_json(),
        }

    def _faults(self, data: Mapping[str, Any]) -> object:
        self._plane.faults.change(data)
        return self._plane.faults.as_json()

    def _kill(self, data: Mapping[str, Any]) -> object:
        return {"killed": self._plane.workers.kill()}

    def _scale(self, data: Mapping[str, Any]) -> object:
        count, cold = data.get("count"), data.get("cold_start_s")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_WORKERS:
            raise UsageError("count", f"must be from 0 to {MAX_WORKERS}, got {count!r}", "write for example 2")
        if cold is not None and (isinstance(cold, bool) or not isinstance(cold, int | float) or cold < 0):
            raise UsageError("cold_start_s", f"must be a number of seconds, got {cold!r}", "write for example 5")
        fleet = self._plane.workers.fleet
        fleet.cold_start_s = cold
        fleet.scale(count)
        return {"count": count, "cold_start_s": cold}
