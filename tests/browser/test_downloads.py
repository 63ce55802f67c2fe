"""Whatever a page offers as a file arrives, whole and with a name that says what it is."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import Locator, Page, expect

from pages.parts.analysis.catalogue import CHARTS
from pages.parts.report import report_name
from tests.browser.conftest import Dashboard, serve, stop
from tests.browser.steps import download, open_page, unfold, unfold_all, wait_for_rest
from tests.browser.test_looks import PAGES
from tests.hpo_core.analysis import studies

pytestmark = pytest.mark.slow

BUTTONS = '[data-testid="stDownloadButton"] button:visible:enabled'
KEYS = """found => [...new Set(found.map(button =>
    [...button.closest('[class*="st-key-"]').classList].find(name => name.startsWith('st-key-'))))]"""


@pytest.mark.parametrize("name", PAGES)
def test_every_file_of_a_page_arrives(name: str, page: Page, filled: Dashboard) -> None:
    study = "digits-done" if name == "models" else "digits-examined"
    open_page(page, filled, f"/{name}?study={study}")
    wait_for_rest(page)
    if name == "optimize":
        unfold(page, "sharing")
        expect(page.locator(".st-key-export button").first).to_be_visible()
    else:
        unfold_all(page)
    assert fetch_all(page, page.locator(BUTTONS))


def test_a_comparison_arrives_as_numbers(page: Page, filled: Dashboard) -> None:
    open_page(page, filled, "/trials?study=digits-examined&compare=0,2")
    wait_for_rest(page)
    assert fetch_all(page, page.locator(BUTTONS)) == ["digits-examined-trials-0-2.csv"]


def test_everything_of_a_run_in_one_file(page: Page, filled: Dashboard) -> None:
    open_page(page, filled, "/models?study=digits-done")
    wait_for_rest(page)
    page.locator(".st-key-package_prepare button:visible").click()
    file = download(page, page.locator(".st-key-package_download button:visible"))
    with zipfile.ZipFile(file.path()) as package:
        assert package.testzip() is None
        assert {report_name("digits-done"), "trials.csv", "model/model.keras", "model/card.json"} <= set(
            package.namelist()
        )


def test_the_card_loads_the_file_that_arrived(page: Page, filled: Dashboard) -> None:
    open_page(page, filled, "/models?study=digits-done")
    wait_for_rest(page)
    file = download(page, page.locator(".st-key-download_digits_done_model_keras button:visible"))
    card = download(page, page.locator(".st-key-download_digits_done_model_card_md button:visible"))
    assert f'load_model("{file.suggested_filename}")' in Path(card.path()).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a study of which every chart has something to say."""
    running = serve(tmp_path_factory.mktemp("searched"))
    with closing(running.database()) as database:
        study = optuna.create_study(study_name="searched", storage=database.optuna_storage(), direction="maximize")
        for trial in studies.drawn(studies.by_learning_rate, 30):
            trial.user_attrs = {
                "accuracy": trial.value, "parameters": trial.params["filters"] * 1000, "health": trial.params["dropout"]
            }  # fmt: skip
            study.add_trial(trial)
    yield running
    stop(running)


@pytest.mark.parametrize("chart", [chart for chart in CHARTS if chart != "leaderboard"])
def test_every_chart_is_taken_away_as_numbers_and_as_a_page(chart: str, page: Page, searched: Dashboard) -> None:
    open_page(page, searched, f"/analysis?study=searched&chart={chart}")
    wait_for_rest(page)
    buttons = page.locator(".st-key-analysis_downloads").locator(BUTTONS)
    expect(buttons).to_have_count(2)  # they come one after the other
    names = fetch_all(page, buttons)
    assert [Path(name).suffix for name in names] == [".csv", ".html"]
    assert all(name.startswith(f"searched-{chart}") for name in names)


def test_every_file_of_a_trial_arrives(page: Page, filled: Dashboard) -> None:
    open_page(page, filled, "/trials?study=digits-examined&trial=1")
    expect(page.get_by_role("dialog")).to_contain_text("Full configuration")
    assert fetch_all(page, page.get_by_role("dialog").locator(BUTTONS))


def fetch_all(page: Page, buttons: Locator) -> list[str]:
    """Press every button; the names of the files, each of which holds something and is called differently."""
    names = list[str]()
    expect(buttons.first).to_be_visible()
    wait_for_rest(page)
    for key in buttons.evaluate_all(KEYS):
        file = download(page, page.locator(f".{key} button:visible"))
        assert Path(file.path()).stat().st_size > 0, key
        assert Path(file.suggested_filename).suffix and " " not in file.suggested_filename, key
        names.append(file.suggested_filename)
    assert len(set(names)) == len(names)
    return names
