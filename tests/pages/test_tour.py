"""The guided first run."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.tour import INTO_SIGHT, ON, STOPS
from storage.database import Database
from storage.runs import Runs, RunState
from tests.pages import conftest
from tests.pages.test_pages import ROOT, TIMEOUT_S, open_page, words

LATER = """
import streamlit as st
from pages.parts import tour

def go(page, query_params):
    st.session_state["went"] = (page, query_params)

tour.draw("Models")
tour.again(go)
"""


def keys(page: str) -> set[str | None]:
    return {button.key for button in open_page(page).button}


def test_the_tour_is_offered_until_there_is_a_run(database: Database) -> None:
    assert "tour_begin" in keys("pages/optimize.py") and "tour_begin" not in keys("pages/monitor.py")
    app = open_page("pages/optimize.py")
    app.button(key="tour_end").click().run()
    assert "New here?" not in words(app)
    conftest.make_failed(database)
    assert "tour_begin" in keys("pages/optimize.py"), "who saw a first run fail is as new as before"
    for number in range(3):
        Runs(database).create(f"again-{number}", owner="here:1", trials=3)
        Runs(database).end(f"again-{number}", RunState.FAILED, "no network")
    assert "tour_begin" not in keys("pages/optimize.py"), "who tried four times has found the button"


def test_the_tour_is_not_offered_after_a_run(database: Database) -> None:
    conftest.make_finished(database)
    assert "tour_begin" not in keys("pages/optimize.py")


def test_a_study_made_elsewhere_is_a_run_too(database: Database) -> None:
    conftest.make_plain(database)
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
    app = AppTest.from_string(LATER, default_timeout=TIMEOUT_S).run()
    assert "7 of 7" not in words(app)
    app.button(key="tour_again").click().run()
    assert app.session_state["went"] == ("pages/optimize.py", {"tour": ON})
    assert "7 of 7 · Models" in words(app.run()) and INTO_SIGHT in words(app)
    assert "tour_again" not in {button.key for button in app.button} and INTO_SIGHT not in words(app.run())
    app.button(key="tour_end").click().run()
    assert "1 of 7" not in words(app) and app.button(key="tour_again").label == "Take the tour"
    assert "tour" not in app.query_params


def test_a_reload_goes_on_with_the_tour(database: Database) -> None:
    app = open_page("pages/health.py", tour=ON)
    assert "4 of 7 · Health" in words(app)
    following = next(link.proto for link in app.get("page_link") if link.proto.label == "Next: Architecture")
    assert following.query_string == "tour=on"
    assert "of 7" not in words(open_page("pages/health.py", tour="yes"))


def test_the_start_of_a_run_leads_on_with_the_tour_in_the_address(database: Database) -> None:
    conftest.make_finished(database)
    for told in ({"tour": ON}, {}):
        app = open_page("pages/optimize.py", **told)
        app.session_state["go_to"] = "digits-done"
        app.run()
        assert app.query_params == {**told, "study": "digits-done"}
        assert ("2 of 7 · Monitor" in words(app)) is bool(told)


def test_the_last_stop_ends_the_tour_with_a_button_that_looks_like_one(database: Database) -> None:
    last = open_page("pages/models.py", tour=ON).button(key="tour_end")
    assert last.label == "Finish the tour" and last.proto.type == "secondary"
    assert open_page("pages/health.py", tour=ON).button(key="tour_end").proto.type == "tertiary"
