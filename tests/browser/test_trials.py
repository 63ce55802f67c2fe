"""The gallery of trials in a real browser: its dialog, its comparison, its downloads."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import Page, expect

from storage.runs import Runs, RunState
from tests.browser.conftest import Dashboard, serve, stop
from tests.browser.steps import download, open_page, wait_for_rest
from tests.browser.test_looks import WIDTHS, assert_fits, look_with
from tests.pages import conftest

pytestmark = pytest.mark.slow

NAME = "digits-now"
ROW_PX, BOX_PX = 35, 17
READABLE_PX = 500
# Messages about runs, which draw a page anew as well, are looked for every ten seconds.
FOLLOWS_MS = 6_000


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a run that goes on: two complete trials and one that trains."""
    running = serve(tmp_path_factory.mktemp("gallery"))
    with closing(running.database()) as database:
        conftest.make_running(database)
        with database.write() as connection:  # nobody runs it: it stays alive by a sign of life from the future
            connection.exec_driver_sql("UPDATE onegin_runs SET heartbeat_at = 9e9")
    yield running
    stop(running)


def trial_ends(gallery: Dashboard) -> None:
    """One more trial of the run is complete."""
    with closing(gallery.database()) as database:
        conftest.add_trial(optuna.load_study(study_name=NAME, storage=database.optuna_storage()), 0.5)


def test_details_open_from_their_button_stay_open_and_close(page: Page, gallery: Dashboard) -> None:
    trial_ends(gallery)
    open_page(page, gallery, f"/trials?study={NAME}")
    dialog, cards = page.get_by_role("dialog"), page.locator("[class*='st-key-trial_card_']")
    expect(cards).to_have_count(4)
    expect(dialog).to_have_count(0)
    expect(page.locator(".st-key-details_2 button").first).to_be_disabled()
    trial_ends(gallery)
    expect(cards).to_have_count(5)  # by itself
    wait_for_rest(page)
    page.locator(".st-key-details_1 button").click()
    expect(dialog).to_contain_text("Full configuration")
    assert "trial=1" in page.url
    inside = dialog.locator("> div").last
    assert inside.evaluate("box => box.scrollHeight > box.clientHeight && box.clientHeight <= innerHeight")
    inside.evaluate("box => box.scrollTop = 200")
    trial_ends(gallery)
    page.wait_for_timeout(5_000)  # longer than the page needs to notice
    expect(dialog).to_have_count(1)
    assert inside.evaluate("box => box.scrollTop") == 200
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cards).to_have_count(6)
    page.wait_for_url(lambda url: "trial=" not in url)
    wait_for_rest(page)
    page.locator(".st-key-details_0 button").click()
    expect(dialog).to_contain_text("91.00 %")
    wait_for_rest(page)
    dialog.get_by_label("Close").click()
    expect(dialog).to_have_count(0)


def test_choosing_filtering_and_comparing(page: Page, gallery: Dashboard) -> None:
    open_page(page, gallery, f"/trials?study={NAME}&state=complete")
    wait_for_rest(page)
    page.locator(".st-key-compare_0 label").click()
    expect(page.locator(".st-key-compare button").first).to_be_disabled()
    wait_for_rest(page)
    page.locator(".st-key-more_filters button").click()
    box = page.locator(".st-key-filter_min_score input")
    box.fill("0.95")
    box.press("Enter")
    expect(page.locator("[class*='st-key-trial_card_']")).to_have_count(1)
    expect(page.locator(".st-key-chips")).to_contain_text("Score at least 0.95")
    page.keyboard.press("Escape")
    wait_for_rest(page)
    page.locator(".st-key-compare_1 label").click()
    page.locator(".st-key-compare button").first.click()
    expect(page.locator(".st-key-compared_parameters")).to_contain_text("Trial 1")
    page.wait_for_url(re.compile("compare=0(,|%2C)1"))
    page.locator(".st-key-to_gallery button").click()
    expect(page.locator(".st-key-chips")).to_contain_text("Score at least 0.95")


def test_a_tick_in_the_table_is_a_choice_for_the_comparison(page: Page, gallery: Dashboard) -> None:
    open_page(page, gallery, f"/trials?study={NAME}&state=complete&view=table")
    chosen = page.locator(".st-key-compare_bar [class*='st-key-uncompare_']")
    for number in (0, 1):
        tick_row(page, number)
        expect(chosen).to_have_count(number + 1)
    page.locator(".st-key-uncompare_0 button").first.click()
    expect(chosen).to_have_count(1)
    wait_for_rest(page)
    tick_row(page, 1)  # takes the last one away
    expect(page.locator(".st-key-compare_bar")).to_have_count(0)
    wait_for_rest(page)
    page.get_by_text("Cards", exact=True).click()
    wait_for_rest(page)
    page.locator(".st-key-compare_1 label").click()
    page.get_by_text("Table", exact=True).click()
    expect(page.locator(".st-key-chosen_rows")).to_contain_text("Details of Trial 1")
    wait_for_rest(page)
    tick_row(page, 1)
    expect(page.locator(".st-key-compare_bar")).to_have_count(0)


def tick_row(page: Page, place: int) -> None:
    """Click the box of a row; the table is one picture for a browser."""
    table = page.get_by_test_id("stDataFrame")
    wait_for_rest(page)
    table.click(position={"x": BOX_PX, "y": ROW_PX * (place + 1) + BOX_PX})


def test_downloads(page: Page, gallery: Dashboard, tmp_path: Path) -> None:
    open_page(page, gallery, f"/trials?study={NAME}&state=complete&max_score=0.95&sort=-score")
    table = download(page, page.locator(".st-key-download_trials button"))
    assert table.suggested_filename == f"{NAME}-trials-filtered.csv"
    with Path(table.path()).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["number"] == "0" and rows[0]["accuracy"] == "0.91" and rows[0]["kernel_size"] == "3"
    open_page(page, gallery, f"/trials?study={NAME}&trial=1")
    configuration = download(page, page.locator(".st-key-download_configuration button"))
    assert configuration.suggested_filename == f"{NAME}-trial-1-hyperparameters.yaml"


def test_pictures_can_be_read_on_a_telephone(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[0])
    open_page(page, filled, "/trials?study=digits-examined&trial=1")
    picture = page.get_by_role("dialog").locator("[class*='st-key-picture_'] img").first
    picture.scroll_into_view_if_needed()
    assert picture.evaluate("picture => picture.clientWidth") < WIDTHS[0]
    page.set_viewport_size({"width": 780, "height": 360})  # turned sideways
    wait_for_rest(page)
    assert picture.evaluate("picture => picture.clientWidth") > READABLE_PX
    look_with(page, WIDTHS[0])
    page.locator(".st-key-swipe_pictures label").first.click()
    large = page.locator(".st-key-swiped_pictures [class*='st-key-picture_'] img").first
    expect(large).to_be_visible()
    wait_for_rest(page)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None and box["width"] > READABLE_PX
    frame = page.locator("[class*='st-key-picture_'] [data-testid='stElementContainer']:has(img)").first
    assert frame.evaluate("frame => { frame.scrollLeft = 100; return frame.scrollLeft; }") == 100
    inside = page.get_by_role("dialog").locator("> div").last
    assert inside.evaluate("box => box.scrollWidth <= box.clientWidth")
    look_with(page, WIDTHS[-1])
    expect(page.locator(".st-key-swipe_pictures")).to_be_hidden()


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_fits(width: int, page: Page, gallery: Dashboard) -> None:
    look_with(page, width)
    for query in ("", "&view=table", "&compare=0,1,2,3", "&state=complete&min_score=0.1&min.filters=8"):
        open_page(page, gallery, f"/trials?study={NAME}{query}")
        expect(page.locator("[data-testid='stException']")).to_have_count(0)
        assert_fits(page)
    open_page(page, gallery, f"/trials?study={NAME}&trial=1")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Full configuration")
    inside = dialog.locator("> div").last
    assert inside.evaluate("box => box.scrollWidth <= box.clientWidth && box.clientWidth <= innerWidth")


def test_models_follows_the_end_of_a_run(page: Page, gallery: Dashboard) -> None:
    with closing(gallery.database()) as database:
        open_page(page, gallery, f"/models?study={NAME}")
        expect(page.get_by_text("still searching")).to_be_visible()
        wait_for_rest(page)
        Runs(database).end(NAME, RunState.CANCELLED)
        expect(page.get_by_text("was stopped before a final model was made")).to_be_visible(timeout=FOLLOWS_MS)
        with database.write() as connection:  # as the other tests, or this one once more, expect it
            connection.exec_driver_sql("UPDATE onegin_runs SET state = 'running', ended_at = NULL")
