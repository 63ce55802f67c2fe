"""Disk space on the System page, and deleting a run there."""

from __future__ import annotations

from hpo_core.housekeeping import Removal, delete_runs
from pages.parts import cleanup_view, shared, storage_view
from storage.database import Database
from storage.errors import StorageError
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/system.py"


def test_without_runs_it_says_what_will_stand_there(database: Database) -> None:
    app = open_page(PAGE)
    assert "No run yet: each will stand here" in words(app) and not app.dataframe


def test_a_run_is_deleted_after_a_question(database: Database) -> None:
    folder = examined.make_final_model(database)
    conftest.make_failed(database)
    app = open_page(PAGE)
    (table,) = [frame.value for frame in app.dataframe if "In all" in frame.value]
    assert table["Run"][0] == "digits-done" and table["Its folder"][0].endswith("kB")
    assert app.button(key="delete_run").disabled
    app.selectbox(key="delete_choice").select("digits-done").run()
    app.button(key="delete_run").click().run()
    assert folder.is_dir() and "Gone for good" in words(app)
    app.button(key="delete_really").click().run()
    assert not app.exception and not folder.exists()
    assert shared.studies().names() == ["digits-failed"]
    assert "digits-done` is deleted" in app.success[0].value
    assert "digits-done" not in app.selectbox(key="delete_choice").options


def test_a_running_run_is_not_deleted(database: Database) -> None:
    conftest.make_running(database)
    app = open_page(PAGE)
    app.selectbox(key="delete_choice").select("digits-now").run()
    app.button(key="delete_run").click().run()
    app.button(key="delete_really").click().run()
    assert "Nothing was deleted: digits-now is running" in app.error[0].value
    assert shared.studies().names() == ["digits-now"]


def test_what_is_said_afterwards() -> None:
    assert storage_view.said("a`b", Removal(1500, ())) == "`ab` is deleted; 2 kB are free again."
    assert "could not be removed: /x/y" in storage_view.said("a", Removal(0, ("/x/y",)))


def test_many_runs_are_cleaned_up_after_a_question(database: Database) -> None:
    folder = examined.make_final_model(database)
    conftest.make_failed(database)
    conftest.make_running(database)
    app = open_page(PAGE)
    app.expander[0].proto.expanded = True
    app.session_state["cleanup"] = True
    app.run()
    assert app.button(key="cleanup_delete").disabled and "Say how old runs may be" in words(app)
    app.number_input(key="cleanup_mb").set_value(0).run()
    assert "Over these limits: digits-done, " in words(app)
    app.button(key="cleanup_delete").click().run()
    assert folder.is_dir() and "<li>digits-done</li>" in words(app)
    app.button(key="cleanup_really").click().run()
    assert not app.exception and not folder.exists()
    assert "1 run deleted; " in app.success[0].value
    assert set(shared.studies().names()) == {"digits-failed", "digits-now"}


def test_a_run_that_resists_does_not_keep_the_others() -> None:
    def delete(name: str) -> Removal:
        if name == "b":
            raise StorageError("b is running")
        return Removal(1000, ("/x/y",) if name == "c" else ())

    done = delete_runs(["a", "b", "c"], delete)
    assert done.deleted == ("a", "c") and len(done.problems) == 2
    assert cleanup_view.said(done) == (
        "2 runs deleted; 2 kB are free again. B is running. Files of c could not be removed: /x/y."
    )
