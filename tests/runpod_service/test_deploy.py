"""The step that puts a new image on the endpoint, against a small RunPod on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hpo_core.errors import OneginError
from hpo_core.records import Epoch, Finished, Started
from hpo_core.settings import RunPodSettings
from runpod_service.client import Client
from runpod_service.deploy import Deployment, DeploymentError, Endpoint, Patience, main
from runpod_service.handler import check_config
from runpod_service.protocol import Request, Result
from tests.stubs import records_of

KEY = "rpa_PLANTED_IN_A_TEST"
BEFORE, IMAGE = "user/onegin-worker:before", "user/onegin-worker:now"
Deploy = Callable[..., None]
PATIENCE = Patience(rollout_s=60.0, trial_s=60.0, pause_s=5.0)


def whole_output() -> list[dict[str, Any]]:
    kept = [record for record in records_of(check_config()) if isinstance(record, Started | Epoch | Finished)]
    return [{"chunk": 0, "result": Result(records=list(kept), worker={"id": "w", "devices": ["H100"]}).as_json()}]


class RunPod:
    """RunPod's REST API and the queue of one endpoint, as far as a deployment goes.

    Attributes:
        image: of the endpoint.
        stale: how often the list of workers still has one with the image before.
        statuses: what the trial's status says, one after another; the last one stays.
        refusals: answers with an error that come first: method and path to the errors.
        ignores: whether a change of the image is confirmed but not carried out.
        on_request: hears of each request before it is answered.
        asked: method, path and body of each request.
    """

    def __init__(self) -> None:
        self.image = BEFORE
        self.stale = 0
        self.statuses: list[dict[str, Any]] = [{"status": "COMPLETED", "output": whole_output(), "workerId": "new"}]
        self.refusals: dict[tuple[str, str], list[int]] = {}
        self.ignores = False
        self.on_request: Callable[[str, str], None] = lambda _method, _path: None
        self.asked: list[tuple[str, str, Any]] = []

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        self.on_request(method, path)
        self.asked.append((method, path, data))
        if errors := self.refusals.get((method, path)):
            return errors.pop(0), {"title": "no", "status": 0, "detail": "not now"}
        answers: dict[tuple[str, str], Callable[[], Any]] = {
            ("PATCH", "/rest/serverless/ep1"): lambda: self._patched(data["image"]),
            ("GET", "/rest/serverless/ep1"): lambda: {"id": "ep1", "image": self.image},
            ("GET", "/rest/serverless/ep1/workers"): self._workers,
            ("POST", "/queue/ep1/run"): lambda: {"id": "job", "status": "IN_QUEUE"},
            ("GET", "/queue/ep1/status/job"): lambda: self.statuses.pop(0) if self.statuses[1:] else self.statuses[0],
            ("POST", "/queue/ep1/cancel/job"): lambda: {"id": "job", "status": "CANCELLED"},
            ("GET", "/queue/ep1/health"): lambda: {"jobs": {"inQueue": 1}, "workers": {"throttled": 2}},
        }
        known = answers.get((method, path))
        return (200, known()) if known else (404, {"title": "Not Found", "status": 404, "detail": path})

    def _patched(self, image: str) -> Any:
        self.image = self.image if self.ignores else image
        return {"id": "ep1", "image": image}

    def _workers(self) -> Any:
        self.stale -= 1
        return {"workers": [{"id": "old", "isStale": self.stale >= 0}, {"id": "new", "isStale": False}]}

    def count(self, method: str, path: str) -> int:
        return sum((method, path) == asked[:2] for asked in self.asked)


@pytest.fixture
def runpod() -> RunPod:
    return RunPod()


@pytest.fixture
def address(runpod: RunPod) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(length)) if length else None
            allowed = self.headers["Authorization"] == f"Bearer {KEY}"
            status, content = runpod.answer(self.command, self.path, data) if allowed else (401, {})
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - named so by http.server

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def deploy(address: str, said: list[str]) -> Iterator[Deploy]:
    """Deploys with a clock that only sleeping moves."""
    settings = RunPodSettings(api_key=KEY, endpoint_id="ep1", base_url=f"{address}/queue")
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    endpoint = Endpoint(settings, f"{address}/rest")

    def replace(image: str, say: Callable[[str], object] = said.append) -> None:
        with Client(settings, sleep=sleep) as client:
            Deployment(endpoint, client, PATIENCE, clock=lambda: now[0], sleep=sleep, say=say).replace(image)

    yield replace
    endpoint.close()


def test_a_new_image_is_put_and_proves_itself(runpod: RunPod, deploy: Deploy, said: list[str]) -> None:
    runpod.stale = 2
    runpod.statuses.insert(0, {"status": "IN_QUEUE"})
    runpod.statuses.insert(1, {"status": "IN_PROGRESS", "workerId": "new"})
    deploy(IMAGE)
    assert runpod.image == IMAGE and said[-1] == f"deployed: {IMAGE}"
    changes = [data for method, _, data in runpod.asked if method == "PATCH"]
    assert changes == [{"image": IMAGE}]
    [job] = [data for _, path, data in runpod.asked if path == "/queue/ep1/run"]
    assert Request.from_input(job["input"]).trial == check_config()
    assert job["policy"] == {"executionTimeout": 60_000, "ttl": 60_000}
    # The trial is asked for only when the last old worker has gone.
    paths = [path for _, path, _ in runpod.asked]
    assert paths[: paths.index("/queue/ep1/run")].count("/rest/serverless/ep1/workers") == 3
    assert runpod.count("POST", "/queue/ep1/cancel/job") == 0


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"status": "FAILED", "error": "no GPU was found"}, "the trial is FAILED: no GPU was found"),
        ({"status": "FAILED"}, "the trial is FAILED: no reason was given"),
        ({"status": "TIMED_OUT"}, "the trial is TIMED_OUT"),
        ({"status": "COMPLETED"}, "the job is completed but has no output"),
        ({"status": "COMPLETED", "output": [{"chunk": 0, "result": {}}]}, "the job's output is no result"),
        ({"status": "IN_QUEUE"}, r"the trial is still IN_QUEUE after its time; workers: {'throttled': 2}"),
    ],
)
def test_an_image_that_does_not_prove_itself_is_taken_back(
    runpod: RunPod, deploy: Deploy, status: dict[str, Any], reason: str
) -> None:
    runpod.statuses = [status]
    with pytest.raises(DeploymentError) as raised:
        deploy(IMAGE)
    assert reason in str(raised.value) and str(raised.value).endswith(f"{BEFORE} is in use again")
    assert runpod.image == BEFORE
    assert runpod.count("POST", "/queue/ep1/cancel/job") == (status["status"] == "IN_QUEUE")


def test_health_that_does_not_answer_takes_the_image_back(runpod: RunPod, deploy: Deploy) -> None:
    runpod.refusals["GET", "/queue/ep1/health"] = [404] * 20
    with pytest.raises(DeploymentError, match="RUNPOD_ENDPOINT_ID"):
        deploy(IMAGE)
    assert runpod.image == BEFORE


def test_workers_that_never_change_take_the_image_back(runpod: RunPod, deploy: Deploy) -> None:
    runpod.stale = 10_000
    with pytest.raises(DeploymentError, match="1 workers still run the image before"):
        deploy(IMAGE)
    assert runpod.image == BEFORE and runpod.count("POST", "/queue/ep1/run") == 0


def test_a_trial_on_an_old_worker_proves_nothing(runpod: RunPod, deploy: Deploy, said: list[str]) -> None:
    runpod.statuses.insert(0, {"status": "COMPLETED", "output": whole_output(), "workerId": "old"})

    def on_request(method: str, path: str) -> None:
        if path == "/queue/ep1/run" and runpod.count(method, path) == 0:
            runpod.stale = 1  # it was not listed before

    runpod.on_request = on_request
    deploy(IMAGE)
    assert runpod.count("POST", "/queue/ep1/run") == 2
    assert "a worker with the image before took the trial: once more" in said


def test_passing_errors_are_sat_out(runpod: RunPod, deploy: Deploy) -> None:
    for method, path in (
        ("GET", "/rest/serverless/ep1"), ("PATCH", "/rest/serverless/ep1"), ("POST", "/queue/ep1/run"),
        ("GET", "/queue/ep1/status/job"),
    ):  # fmt: skip
        runpod.refusals[method, path] = [429, 500, 502]
    deploy(IMAGE)
    assert runpod.image == IMAGE


def test_a_change_that_is_not_carried_out_is_noticed(runpod: RunPod, deploy: Deploy) -> None:
    runpod.ignores = True
    with pytest.raises(DeploymentError, match="RunPod still names the image"):
        deploy(IMAGE)


def test_where_the_image_before_cannot_be_put_back_the_person_is_told(runpod: RunPod, deploy: Deploy) -> None:
    def on_request(_method: str, path: str) -> None:
        if path == "/queue/ep1/run":
            runpod.refusals["POST", path] = [400]
            runpod.refusals["PATCH", "/rest/serverless/ep1"] = [500] * 100

    runpod.on_request = on_request
    with pytest.raises(DeploymentError, match=f"set {BEFORE} on the endpoint's page"):
        deploy(IMAGE)
    assert runpod.image == IMAGE


def test_an_interruption_takes_the_image_back(runpod: RunPod, deploy: Deploy) -> None:
    def say(line: str) -> None:
        if line.startswith("trial job"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(IMAGE, say)
    assert runpod.image == BEFORE


def test_the_same_image_is_refused_before_anything_changes(runpod: RunPod, deploy: Deploy) -> None:
    with pytest.raises(DeploymentError, match=r"has the image .* already"):
        deploy(BEFORE)
    assert [method for method, _, _ in runpod.asked] == ["GET"]


@pytest.mark.parametrize(("error", "variable"), [(403, "RUNPOD_API_KEY"), (404, "RUNPOD_ENDPOINT_ID")])
def test_what_is_refused_names_the_variable(runpod: RunPod, deploy: Deploy, error: int, variable: str) -> None:
    runpod.refusals["GET", "/rest/serverless/ep1"] = [error]
    with pytest.raises(OneginError, match=variable) as raised:
        deploy(IMAGE)
    assert KEY not in str(raised.value)
    assert runpod.count("PATCH", "/rest/serverless/ep1") == 0


def environment(address: str) -> dict[str, str]:
    return {"RUNPOD_API_KEY": KEY, "RUNPOD_ENDPOINT_ID": "ep1", "RUNPOD_ENDPOINT_BASE_URL": f"{address}/queue"}


def test_the_command(runpod: RunPod, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [IMAGE, "--rest-url", f"{address}/rest"]
    assert main(arguments, environment(address), sleep=lambda _seconds: None) == 0
    assert runpod.image == IMAGE
    assert main(arguments, environment(address), sleep=lambda _seconds: None) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("error: the endpoint has the image") and KEY not in shown.out + shown.err


def test_a_dry_run_asks_nothing(runpod: RunPod, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [IMAGE, "--dry-run", "--rest-url", f"{address}/rest"]
    assert main(arguments, environment(address)) == 0
    shown = capsys.readouterr().out
    assert runpod.asked == [] and KEY not in shown
    assert f'PATCH {address}/rest/serverless/ep1 {{"image": "{IMAGE}"}}' in shown


@pytest.mark.parametrize("missing", ["RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID"])
def test_a_missing_variable(address: str, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    assert main([IMAGE], environment(address) | {missing: ""}) == 2
    assert capsys.readouterr().err.startswith(f"{missing} is not set; ")
