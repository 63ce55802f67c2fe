"""Starts the twin as a child process, for tests, benchmarks and the dashboard."""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from hpo_core.errors import OneginError

ROOT = Path(__file__).resolve().parents[2]
START_S, ANSWER_S = 120.0, 30.0
END_S = 10.0


class TwinError(OneginError):
    """The twin could not be started, or refused what it was told."""


class Twin:
    """A running twin. It ends with `close`, at the end of a `with` block, and when this process ends.

    Attributes:
        url: base address of the queue API, for RUNPOD_ENDPOINT_BASE_URL.
        api_key: secret.
        endpoint_id: for RUNPOD_ENDPOINT_ID.
        pid: of its process.
    """

    def __init__(self, process: subprocess.Popen[str], about: Mapping[str, Any]) -> None:
        self._process = process
        self.url: str = about["url"]
        self.api_key: str = about["api_key"]
        self.endpoint_id: str = about["endpoint_id"]
        self.pid: int = about["pid"]
        self._http = requests.Session()
        # A proxy that the environment names is not for loopback.
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {self.api_key}"

    @classmethod
    def start(
        cls,
        workers: int,
        command: Sequence[str] | None = None,
        faults: Mapping[str, float | bool] | None = None,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Twin:
        """Start a twin and wait until it answers; its workers may need some seconds more, see `wait_until_ready`.

        Args:
            workers: number of worker processes.
            command: that starts a worker; Onegin's handler by default.
            faults: see `runpod_service.twin.faults`.
            port: 0 takes any free one.
            environment: variables for the twin and its workers, in addition to those of this process. No worker gets
                RUNPOD_API_KEY, and the twin makes up a key of its own.

        Raises:
            TwinError: it did not start.
        """
        options = ["--workers", str(workers), "--port", str(port), "--json", "--until-stdin-closes"]
        options += ["--command", shlex.join(command)] if command else []
        variables = dict(os.environ)
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), variables.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "runpod_service.twin", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**variables, **(environment or {})},
            # Ctrl-C in a terminal is for this process, which then ends the twin in good order.
            start_new_session=True,
        )
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], START_S)[0]:
            process.kill()
        line = process.stdout.readline()
        if not line:
            process.wait()
            _close(process)
            raise TwinError(f"the twin ended with exit code {process.returncode} instead of starting; see its messages")
        twin = cls(process, json.loads(line))
        try:
            twin.faults(faults or {})
        except BaseException:
            twin.close()
            raise
        return twin

    def faults(self, values: Mapping[str, float | bool]) -> dict[str, float | bool]:
        """Change some faults; all as they are now. Raises TwinError for one that does not exist."""
        return dict(self._ask("faults", dict(values)))

    def state(self) -> dict[str, Any]:
        """Jobs, workers, counts of requests per route, and faults."""
        return dict(self._ask("state"))

    def kill_worker(self) -> str | None:
        """Kill the process group of a worker that runs a job. Its id, or None where there is none."""
        killed = self._ask("kill", {})["killed"]
        return None if killed is None else str(killed)

    def scale(self, count: int, cold_start_s: float | None = None) -> None:
        """Have `count` workers; with `cold_start_s` they start only when a job waits, so many seconds later."""
        self._ask("workers", {"count": count, "cold_start_s": cold_start_s})

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until each worker has asked for a job. Raises TwinError when that takes longer."""
        deadline = time.monotonic() + timeout_s
        while any(worker["state"] not in ("idle", "running") for worker in self.state()["workers"]):
            if time.monotonic() > deadline:
                raise TwinError(f"the twin's workers were not ready after {timeout_s:g} s")
            time.sleep(0.1)

    def variables(self) -> dict[str, str]:
        """What a client's environment must hold to use this twin."""
        return {
            "RUNPOD_API_KEY": self.api_key,
            "RUNPOD_ENDPOINT_ID": self.endpoint_id,
            "RUNPOD_ENDPOINT_BASE_URL": self.url,
        }

    def close(self) -> None:
        """End the twin and its workers. May be called twice."""
        self._http.close()
        _close(self._process)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Twin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, route: str, data: Mapping[str, Any] | None = None) -> Any:
        url = f"{self.url.removesuffix('/v2')}/twin/{route}"
        try:
            answer = self._http.request("GET" if data is None else "POST", url, json=data, timeout=ANSWER_S)
        except requests.RequestException as error:
            raise TwinError(f"the twin does not answer: {error}") from error
        if answer.status_code != 200:
            raise TwinError(f"the twin refused: {answer.json()['error']}")
        return answer.json()


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
