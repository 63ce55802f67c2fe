"""The queue API, as RunPod documents it for clients."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runpod_service.twin.jobs import Job, policy_of
from runpod_service.twin.plane import API, ENDPOINT_ID, Plane, hang_up, problem

MAX_BODY_BYTES = 10 * 2**20
SYNC_WAIT_S = 90.0
# A job that ends because of a limit rings no bell.
SYNC_LOOK_S = 1.0


class ClientApi:
    """The routes under `/v2/twin/`."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._jobs = plane.jobs

    def routes(self) -> list[Route]:
        return [
            Route(API + "{endpoint}/{operation}", self._operate, methods=["GET", "POST"]),
            Route(API + "{endpoint}/{operation}/{job_id}", self._ask_job, methods=["GET", "POST"]),
        ]

    def _refused(self, request: Request, operations: dict[str, Any]) -> Response | None:
        if not self._plane.knows(request):
            return problem(401, "Unauthorized: the API key is not the twin's")
        endpoint = request.path_params["endpoint"]
        if endpoint != ENDPOINT_ID:
            return problem(404, f"endpoint {endpoint!r} not found; the twin's is {ENDPOINT_ID!r}")
        operation = request.path_params["operation"]
        if operation not in operations:
            return problem(404, f"operation {operation!r} not found")
        return None

    async def _operate(self, request: Request) -> Response:
        operations = {
            "run": self._run,
            "runsync": self._run_and_wait,
            "health": self._health,
            "purge-queue": self._purge,
        }
        refused = self._refused(request, operations)
        return refused or await operations[request.path_params["operation"]](request)

    async def _ask_job(self, request: Request) -> Response:
        operations = {"status": self._status, "stream": self._stream, "cancel": self._cancel, "retry": self._retry}
        if refused := self._refused(request, operations):
            return refused
        job = self._jobs.find(request.path_params["job_id"])
        if job is None:
            return problem(404, "job not found")
        answer = operations[request.path_params["operation"]](job)
        self._plane.wake()
        return answer

    async def _submit(self, request: Request) -> Job | Response:
        text = await request.body()
        if len(text) > MAX_BODY_BYTES:
            return problem(413, f"the request has {len(text)} bytes, more than {MAX_BODY_BYTES}")
        try:
            body = json.loads(text)
            policy = policy_of(body.get("policy") or {})
            data = body["input"]
        except KeyError:
            return problem(400, "the request must have an input")
        except (ValueError, AttributeError) as error:
            return problem(400, f"the request must be a JSON object: {error}")
        job = self._jobs.submit(data, **policy)
        self._plane.wake()
        return job

    async def _run(self, request: Request) -> Response:
        job = await self._submit(request)
        if isinstance(job, Response):
            return job
        if self._plane.faults.happens("lost_run"):
            job.answer_lost = True
            await hang_up(request.scope, request.receive)
        return JSONResponse({"id": job.id, "status": str(job.state)})

    async def _run_and_wait(self, request: Request) -> Response:
        job = await self._submit(request)
        if isinstance(job, Response):
            return job
        deadline = time.monotonic() + SYNC_WAIT_S
        while not job.state.is_final and (left := deadline - time.monotonic()) > 0:
            await self._plane.ends.wait(min(left, SYNC_LOOK_S))
        return JSONResponse(job.as_status())

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"jobs": self._jobs.health(), "workers": self._plane.workers.health()})

    async def _purge(self, request: Request) -> Response:
        return JSONResponse({"removed": self._jobs.purge(), "status": "completed"})

    def _status(self, job: Job) -> Response:
        return JSONResponse(job.as_status())

    def _stream(self, job: Job) -> Response:
        chunks = [{"output": chunk} for chunk in self._jobs.stream(job)]
        return JSONResponse({"status": str(job.state), "stream": chunks})

    def _cancel(self, job: Job) -> Response:
        self._jobs.cancel(job)
        return JSONResponse({"id": job.id, "status": str(job.state)})

    def _retry(self, job: Job) -> Response:
        if not self._jobs.retry(job):
            return problem(400, f"only a job that is FAILED or TIMED_OUT can be retried, this one is {job.state}")
        return JSONResponse({"id": job.id, "status": str(job.state)})
