"""The browser's button for the way back: one press for each page that was chosen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.steps import open_page, wait_for_rest
from tests.browser.test_looks import WIDTHS, look_with

pytestmark = pytest.mark.slow


def test_a_page_that_writes_its_run_into_the_address_is_left_by_one_step_back(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[-1])
    open_page(page, filled, "/trials?study=digits-done")
    for name in ("Health", "Models"):
        wait_for_rest(page)
        page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
        expect(page).to_have_url(re.compile(rf"/{name.lower()}\?study=digits-done$"))
    for name in ("Health", "Trials"):
        wait_for_rest(page)
        page.go_back()
        expect(page).to_have_url(re.compile(rf"/{name.lower()}\?study=digits-done$"))
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_what_is_set_outlives_a_reload_and_is_no_step_back(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[-1])
    open_page(page, filled, "/system")
    page.get_by_test_id("stTopNavLink").filter(has_text="Optimize").click()
    for number in ("6", "7"):
        page.locator(".st-key-trials input").fill(number)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"/optimize\?trials={number}$"))
    page.reload()
    expect(page.locator(".st-key-trials input")).to_have_value("7")
    wait_for_rest(page)
    page.go_back()
    expect(page).to_have_url(re.compile("/system$"))


def test_a_network_of_ones_own_outlives_a_reload_and_is_one_step(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[-1])
    open_page(page, filled, "/architecture?study=digits-done&trial=1")
    wait_for_rest(page)
    page.locator(".st-key-change_configuration button").first.click()
    for number in ("20", "40"):
        page.locator(".st-key-own_filters input").fill(number)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(rf"network=.*filters%3A\+{number}"))
    page.reload()
    expect(page.locator(".st-key-own_filters input")).to_have_value("40")
    wait_for_rest(page)
    page.locator(".st-key-own_train button").first.click()
    expect(page).to_have_url(re.compile(r"/optimize\?"))
    wait_for_rest(page)
    page.go_back()
    expect(page.locator(".st-key-own_filters input")).to_have_value("40")
    wait_for_rest(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/architecture\?study=digits-done&trial=1$"))
    expect(page.locator(".st-key-change_configuration")).to_be_visible()


def test_a_button_that_leads_to_another_page_is_one_step(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[-1])
    open_page(page, filled, "/trials?study=digits-done&trial=0")
    page.get_by_role("dialog").locator(".st-key-train_alone button").first.click()
    expect(page).to_have_url(re.compile(r"/optimize\?"))
    wait_for_rest(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/trials\?study=digits-done&trial=0$"))


def test_the_tour_outlives_a_reload_of_a_page_of_the_bar_and_is_no_step_back(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[-1])
    both = "(study=digits-done&tour=on|tour=on&study=digits-done)"
    open_page(page, filled, "/trials?study=digits-done&tour=on")
    wait_for_rest(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="Health").click()
    expect(page).to_have_url(re.compile(rf"/health\?{both}$"))
    page.reload()
    expect(page.locator(".st-key-tour")).to_contain_text("4 of 7")
    wait_for_rest(page)
    page.go_back()
    expect(page).to_have_url(re.compile(rf"/trials\?{both}$"))


def test_another_page_is_read_from_its_top(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[0])
    open_page(page, filled, "/analysis?study=digits-done")
    for name in ("Models", "Trials"):
        wait_for_rest(page)
        page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 300)")
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") > 100
        page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_in_viewport()
        wait_for_rest(page)
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_a_comparison_is_read_from_its_top(page: Page, filled: Dashboard) -> None:
    page.set_viewport_size({"width": 1000, "height": 500})
    open_page(page, filled, "/trials?study=digits-done")
    wait_for_rest(page)
    for number in (0, 1):
        page.locator(f".st-key-compare_{number} label").click()
        wait_for_rest(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") > 50
    page.locator(".st-key-compare button").click()
    expect(page.get_by_text("2 trials compared")).to_be_in_viewport()
    wait_for_rest(page)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_what_a_visitor_chose_is_a_step_of_its_own(page: Page, filled: Dashboard) -> None:
    look_with(page, WIDTHS[-1])
    open_page(page, filled, "/trials?study=digits-done")
    wait_for_rest(page)
    page.locator(".st-key-details_1 button").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page).to_have_url(re.compile("trial=1"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/trials\?study=digits-done$"))
    expect(page.get_by_role("dialog")).to_have_count(0)
