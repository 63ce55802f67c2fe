"""The endpoint in use, and the watch over it."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from hpo_core.errors import UsageError
from hpo_core.settings import RunPodSettings
from pages.parts.endpoint_watch import KEEP_S, EndpointWatch
from pages.parts.remote import Remote, Source, shown_address
from runpod_service.client import EndpointHealth
from runpod_service.errors import RunPodError, UnreachableError
from runpod_service.twin.launch import Twin

KEY = "rpa-planted-0123456789"
ENVIRONMENT = RunPodSettings(KEY, "from-env", "https://example.org/v2")
HEALTH = EndpointHealth({}, {"idle": 1})


class OneTwin:
    """What a twin is to its user."""

    url, api_key, endpoint_id = "http://127.0.0.1:8765/v2", "twin-key", "twin"

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def remote(*twins: OneTwin) -> Remote:
    left = list(twins)
    return Remote(ENVIRONMENT, lambda workers: cast("Twin", left.pop(0)))


def test_the_environment_counts_until_something_is_typed_in() -> None:
    used = remote()
    assert used.settings is ENVIRONMENT and used.source is Source.ENVIRONMENT
    used.use(endpoint_id=" other ")
    assert used.settings == RunPodSettings(KEY, "other", ENVIRONMENT.base_url) and used.source is Source.TYPED
    used.use(api_key="k2", address="http://127.0.0.1:1/v2/")
    assert used.settings == RunPodSettings("k2", "other", "http://127.0.0.1:1/v2")
    used.use_environment()
    assert used.settings is ENVIRONMENT


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"address": "api.runpod.ai"}, "address"),
        ({"address": "ftp://there"}, "address"),
        ({"address": "http://there:port"}, "address"),
        ({"address": "http://[there"}, "address"),
        ({"address": "https://name:word@there", "api_key": KEY}, "address"),
        ({"address": "https://elsewhere.example"}, "API key"),
        ({"api_key": "two words"}, "API key"),
        ({"api_key": "schlüssel"}, "API key"),
        ({"endpoint_id": "../health"}, "endpoint id"),
    ],
)
def test_what_cannot_be_used_changes_nothing(given: dict[str, str], field: str) -> None:
    used = remote()
    with pytest.raises(UsageError) as caught:
        used.use(**given)
    assert caught.value.field == field and caught.value.fix
    assert not any(secret in str(caught.value) for secret in (KEY, "two words", "schlüssel", "word@"))
    assert used.settings is ENVIRONMENT


def test_the_twin_is_used_while_it_runs() -> None:
    first, second = OneTwin(), OneTwin()
    used = remote(first, second)
    used.start_twin()
    used.start_twin()
    assert used.source is Source.TWIN
    assert used.settings == RunPodSettings(OneTwin.api_key, OneTwin.endpoint_id, OneTwin.url)
    used.stop_twin()
    assert used.settings is ENVIRONMENT and first.closed == 1
    used.start_twin()
    used.close()
    used.close()
    assert used.source is Source.ENVIRONMENT and second.closed == 1


def test_another_endpoint_takes_the_twins_place_and_not_its_address() -> None:
    twin = OneTwin()
    used = remote(twin)
    used.start_twin()
    used.use(endpoint_id="mine")
    assert used.settings == RunPodSettings(KEY, "mine", ENVIRONMENT.base_url) and twin.closed == 1


def test_an_address_is_shown_without_its_password() -> None:
    assert shown_address(RunPodSettings(base_url="https://me:secret@host:1/v2")) == "https://host:1/v2"
    assert shown_address(ENVIRONMENT) == ENVIRONMENT.base_url


class Script:
    """Answers in turn; waits while it is held."""

    def __init__(self, *answers: EndpointHealth | RunPodError) -> None:
        self.answers, self.asked = list(answers), 0
        self.free = threading.Event()
        self.free.set()

    def __call__(self, settings: RunPodSettings) -> EndpointHealth:
        self.asked += 1
        answer = self.answers.pop(0)
        assert self.free.wait(10)
        if isinstance(answer, RunPodError):
            raise answer
        return answer


def test_the_watch_asks_once_for_all_that_look() -> None:
    now = [0.0]
    script = Script(HEALTH, UnreachableError("gone"))
    watch = EndpointWatch(script, lambda: now[0])
    assert [watch.look(ENVIRONMENT, wait_s=10) for _ in range(3)] == [HEALTH] * 3 and script.asked == 1
    now[0] += KEEP_S
    script.free.clear()
    assert watch.look(ENVIRONMENT, wait_s=10) is HEALTH  # what is known is shown while it asks
    assert watch.look(ENVIRONMENT, wait_s=10) is HEALTH and script.asked == 2
    asking = watch.asking
    script.free.set()
    assert asking is not None
    asking.join(10)
    assert isinstance(watch.look(ENVIRONMENT, wait_s=10), UnreachableError)


def test_the_watch_never_waits_for_a_silent_endpoint() -> None:
    script = Script(HEALTH)
    script.free.clear()
    watch = EndpointWatch(script)
    assert watch.look(ENVIRONMENT, wait_s=0.01) is None
    script.free.set()


def test_an_answer_of_the_endpoint_before_is_not_shown() -> None:
    other = EndpointHealth({}, {"idle": 9})
    watch = EndpointWatch(Script(HEALTH, other))
    assert watch.look(ENVIRONMENT, wait_s=10) is HEALTH
    assert watch.look(RunPodSettings("k", "other"), wait_s=10) is other


def test_an_endpoint_that_is_not_set_up_is_not_asked() -> None:
    script = Script(HEALTH)
    assert EndpointWatch(script).look(RunPodSettings("", "x"), wait_s=10) is None and script.asked == 0
