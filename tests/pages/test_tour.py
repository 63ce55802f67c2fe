"""The guided first run."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.tour import STOPS
from storage.database import Database
from tests.pages import conftest
from tests.pages.test_pages import ROOT, TIMEOUT_S, open_page, words


def keys(page: str) -> set[str | None]:
    return {button.key for button in open_page(page).button}


def test_the_tour_is_offered_until_there_is_a_run(database: Database) -> None:
    assert "tour_begin" in keys("pages/optimize.py") and "tour_begin" not in keys("pages/monitor.py")
    app = open_page("pages/optimize.py")
    app.button(key="tour_end").click().run()
    assert "New here?" not in words(app)
    conftest.make_finished(database)
    assert "tour_begin" not in keys("pages/optimize.py")


def test_each_page_says_its_part_and_where_to_go_on(database: Database) -> None:
    app = open_page("pages/optimize.py")
    app.button(key="tour_begin").click().run()
    for place, stop in enumerate(STOPS):
        app.switch_page(stop.page)
        app.query_params["study"] = "gone"
        app.run()
        assert not app.exception
        assert f"{place + 1} of {len(STOPS)} · {stop.title}" in words(app) and stop.text[:40] in words(app)
        assert f"# {stop.title}" in "".join(f"# {title.value}" for title in app.title)
        assert (ROOT / stop.page).is_file()
    app.button(key="tour_end").click().run()
    assert "of 7 ·" not in words(app)


def test_the_tour_has_every_page_but_system() -> None:
    pages = {Path(file).name for file in (ROOT / "pages").glob("[!_]*.py")}
    assert pages - {Path(stop.page).name for stop in STOPS} == {"system.py"}


def test_the_tour_is_there_for_who_comes_later(database: Database) -> None:
    conftest.make_finished(database)
    code = "from pages.parts import tour\ntour.draw('Models')\ntour.again()"
    app = AppTest.from_string(code, default_timeout=TIMEOUT_S).run()
    assert "7 of 7" not in words(app)
    app.button(key="tour_again").click().run()
    assert "7 of 7 · Models" in words(app) and "tour_again" not in {button.key for button in app.button}
    app.button(key="tour_end").click().run()
    assert "7 of 7" not in words(app) and app.button(key="tour_again").label == "Take the tour"
