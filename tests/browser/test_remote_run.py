"""A run on the twin of RunPod, started and watched in a real browser."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from runpod_service.twin.launch import Twin
from storage.jobs import Jobs
from storage.progress import ProgressTable
from storage.runs import Runs
from storage.studies import Studies
from tests.browser.conftest import Dashboard, serve, stop
from tests.browser.steps import expect_state, open_page, type_number, unfold, wait_for_rest, without_final_model
from tests.browser.test_runs import at_hand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

TRIALS, WORKERS = 12, 4
# So that a trial trains much longer than a look at the table takes.
EPOCHS = 6
LOOK_S = 0.1
# Ends a test that fails; one that works does not wait.
READY_S, RUN_S = 180.0, 900.0


@dataclass(frozen=True)
class Remote:
    """A dashboard whose RunPod is the twin."""

    dashboard: Dashboard
    twin: Twin


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder: Path = tmp_path_factory.mktemp("remote")
    with Twin.start(WORKERS, environment={"XDG_CACHE_HOME": str(folder / "worker")}) as twin:
        dashboard = serve(folder, twin.variables())
        twin.wait_until_ready(READY_S)
        yield Remote(dashboard, twin)
        stop(dashboard)


def start(page: Page, dashboard: Dashboard, data: str) -> str:
    """Start a run on RunPod with the form; its name, with Monitor open."""
    open_page(page, dashboard, "/optimize")
    page.locator(f".st-key-choose_{data} button").click()
    expect(page.locator(f".st-key-choose_{data}")).to_contain_text("Chosen")
    unfold(page, "where")
    page.locator(".st-key-backend").get_by_text("RunPod", exact=True).click()
    expect(page.locator(".st-key-endpoint_line")).to_be_visible()
    wait_for_rest(page)
    type_number(page, "remote_workers", WORKERS)
    type_number(page, "trials", TRIALS)
    type_number(page, "max_epochs_per_trial", EPOCHS)
    type_number(page, "sample_percentage", 5)
    expect(page.locator(".st-key-start_card")).to_contain_text("5 %")
    expect(page.locator(".summary")).to_contain_text(f"{TRIALS} trials of")
    without_final_model(page)
    page.locator(".st-key-start button").click()
    page.wait_for_url(re.compile(r"/monitor\?study="))
    return page.url.partition("study=")[2]


@contextmanager
def watching(dashboard: Dashboard, run_name: str) -> Iterator[set[int]]:
    """The numbers of the trials that were seen to train until now.

    In a thread of its own: trials come and go while the test waits for the browser.
    """
    seen: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        with closing(dashboard.database()) as database:
            table = ProgressTable(database, run_name)
            while not over.wait(LOOK_S):
                seen.update(trial.trial for trial in table.read() if trial.phase == "training" and trial.epoch)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_twelve_trials_on_four_workers_one_of_which_is_killed(page: Page, remote: Remote) -> None:
    data = "mnist"
    if not at_hand(data):
        pytest.skip(f"the files of {data} are not in ONEGIN_DATASETS_DIR")
    name = start(page, remote.dashboard, data)
    killed = None
    with watching(remote.dashboard, name) as seen, closing(remote.dashboard.database()) as database:
        deadline = time.monotonic() + RUN_S
        while not Runs(database).get(name).state.is_final:
            assert time.monotonic() < deadline, "the run takes too long"
            if killed is None and len(seen) >= WORKERS:
                expect(page.locator(".st-key-running")).to_contain_text(re.compile(r"Trial \d+"))
                expect(page.locator(".st-key-running")).to_contain_text(re.compile(rf"epoch \d of {EPOCHS}"))
                expect(page.locator(".st-key-tiles")).to_contain_text("$")
                killed = remote.twin.kill_worker()
            time.sleep(LOOK_S)
        expect_state(page, "finished")
        summary, jobs = Studies(database).summary(name), Jobs(database).of_run(name)
    assert killed is not None
    assert seen == set(range(TRIALS)), "each trial was seen while it trained"
    assert summary.n_trials == summary.n("complete", "pruned") == TRIALS
    assert len({job.trial for job in jobs}) == TRIALS and all(job.is_over for job in jobs)
    assert all(job.cost for job in jobs)
    expect(page.locator(".st-key-tiles")).to_contain_text(f"{TRIALS} of {TRIALS}")
    expect(page.locator(".st-key-tiles")).to_contain_text("$")
    assert all(job["state"] in ("COMPLETED", "CANCELLED", "FAILED") for job in remote.twin.state()["jobs"])
