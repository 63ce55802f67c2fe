"""The System page: what it finds, what it lets one set, and what it never shows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from hpo_core.prices import in_dollars
from hpo_core.settings import RunPodSettings
from pages.parts import shared
from pages.parts.endpoint_watch import ask_health
from pages.parts.remote import Source
from runpod_service.backend import endpoint_name
from runpod_service.client import EndpointHealth
from runpod_service.errors import UnreachableError
from storage.database import Database
from storage.jobs import Job, Jobs
from tests.pages.scripted import endpoint
from tests.pages.test_pages import open_page, words

PAGE = "pages/system.py"
KEY = "rpa-planted-0123456789"
HEALTH = {"jobs": {"inQueue": 7, "failed": 3}, "workers": {"idle": 1, "running": 2}}


def everything(app: AppTest) -> str:
    """All that the page sends to a browser and all that the session keeps."""
    return "\n".join([words(app), str(app.main), repr(app.session_state), str(app.query_params)])


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """An environment in which RunPod is set up."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "abc123")
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", url)


def test_nothing_set_up_is_a_finding_with_its_fix(database: Database) -> None:
    shown = words(open_page(PAGE))
    assert "RunPod is not set up" in shown and "RUNPOD_API_KEY" in shown and "RUNPOD_ENDPOINT_ID" in shown
    assert "nowhere: the environment sets none" in shown
    assert "No job yet" in shown and "ONEGIN_S3_BUCKET" in shown
    assert "Cores: " in shown and "Nothing leaves this machine" in shown


def test_settings_are_told_without_their_secrets(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEGIN_RESULTS_DIR", str(tmp_path / "<results>"))
    monkeypatch.setenv("ONEGIN_WEBHOOK_URL", "http://127.0.0.1:9/planted-token")
    app = open_page(PAGE)
    shown = words(app)
    assert f"{tmp_path}/&lt;results&gt;" in shown and f"sqlite: {tmp_path}" in shown
    assert "ONEGIN_DATASETS_DIR</code></small></th><td>not set<" in shown
    assert "ONEGIN_WEBHOOK_URL</code></small></th><td>set<" in shown
    assert "planted-token" not in everything(app)


def test_the_log_of_all_runs_is_searched(database: Database) -> None:
    log = shared.settings().log_file
    log.parent.mkdir(parents=True)
    assert open_page(PAGE).code[0].value == "Nothing was logged on this machine."
    log.write_text("moment INFO [a] trial 1 is complete\nmoment WARNING [b] trial 2 is lost\n")
    app = open_page(PAGE)
    assert app.code[0].value.splitlines() == log.read_text().splitlines()
    app.text_input(key="log_search").set_value("warning").run()
    assert app.code[0].value == "moment WARNING [b] trial 2 is lost"


def test_a_healthy_endpoint(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(HEALTH) as (url, keys):
        use(monkeypatch, url)
        app = open_page(PAGE)
        shown = words(app)
    for expected in (
        "The endpoint is well",
        "At work: 2",
        "Free: 1",
        "Jobs queued: 7",
        "Jobs failed: 3",
        "abc123",
        url,
    ):
        assert expected in shown
    assert keys == [f"Bearer {KEY}"]
    assert KEY not in everything(app)


@pytest.mark.parametrize(
    ("content", "status", "title"),
    [
        ({"error": "no"}, 401, "refuses the key"),
        ({"error": "no"}, 404, "no such endpoint"),
        ({"error": "no"}, 429, "limits the requests"),
        ({"error": "no"}, 500, "does not answer as it should"),
        ("<html>Welcome</html>", 200, "What answers is not RunPod"),
        ({"hello": "world"}, 200, "does not answer as it should"),
    ],
)
def test_what_goes_wrong_is_a_finding(
    content: dict[str, object] | str, status: int, title: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(content, status) as (url, _):
        use(monkeypatch, url)
        app = open_page(PAGE)
    assert title in words(app) and not app.error
    assert KEY not in everything(app)


def test_a_closed_port_is_a_finding(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:9")
    app = open_page(PAGE)
    assert "cannot be reached" in words(app) and KEY not in everything(app)


def test_jobs_workers_and_money(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(HEALTH) as (url, _):
        use(monkeypatch, url)
        name, now = endpoint_name(url, "abc123"), time.time()
        jobs = Jobs(database)
        jobs.add(Job("job-a", "run-1", 4, name, "IN_QUEUE", now - 90))
        jobs.add(Job("job-b", "run-1", 3, name, "COMPLETED", now - 100, "worker-x", now, 12.0, 61.0, 0.0116))
        jobs.add(
            Job(
                "job-c", "run-2", None, name, "FAILED", now - 200, "worker-x", now, 2.0, 4.0, 0.001,
                "no module named x\ntrace",
            )
        )  # fmt: skip
        app = open_page(PAGE)
    newest = app.dataframe[0].value
    assert list(newest["Trial"]) == ["Trial 4", "Trial 3", "Final model"]
    assert list(newest["State"]) == ["in queue", "completed", "failed"]
    assert list(newest["Ran"]) == ["–", "1 min 1 s", "4.0 s"]
    assert list(newest["Cost"]) == ["–", in_dollars(0.0116), in_dollars(0.001)]
    assert newest["Waited"][0].startswith("1 min 3") and newest["Error"][2] == "no module named x"
    records = app.dataframe[1].value
    assert records.to_dict("records") == [
        {"Worker": "worker-x", "Jobs": 2, "Failed": 1, "Mean wait": "7.0 s", "Mean time": "32 s"}
    ]
    assert dict(app.dataframe[2].value.values) == {"run-1": in_dollars(0.0116), "run-2": in_dollars(0.001)}


def test_what_is_typed_in_is_used_and_forgotten_by_the_fields(database: Database) -> None:
    with endpoint(HEALTH) as (url, keys):
        app = open_page(PAGE)
        app.text_input(key="runpod_key").input(KEY)
        app.text_input(key="runpod_endpoint").input("typed-1")
        app.text_input(key="runpod_address").input(url)
        app.button(key="use_endpoint").click().run()
        assert not app.exception and not app.error
        assert "The endpoint is well" in words(app) and "what was typed in here, for this process only" in words(app)
    assert keys and set(keys) == {f"Bearer {KEY}"}
    assert shared.run_settings().runpod == RunPodSettings(KEY, "typed-1", url)
    assert KEY not in everything(app)
    field = app.text_input(key="runpod_key")
    assert field.value == "" and field.placeholder == "set"
    app.button(key="use_environment").click().run()
    assert not shared.run_settings().runpod.complete and "not set up" in words(app)


def test_what_cannot_be_used_is_said_without_the_key(database: Database) -> None:
    app = open_page(PAGE)
    app.text_input(key="runpod_key").input(KEY)
    app.text_input(key="runpod_address").input("ftp://there")
    app.button(key="use_endpoint").click().run()
    assert "Address" in app.error[0].value and "https://" in app.error[0].value
    assert KEY not in everything(app) and not shared.run_settings().runpod.api_key


def test_the_environments_key_is_not_sent_to_another_address(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(HEALTH) as (there, _), endpoint(HEALTH) as (elsewhere, keys):
        use(monkeypatch, there)
        app = open_page(PAGE)
        app.text_input(key="runpod_address").input(elsewhere)
        app.button(key="use_endpoint").click().run()
        assert "API key" in app.error[0].value and "again" in app.error[0].value
        app.run()
    assert keys == [] and shared.remote().settings.base_url == there


@pytest.mark.slow
def test_try_runpod_locally(database: Database) -> None:
    app = open_page(PAGE)
    app.button(key="start_twin").click().run(timeout=60)
    assert not app.exception and not app.error
    try:
        assert shared.remote().source is Source.TWIN
        settings = shared.run_settings().runpod
        assert settings.complete and settings.api_key not in everything(app)
        assert "the twin on this machine" in words(app)
        answer = shared.endpoint_watch().look(settings, wait_s=10)
        assert isinstance(answer, EndpointHealth)
        shared.close_runs()
        assert shared.remote().source is Source.ENVIRONMENT
        with pytest.raises(UnreachableError):
            ask_health(settings)
    finally:
        shared.remote().close()
