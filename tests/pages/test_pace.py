"""Tests of how often live parts are drawn; clocks are passed in."""

from __future__ import annotations

import pytest

from pages.parts.pace import BESIDES, BUDGET, FASTEST_S, SLOWEST_S, TOLERANCE, Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worked() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock, worked: Clock) -> Pace:
    return Pace(clock, worked)


def draw(pace: Pace, worked: Clock, pages: int, cost_s: float) -> None:
    for page in range(pages):
        with pace.drawing(f"page {page}"):
            worked.now += cost_s


def test_a_single_cheap_page_is_drawn_as_often_as_is_useful(pace: Pace, worked: Clock) -> None:
    assert pace.interval_s(FASTEST_S) == FASTEST_S
    draw(pace, worked, 1, 0.005)
    assert pace.interval_s(FASTEST_S) == FASTEST_S and pace.interval_s(2.0, fastest=2.0) == 2.0


@pytest.mark.parametrize(("pages", "cost_s"), [(3, 0.04), (20, 0.04), (20, 0.01), (1, 0.2)])
def test_all_pages_together_stay_within_the_budget(pace: Pace, worked: Clock, pages: int, cost_s: float) -> None:
    for _ in range(20):
        draw(pace, worked, pages, cost_s)
    interval = pace.interval_s(FASTEST_S)
    assert pages * cost_s * BESIDES / interval <= BUDGET * 1.01 or interval == SLOWEST_S
    assert interval >= FASTEST_S


def test_an_interval_that_is_about_right_stays(pace: Pace, worked: Clock) -> None:
    draw(pace, worked, 10, 0.04)
    right = pace.interval_s(FASTEST_S)
    assert right > FASTEST_S
    draw(pace, worked, 12, 0.04)
    assert pace.interval_s(right) == right
    draw(pace, worked, 30, 0.04)
    assert pace.interval_s(right) > right * TOLERANCE


def test_closed_pages_are_forgotten(pace: Pace, worked: Clock, clock: Clock) -> None:
    draw(pace, worked, 20, 0.04)
    slow = pace.interval_s(FASTEST_S)
    assert pace.pages == 20
    for _ in range(60):
        clock.now += slow
        draw(pace, worked, 1, 0.04)
    assert pace.pages == 1 and pace.interval_s(slow) < slow
