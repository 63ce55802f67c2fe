"""Short messages about what happened elsewhere."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.notice_kinds import Kind
from pages.parts import notices
from storage.database import Database
from storage.notices import NoticeTable
from tests.pages.test_pages import ROOT, TIMEOUT_S


def visit() -> AppTest:
    """What the frame of every page draws."""
    return AppTest.from_string("from pages.parts import notices\nnotices.draw()", default_timeout=TIMEOUT_S).run()


def texts(app: AppTest) -> list[str]:
    return [toast.value for toast in app.toast]


def test_what_happens_during_a_visit_is_told_once(database: Database) -> None:
    table = NoticeTable(database)
    table.add("old", Kind.ENDED, "before the visit")
    app = visit()
    assert texts(app) == []
    table.add("digits_*1*", Kind.ENDED, "run finished: $5 <b>")
    app.run()
    (text,) = texts(app)
    assert text.startswith("**digits\\_\\*1\\***: run finished") and app.toast[0].icon == ":material/flag:"
    assert texts(app.run()) == []


LOOKING = """
import streamlit as st
from pages.parts import notices
st.session_state.drawn = st.session_state.get("drawn", 0) + 1
if st.session_state.pop("look", False):
    notices.show()  # as the part of the page that draws itself does
else:
    notices.draw()
"""


def test_a_page_is_drawn_anew_after_the_end_of_a_run(database: Database) -> None:
    """At the look after the message: what it says may be out of date, and a drawing would lose the message."""
    app = AppTest.from_string(LOOKING, default_timeout=TIMEOUT_S).run()
    table = NoticeTable(database)

    def look() -> int:
        app.session_state["look"] = True
        return int(app.run().session_state["drawn"])

    table.add("digits", Kind.BUDGET, "told")
    assert [look(), look()] == [2, 3]
    table.add("digits", Kind.ENDED, "told")
    assert look() == 4 and len(texts(app)) == 1
    assert [look(), look()] == [6, 7]


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_a_picture(kind: Kind) -> None:
    assert notices.ICONS[kind].startswith(":material/")


def test_a_database_that_is_away_is_told_by_the_page_alone(database: Database) -> None:
    app = visit()
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE onegin_notices")
    app.run()
    assert not app.exception and texts(app) == []


def test_every_page_has_them(database: Database) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).run()
    assert not app.exception and app.session_state[notices.SEEN] == 0
