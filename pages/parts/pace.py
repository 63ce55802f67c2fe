"""How often live parts are drawn anew: as often as is useful, and never so often that the machine pays much for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# All open pages together shall take this share of one core. They may take a tenth; up to a quarter more than what is
# aimed at is measured, because an interval is left alone where it is nearly right.
BUDGET = 0.08
FASTEST_S, SLOWEST_S = 0.5, 30.0
# What a page costs beside the drawing itself (messages, the browser's answers), as a factor on it; measured.
BESIDES = 2.0
# A page that was not drawn for so many of its intervals is closed.
MISSED = 4
# An interval is changed only where it is wrong by more than this, because changing it draws the whole page.
TOLERANCE = 1.5


class Pace:
    """Counts the pages that are drawn again and again and what that costs. May be used by several threads at once.

    Args:
        clock: seconds that only grow.
        worked: processor seconds of the calling thread.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, worked: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock, self._worked = clock, worked
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}  # when a page was drawn last
        self._cost_s = 0.0  # of one drawing, smoothed

    @contextmanager
    def drawing(self, page: str) -> Iterator[None]:
        """Around one drawing of a page."""
        began = self._worked()
        try:
            yield
        finally:
            cost = self._worked() - began
            with self._lock:
                self._cost_s = cost if not self._cost_s else 0.8 * self._cost_s + 0.2 * cost
                self._seen[page] = self._clock()

    @property
    def pages(self) -> int:
        """That are open now."""
        with self._lock:
            patience = MISSED * max(self._needed(len(self._seen)), FASTEST_S * MISSED)
            oldest = self._clock() - patience
            self._seen = {page: at for page, at in self._seen.items() if at >= oldest}
            return len(self._seen)

    def interval_s(self, used: float, fastest: float = FASTEST_S) -> float:
        """Seconds from one drawing to the next; `used` where that is about right.

        Args:
            used: the interval that the page has now.
            fastest: that is useful for it.
        """
        pages = self.pages
        with self._lock:
            needed = max(fastest, self._needed(pages))
        return used if needed / TOLERANCE <= used <= needed * TOLERANCE and used >= fastest else needed

    def _needed(self, pages: int) -> float:
        return min(SLOWEST_S, max(FASTEST_S, pages * self._cost_s * BESIDES / BUDGET))
