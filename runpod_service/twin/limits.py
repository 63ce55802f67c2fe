"""How often an endpoint may be asked: requests in 10 s, and at once."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WINDOW_S = 10.0
# route: (requests in 10 s, requests at once), as the platform documents them for one endpoint.
LIMITS = {
    "run": (1000, 200),
    "runsync": (2000, 400),
    "status": (2000, 400),
    "stream": (2000, 400),
    "cancel": (100, 20),
    "purge-queue": (2, 2),
}


class RateLimit:
    """Counts requests and refuses those beyond the limits.

    Args:
        clock: seconds, growing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times: dict[str, collections.deque[float]] = collections.defaultdict(collections.deque)
        self._now: collections.Counter[str] = collections.Counter()

    @contextmanager
    def admit(self, route: str) -> Iterator[bool]:
        """Whether the request may go on; it counts as one of those at once until the block ends."""
        often, at_once = LIMITS.get(route, (2000, 400))
        now, times = self._clock(), self._times[route]
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        admitted = len(times) < often and self._now[route] < at_once
        if admitted:
            times.append(now)
        self._now[route] += 1
        try:
            yield admitted
        finally:
            self._now[route] -= 1
