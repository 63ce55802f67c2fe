"""What keeps a client polite and calm: rate limits, growing waits, a circuit breaker. All clocks are passed in."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Clock = Callable[[], float]
# Requests in ten seconds that the platform allows for an endpoint; the share of it that is used here.
PLATFORM_LIMITS: Mapping[str, int] = {"run": 1000, "status": 2000, "stream": 2000, "cancel": 100, "health": 1000}
WINDOW_S, USED_SHARE, AT_ONCE = 10.0, 0.8, 0.1
# All jobs of a run are cancelled at the same moment, and each second that one has to wait is paid.
CANCEL_SHARE, CANCEL_AT_ONCE = 0.95, 0.55
# Answers in a row that nothing will help, before that is believed: a part of the platform may lag behind.
BELIEVED_AFTER = 2


class TokenBucket:
    """Allows `burst` requests at once and `rate` a second in the long run.

    A burst counts into the platform's window as well, so `rate * window + burst` must be within its limit.
    """

    def __init__(self, rate: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._at = burst, clock()
        self._lock = threading.Lock()

    def wait_s(self) -> float:
        """Take one token; seconds until it is there, 0 where it is there already."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate)


def bucket(kind: str, clock: Clock = time.monotonic) -> TokenBucket:
    """The limit of one kind of request: a part of it at once, the rest evenly over the window."""
    share, at_once = (CANCEL_SHARE, CANCEL_AT_ONCE) if kind == "cancel" else (USED_SHARE, AT_ONCE)
    allowed = PLATFORM_LIMITS[kind] * share
    return TokenBucket(allowed * (1 - at_once) / WINDOW_S, max(1.0, allowed * at_once), clock)


@dataclass
class Backoff:
    """Waits that double, up to `longest_s`, each drawn evenly between half and all of it so that clients spread out."""

    first_s: float = 0.5
    longest_s: float = 20.0
    chance: Callable[[], float] = random.random
    _count: int = field(default=0, init=False)

    def next_s(self) -> float:
        whole = min(self.longest_s, self.first_s * 2.0**self._count)
        self._count += 1
        return whole * (0.5 + 0.5 * self.chance())

    def reset(self) -> None:
        self._count = 0


class Breaker:
    """Stops asking a service that does not answer.

    After `failures` in a row it opens for `open_s`, which doubles up to `longest_s` while nothing changes; then one
    request may try, and its success closes it. May be used from any thread.
    """

    def __init__(
        self, failures: int = 5, open_s: float = 2.0, longest_s: float = 60.0, clock: Clock = time.monotonic
    ) -> None:
        self._allowed, self._first_s, self._longest_s, self._clock = failures, open_s, longest_s, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_s = open_s
        self._retry_at: float | None = None
        self._since: float | None = None

    def wait_s(self) -> float:
        """Seconds until a request may be made; 0 allows one, and while that tries, others wait."""
        with self._lock:
            if self._retry_at is None:
                return 0.0
            now = self._clock()
            if now < self._retry_at:
                return self._retry_at - now
            self._retry_at = now + self._open_s
            return 0.0

    def succeeded(self) -> None:
        with self._lock:
            self._failures, self._open_s = 0, self._first_s
            self._retry_at = self._since = None

    def failed(self) -> None:
        with self._lock:
            now = self._clock()
            self._failures += 1
            self._since = now if self._since is None else self._since
            if self._failures >= self._allowed:
                self._open_s = min(self._longest_s, self._open_s * 2) if self._retry_at is not None else self._first_s
                self._retry_at = now + self._open_s

    @property
    def silent_s(self) -> float:
        """How long nothing has been answered; 0 while all is well."""
        with self._lock:
            return 0.0 if self._since is None else self._clock() - self._since


class Capacity:
    """How many jobs may be in flight: half as many after failures in a row, one more after each success.

    Args:
        most: what the user asked for.
        patience: failures in a row before it is lowered.
    """

    def __init__(self, most: int, patience: int = 2) -> None:
        self.most = most
        self._patience = patience
        self._lock = threading.Condition()
        self._limit, self._busy, self._failures = most, 0, 0

    def try_take(self, wait_s: float = 0.0) -> bool:
        """Whether one more may be in flight, after waiting at most `wait_s` for a place."""
        with self._lock:
            free = self._lock.wait_for(lambda: self._busy < self._limit, wait_s)
            self._busy += free
            return free

    def give_back(self) -> None:
        with self._lock:
            self._busy -= 1
            self._lock.notify_all()

    def wait_until_free(self, timeout_s: float) -> bool:
        """Whether no job is in flight any more, after waiting at most `timeout_s`."""
        with self._lock:
            return self._lock.wait_for(lambda: self._busy == 0, timeout_s)

    def succeeded(self) -> int | None:
        """The new limit, where it has changed."""
        with self._lock:
            self._failures = 0
            if self._limit >= self.most:
                return None
            self._limit += 1
            return self._limit

    def failed(self) -> int | None:
        """The new limit, where it has changed."""
        with self._lock:
            self._failures += 1
            if self._failures < self._patience or self._limit == 1:
                return None
            self._failures = 0
            self._limit = max(1, self._limit // 2)
            return self._limit

    @property
    def limit(self) -> int:
        return self._limit
