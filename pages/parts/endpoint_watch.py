"""How the endpoint is doing: asked in the background, so that no page ever waits for RunPod."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hpo_core.settings import RunPodSettings
from runpod_service.client import Client, EndpointHealth
from runpod_service.errors import RunPodError, WrongKeyError

# An answer is used for so long, whoever looks at it.
KEEP_S = 4.0
ANSWER_S = 4.0
# The first look at an endpoint waits so long for the answer, which mostly is there by then.
FIRST_WAIT_S = 0.6

Answer = EndpointHealth | RunPodError | None


def ask_health(settings: RunPodSettings) -> EndpointHealth:
    """One `/health`. Raises RunPodError."""
    if not settings.api_key.isascii():  # it could not even be sent
        raise WrongKeyError
    with Client(settings, answer_s=ANSWER_S) as client:
        return client.health()


class EndpointWatch:
    """The last answer of the endpoint. May be used from any thread; at most one request is under way.

    Args:
        ask: asks the endpoint; raises RunPodError.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        ask: Callable[[RunPodSettings], EndpointHealth] = ask_health,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._clock = ask, clock
        self._lock = threading.Lock()
        self._settings: RunPodSettings | None = None
        self._answer: Answer = None
        self._asked_at = 0.0
        self._thread: threading.Thread | None = None

    @property
    def asking(self) -> threading.Thread | None:
        """What waits for an answer right now."""
        return self._thread

    def look(self, settings: RunPodSettings, wait_s: float = FIRST_WAIT_S) -> Answer:
        """What is known of the endpoint; None before its first answer. Asks anew where that is old."""
        if not settings.complete:
            return None
        with self._lock:
            if settings != self._settings:
                self._settings, self._answer, self._thread = settings, None, None
            old = self._answer is None or self._clock() - self._asked_at >= KEEP_S
            if old and self._thread is None:
                self._asked_at = self._clock()
                self._thread = threading.Thread(target=self._run, args=(settings,), daemon=True, name="RunPod health")
                self._thread.start()
            first = self._thread if self._answer is None else None
        if first is not None:
            first.join(wait_s)
        with self._lock:
            return self._answer if settings == self._settings else None

    def _run(self, settings: RunPodSettings) -> None:
        answer: Answer = None
        try:
            answer = self._ask(settings)
        except RunPodError as error:
            answer = error
        finally:
            with self._lock:
                if settings == self._settings:  # nobody wants to know of the one before any more
                    self._answer, self._thread = answer, None
