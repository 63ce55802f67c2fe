"""Puts a new image on the endpoint: `python -m runpod_service.deploy IMAGE`, the last step of deploy.sh.

The endpoint gets the image, its workers are replaced, and a small trial is trained through its queue. Where that does
not succeed in time, the image before is put back.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from hpo_core import VERSION
from hpo_core.errors import OneginError
from hpo_core.settings import RunPodSettings, Settings
from runpod_service.client import Client, JobStatus, as_it_is, masked
from runpod_service.errors import (
    PassingError,
    RefusedError,
    TooManyRequestsError,
    UnknownAnswerError,
    UnreachableError,
    WrongEndpointError,
    WrongKeyError,
)
from runpod_service.handler import check_config
from runpod_service.limits import Backoff
from runpod_service.protocol import JobState, Policy, Request, body, failure_of, result_of

# RunPod's REST API v2; v1 is to be switched off in December 2026. In v2 an endpoint holds its image itself: a change of
# the template that it was made from does not reach it.
REST_URL = "https://api.runpod.io/v2"
ATTEMPTS = 6
CONNECT_S, ANSWER_S = 5.0, 30.0
MASK = "***"

T = TypeVar("T")


class DeploymentError(OneginError):
    """The new image is not in use; the text says which one is."""


class Endpoint:
    """RunPod's REST API for one endpoint: its image, and its workers.

    Args:
        settings: the key and the endpoint.
        url: of the API.

    Each method raises a RunPodError that says what may be done about it.
    """

    def __init__(self, settings: RunPodSettings, url: str = REST_URL) -> None:
        self._settings = settings
        self.url = f"{url.rstrip('/')}/serverless/{settings.endpoint_id}"
        self._session = requests.Session()
        self._session.auth = as_it_is
        # The guard in front of RunPod's APIs turns some libraries away by the name they give themselves.
        self._session.headers.update({"Authorization": f"Bearer {settings.api_key}", "User-Agent": f"onegin/{VERSION}"})

    def close(self) -> None:
        self._session.close()

    def image(self) -> str:
        """The image that new workers are started from."""
        image = self._ask("GET", "").get("image")
        if not isinstance(image, str) or not image:
            raise RefusedError("RunPod names no image for the endpoint; give it one on its page first")
        return image

    def set_image(self, image: str) -> None:
        """Change that and nothing else; RunPod replaces idle workers at once and busy ones after their job."""
        self._ask("PATCH", "", {"image": image})

    def outdated_workers(self) -> set[str]:
        """Ids of the workers that run what the endpoint was before its last change."""
        workers = self._ask("GET", "/workers").get("workers")
        if not isinstance(workers, list):
            raise UnknownAnswerError("RunPod's list of workers is no list")
        return {str(worker["id"]) for worker in workers if worker.get("isStale")}

    def _ask(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        try:
            response = self._session.request(
                method, self.url + path, json=data, timeout=(CONNECT_S, ANSWER_S), allow_redirects=False
            )
        except requests.ConnectionError:
            raise UnreachableError(f"{self.url} cannot be reached") from None
        except requests.RequestException as error:
            raise UnknownAnswerError(f"RunPod's answer did not arrive ({type(error).__name__})") from None
        status = response.status_code
        if status in (401, 403):
            raise WrongKeyError
        if status == 404:
            raise WrongEndpointError(self._settings.endpoint_id)
        if status == 429:
            raise TooManyRequestsError("RunPod says that there were too many requests")
        if 400 <= status < 500:
            text = masked(response.content, self._settings.api_key).decode(errors="replace")[:200]
            raise RefusedError(f"RunPod refuses the request with error {status}: {text}")
        if status >= 500:
            raise UnknownAnswerError(f"RunPod answers with error {status}")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, Mapping):
            raise UnknownAnswerError("RunPod's answer is no JSON object; check the address of its REST API")
        return answer


@dataclass(frozen=True)
class Patience:
    """How long things may take, in seconds.

    Attributes:
        rollout_s: until no worker runs the image before; one that is training finishes its trial first.
        trial_s: the trial through the queue, from pulling the image to its result.
        pause_s: between two looks.
    """

    rollout_s: float = 1800.0
    trial_s: float = 1800.0
    pause_s: float = 5.0


class Deployment:
    """Replaces the image of an endpoint, or leaves it as it was.

    Args:
        endpoint: the endpoint's REST API.
        client: of its queue.
        patience: how long to wait.
        clock, sleep: seconds.
        say: takes a line on what happens.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: Client,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        say: Callable[[str], object] = print,
    ) -> None:
        self._endpoint, self._client, self._patience = endpoint, client, patience
        self._clock, self._sleep, self._say = clock, sleep, say

    def replace(self, image: str) -> None:
        """Raises DeploymentError where the new image did not prove itself; then the one before is in use again."""
        before = self._insist(self._endpoint.image)
        if before == image:
            raise DeploymentError(f"the endpoint has the image {image} already; build one with a tag of its own")
        self._say(f"image before: {before}")
        try:
            self._put(image)
            self._await_workers()
            self._train()
        except OneginError as error:
            self._roll_back(before, str(error))
            raise DeploymentError(f"{image} did not prove itself: {error}; {before} is in use again") from error
        except BaseException:  # such as Ctrl-C
            self._roll_back(before, "the deployment was interrupted")
            raise
        self._say(f"deployed: {image}")

    def _put(self, image: str) -> None:
        self._insist(lambda: self._endpoint.set_image(image))
        if (now := self._insist(self._endpoint.image)) != image:
            raise DeploymentError(f"RunPod still names the image {now}")
        self._say(f"image now: {image}")

    def _roll_back(self, before: str, reason: str) -> None:
        self._say(f"rolling back: {reason}")
        try:
            self._put(before)
        except OneginError as error:
            raise DeploymentError(
                f"{reason}; the image before could not be put back either ({error}): "
                f"set {before} on the endpoint's page"
            ) from error

    def _await_workers(self) -> None:
        deadline = self._clock() + self._patience.rollout_s
        while outdated := self._insist(self._endpoint.outdated_workers):
            if self._clock() > deadline:
                raise DeploymentError(
                    f"{len(outdated)} workers still run the image before; deploy while no run uses the endpoint"
                )
            self._sleep(self._patience.pause_s)
        self._say("no worker runs the image before any more")

    def _train(self) -> None:
        """Train until a worker with the new image has done it: one that just started may not have been listed."""
        deadline = self._clock() + self._patience.trial_s
        while True:
            status = self._trained(deadline)
            if status.worker not in self._insist(self._endpoint.outdated_workers):
                break
            self._say("a worker with the image before took the trial: once more")
        result = result_of(status.output)
        health = self._insist(self._client.health)
        self._say(f"trial trained on {', '.join(result.worker.get('devices', []))}; workers: {dict(health.workers)}")

    def _trained(self, deadline: float) -> JobStatus:
        """Status of a trial that is completed. Raises DeploymentError where it is not, at the latest at `deadline`."""
        seconds = max(1.0, deadline - self._clock())
        # Where the answer is lost, the queue may hold the trial twice: that costs seconds and harms nothing.
        job_id = self._insist(lambda: self._client.submit(_body(seconds)))
        self._say(f"trial {job_id} is in the queue")
        try:
            while not (status := self._insist(lambda: self._client.status(job_id))).state.is_final:
                if self._clock() > deadline:
                    workers = dict(self._insist(self._client.health).workers)
                    raise DeploymentError(f"the trial is still {status.state} after its time; workers: {workers}")
                self._sleep(self._patience.pause_s)
        except BaseException:
            # It must not be billed later; what went wrong before matters more than a failure here.
            self._cancel(job_id)
            raise
        if status.state is not JobState.COMPLETED:
            failed = failure_of(status.error or "no reason was given")
            raise DeploymentError(f"the trial is {status.state}: {failed.message}")
        return status

    def _cancel(self, job_id: str) -> None:
        try:
            self._client.cancel(job_id)
        except OneginError as error:
            self._say(f"trial {job_id} could not be cancelled: {error}")

    def _insist(self, ask: Callable[[], T]) -> T:
        """Ask again where that may help: everything that is asked here may be asked twice."""
        backoff = Backoff(first_s=1.0)
        for _ in range(ATTEMPTS - 1):
            try:
                return ask()
            except (PassingError, UnknownAnswerError) as error:
                self._say(f"once more: {error}")
                self._sleep(backoff.next_s())
        return ask()


def _body(seconds: float) -> bytes:
    return body(Request(trial=check_config(), key="deploy/trial_0"), Policy(execution_s=seconds, ttl_s=seconds))


def plan(image: str, settings: RunPodSettings, rest_url: str) -> list[str]:
    """What a deployment asks RunPod, for people; the key is masked."""
    endpoint, queue = Endpoint(settings, rest_url).url, f"{settings.base_url}/{settings.endpoint_id}"
    return [
        f"every request carries the header Authorization: Bearer {MASK}",
        f"GET {endpoint}  # the image before",
        f"PATCH {endpoint} {json.dumps({'image': image})}",
        f"GET {endpoint}/workers  # until none is stale",
        f"POST {queue}/run {_body(Patience().trial_s).decode()}",
        f"GET {queue}/status/JOB  # until it is COMPLETED, with a whole result",
        f"GET {queue}/health",
        f"PATCH {endpoint} {json.dumps({'image': 'the image before'})}  # only where any of this fails",
    ]


def main(arguments: Sequence[str], environ: Mapping[str, str], sleep: Callable[[float], object] = time.sleep) -> int:
    """0: the new image is in use; 1: it is not; 2: a variable is missing."""
    parser = argparse.ArgumentParser(prog="python -m runpod_service.deploy", description=__doc__)
    parser.add_argument("image", help="with its tag, as the registry has it")
    parser.add_argument("--rest-url", default=REST_URL, help="of RunPod's REST API (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked, and ask nothing")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment(environ).runpod
    for variable, value in (("RUNPOD_API_KEY", settings.api_key), ("RUNPOD_ENDPOINT_ID", settings.endpoint_id)):
        if not value:
            print(f"{variable} is not set; copy it from RunPod's console into the environment", file=sys.stderr)
            return 2
    if options.dry_run:
        print("\n".join(plan(options.image, settings, options.rest_url)))
        return 0
    try:
        with Client(settings, sleep=sleep) as client, closing(Endpoint(settings, options.rest_url)) as endpoint:
            Deployment(endpoint, client, Patience(), sleep=sleep).replace(options.image)
    except OneginError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
