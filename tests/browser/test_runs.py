"""Runs as a visitor sees them, in a real browser with real trainings."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

import datasets
from datasets.sources import SOURCES
from storage.progress import ProgressTable
from storage.runs import Runs, RunState
from storage.studies import Studies
from tests.browser.conftest import ROOT, Dashboard, serve, stop
from tests.browser.steps import RUN_MS, expect_state, open_page, start_run, type_number
from tests.processes import is_gone

pytestmark = pytest.mark.slow

# Ends a test that fails; one that works does not wait.
GONE_S = 30.0


def wait_for_process(dashboard: Dashboard, run_name: str) -> int:
    """Id of a process that trains a trial of the run."""
    with closing(dashboard.database()) as database:
        deadline = time.monotonic() + RUN_MS / 1000
        while time.monotonic() < deadline:
            for trial in ProgressTable(database, run_name).read():
                if trial.process is not None:
                    return trial.process
            time.sleep(0.05)
    raise AssertionError("no training process was seen")


def test_first_run_of_a_visitor(page: Page, dashboard: Dashboard) -> None:
    open_page(page, dashboard, "/")
    assert page.url == f"{dashboard.url}/optimize"
    expect(page.locator(".st-key-card_digits")).to_contain_text("Chosen")
    expect(page.locator(".st-key-card_digits img")).to_have_count(5)
    name = start_run(page, dashboard, trials=2, epochs=25)
    cards = page.locator(".st-key-running")
    expect(cards).to_contain_text(re.compile(r"epoch [1-9]\d* of 25"), timeout=RUN_MS)
    first = int(re.findall(r"epoch (\d+) of 25", cards.inner_text())[0])
    later = "|".join(str(epoch) for epoch in range(first + 1, 26))
    expect(cards).to_contain_text(re.compile(rf"epoch ({later}) of 25"), timeout=RUN_MS)
    expect_state(page, "finished")
    expect(page.locator(".st-key-tiles")).to_contain_text("2 of 2")
    expect(page.locator(".st-key-tiles")).to_contain_text(re.compile(r"\d\d\.\d\d %"))
    expect(page.locator(".st-key-best_so_far .main-svg").first).to_be_visible()
    expect(page.locator(".st-key-monitor_study input")).to_have_value(f"{name} · 2 trials")
    expect(page.get_by_text("There is no run called")).to_have_count(0)
    assert page.url == f"{dashboard.url}/monitor?study={name}"
    with closing(dashboard.database()) as database:
        assert Studies(database).summary(name).n("complete", "pruned") == 2


def test_double_press_starts_one_run_and_cancelling_ends_its_processes(page: Page, dashboard: Dashboard) -> None:
    with closing(dashboard.database()) as database:
        before = len(Runs(database).list())
        open_page(page, dashboard, "/optimize")
        type_number(page, "max_epochs_per_trial", 300)
        expect(page.locator(".st-key-start_card")).to_contain_text("300 epochs")
        page.locator(".st-key-start button").dblclick()
        page.wait_for_url(re.compile(r"/monitor\?study="))
        name = page.url.partition("study=")[2]
        assert len(Runs(database).list()) == before + 1
        process = wait_for_process(dashboard, name)
        other = page.context.new_page()
        open_page(other, dashboard, "/optimize")
        expect(other.locator(".st-key-start button")).to_contain_text("Add to the queue")
        expect(other.locator(".st-key-start_card")).to_contain_text(name)
        page.locator(".st-key-cancel button").click()
        deadline = time.monotonic() + GONE_S
        while not is_gone(process):
            assert time.monotonic() < deadline, "the training goes on"
            time.sleep(0.02)
        expect_state(page, "stopped")
        assert Runs(database).get(name).state is RunState.CANCELLED
        expect(other.locator(".st-key-start button")).to_contain_text("Start optimisation")


def test_run_of_the_command_line_appears_by_itself(page: Page, dashboard: Dashboard) -> None:
    open_page(page, dashboard, "/monitor")
    name = f"from-the-shell-{os.getpid()}"
    words = [sys.executable, "-m", "hpo_core", "optimize", "dataset=digits", "trials=2", "max_epochs_per_trial=2"]
    words += ["workers=1", f"run_name={name}", "--json"]
    with subprocess.Popen(words, cwd=ROOT, env=dashboard.environment, stdout=subprocess.PIPE) as command:
        expect(page.locator(".st-key-monitor_study input")).to_have_value(re.compile(f"^{name} · "), timeout=RUN_MS)
        expect(page.locator(".st-key-running")).to_contain_text("Trial", timeout=RUN_MS)
        output = command.communicate(timeout=180)[0].decode()
    assert command.returncode == 0
    result = json.loads(output.splitlines()[-1])
    open_page(page, dashboard, f"/monitor?study={name}")
    expect_state(page, "finished")
    expect(page.locator(".st-key-tiles")).to_contain_text(f"{result['best_accuracy'] * 100:.2f} %")


def at_hand(name: str) -> bool:
    """Whether a data set can be used without a download."""
    folder = os.environ.get("ONEGIN_DATASETS_DIR")
    if datasets.dataset_info(name).embedded:
        return True
    return folder is not None and any(
        source.files and all((Path(folder) / file.path).is_file() for file in source.files) for source in SOURCES[name]
    )


@pytest.mark.parametrize("name", datasets.CATALOGUE)
def test_pages_show_what_the_database_holds(name: str, page: Page, dashboard: Dashboard) -> None:
    if not at_hand(name):
        pytest.skip(f"the files of {name} are not in ONEGIN_DATASETS_DIR")
    run_name = start_run(page, dashboard, trials=1, epochs=1, sample=5, data=name)
    expect_state(page, "finished")
    with closing(dashboard.database()) as database:
        trial = Studies(database).trials(run_name)[0]
    open_page(page, dashboard, f"/trials?study={run_name}&trial=0")
    details = page.get_by_role("dialog")
    assert trial.score == trial.accuracy is not None  # said once, in per cent
    for shown in (
        "Trial 0", trial.state, f"{trial.accuracy * 100:.2f} %",
        f"{trial.attributes['parameters']:,}".replace(",", "\u202f"), trial.attributes["architecture"],
    ):  # fmt: skip
        expect(details).to_contain_text(shown)
    configuration = page.locator(".st-key-configuration")
    for value in (trial.params["optimizer"], f"{trial.params['learning_rate']:.6g}"):
        expect(configuration).to_contain_text(value)


def test_ctrl_c_cancels_the_run_and_ends_its_processes(page: Page, tmp_path: Path) -> None:
    dashboard = serve(tmp_path)
    try:
        # The first address that a fresh server ever shows is a deep one.
        open_page(page, dashboard, "/monitor")
        expect(page.locator(".st-key-empty")).to_contain_text("No run yet")
        name = start_run(page, dashboard, trials=4, epochs=300)
        wait_for_process(dashboard, name)
        children = psutil.Process(dashboard.process.pid).children(recursive=True)
        dashboard.process.send_signal(signal.SIGINT)
        dashboard.process.wait(30)
        assert psutil.wait_procs(children, timeout=GONE_S)[1] == []
        with closing(dashboard.database()) as database:
            assert Runs(database).get(name).state is RunState.CANCELLED
    finally:
        stop(dashboard)
