"""What the worker loop of RunPod's SDK asks: for jobs, for stops; and what it delivers: chunks, results, heartbeats."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runpod_service.twin.jobs import Job
from runpod_service.twin.plane import ENDPOINT_ID, Plane, problem

# Below the 90 s after which the SDK gives up the request, and with it a job in the answer.
HOLD_S = 60.0
MAX_CHUNK_BYTES = 1_000_000
MAX_RESULT_BYTES = 10 * 2**20
PING_MS = 2000


class WorkerApi:
    """The routes under `/worker/`."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._jobs = plane.jobs

    def routes(self) -> list[Route]:
        return [
            Route("/worker/job-take/{worker}", self._take),
            Route("/worker/job-take-batch/{worker}", self._take),
            Route("/worker/job-stop/{worker}", self._stop),
            Route("/worker/ping/{worker}", self._ping),
            Route("/worker/job-done/{worker}/{job_id}", self._done, methods=["POST"]),
            Route("/worker/job-stream/{worker}/{job_id}", self._chunk, methods=["POST"]),
        ]

    def _worker(self, request: Request) -> str | None:
        """The worker that asks, or None for a stranger."""
        given = request.query_params.get("key", "")
        worker: str = request.path_params["worker"]
        right = hmac.compare_digest(given.encode(), self._plane.worker_key.encode())
        self._plane.requests[request.url.path.split("/")[2]] += 1
        return worker if right and self._plane.workers.fleet.find(worker) else None

    async def _take(self, request: Request) -> Response:
        worker = self._worker(request)
        if worker is None:
            return problem(404, "no such worker")
        if request.query_params.get("job_in_progress") == "0":
            self._jobs.worker_has(worker, (), grace_s=0.0)
        count = int(request.query_params.get("batch_size", "1"))
        may = self._plane.workers.fleet.asked_for_a_job(worker)
        deadline = time.monotonic() + HOLD_S
        while may and not self._over(worker, deadline) and not await request.is_disconnected():
            if jobs := self._jobs.take(worker, count):
                given = [as_task(job) for job in jobs]
                return JSONResponse(given if "batch_size" in request.query_params else given[0])
            await self._plane.work.wait(deadline - time.monotonic())
            may = self._plane.workers.fleet.asked_for_a_job(worker)
        return Response(status_code=204)

    async def _stop(self, request: Request) -> Response:
        worker = self._worker(request)
        if worker is None:
            return problem(404, "no such worker")
        deadline = time.monotonic() + HOLD_S
        while not (told := self._jobs.stops(worker)) and not await request.is_disconnected():
            if self._over(worker, deadline):
                return Response(status_code=204)
            await self._plane.stops.wait(deadline - time.monotonic())
        return JSONResponse({"jobsToStop": told})

    async def _ping(self, request: Request) -> Response:
        worker = self._worker(request)
        if worker is None:
            return problem(404, "no such worker")
        listed = request.query_params.get("job_id", "")
        self._jobs.worker_has(worker, listed.split(","))
        return JSONResponse({})

    async def _done(self, request: Request) -> Response:
        worker, text, job_id = self._worker(request), await request.body(), request.path_params["job_id"]
        if worker is None:
            return problem(404, "no such worker")
        if len(text) > MAX_RESULT_BYTES:
            # The platform refuses the result, and the job counts as completed all the same.
            self._jobs.finish(worker, job_id, {})
            return problem(400, f"the result has {len(text)} bytes, more than {MAX_RESULT_BYTES}")
        result = parsed(text)
        if result is None:
            return problem(400, "the result must be a JSON object")
        if result.get("status") == "IN_PROGRESS":
            self._jobs.progress(worker, job_id, result.get("output"))
        else:
            self._jobs.finish(worker, job_id, result)
            self._plane.ends.ring()
        return JSONResponse({})

    async def _chunk(self, request: Request) -> Response:
        worker, text = self._worker(request), await request.body()
        if worker is None:
            return problem(404, "no such worker")
        if len(text) > MAX_CHUNK_BYTES:
            return problem(400, f"the chunk has {len(text)} bytes, more than {MAX_CHUNK_BYTES}")
        chunk = parsed(text)
        if chunk is None:
            return problem(400, "the chunk must be a JSON object")
        self._jobs.chunk(worker, request.path_params["job_id"], chunk.get("output"))
        return JSONResponse({})

    def _over(self, worker: str, deadline: float) -> bool:
        """Whether the worker need not wait any more."""
        return self._plane.workers.fleet.find(worker) is None or time.monotonic() >= deadline


def as_task(job: Job) -> dict[str, object]:
    """A job as the worker gets it."""
    return {"id": job.id, "input": job.input}


def parsed(text: bytes) -> Mapping[str, object] | None:
    """A JSON object, or None for anything else."""
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, Mapping) else None


def addresses(base: str, key: str, worker: str) -> dict[str, str]:
    """The variables that tell the SDK's worker loop whom to ask.

    Args:
        base: such as 'http://127.0.0.1:8000'.
    """
    return {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/worker/job-take/{worker}?key={key}",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/worker/job-done/{worker}/$ID?key={key}",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/worker/job-stream/{worker}/$ID?key={key}",
        "RUNPOD_WEBHOOK_PING": f"{base}/worker/ping/{worker}?key={key}",
        "RUNPOD_PING_INTERVAL": str(PING_MS),
        "RUNPOD_AI_API_KEY": key,
        "RUNPOD_ENDPOINT_ID": ENDPOINT_ID,
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
    }
