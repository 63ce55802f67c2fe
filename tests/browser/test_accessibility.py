"""axe-core on every page, in both themes, with everything that folds opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from pages.parts import palette
from tests.browser.conftest import Dashboard
from tests.browser.steps import download, open_page, unfold_all, wait_for_rest
from tests.browser.test_looks import PAGES

pytestmark = pytest.mark.slow

GRAVE = ("serious", "critical")
# A colour on its way from one theme to the other is no colour of ours.
STILL = "*, ::before, ::after { animation: none !important; transition: none !important; }"
CONTRAST = {"runOnly": ["color-contrast", "link-in-text-block"]}
FRAME = "box => [getComputedStyle(box).borderTopColor, getComputedStyle(box).backgroundColor]"
FRAME_CONTRAST = 3.0  # WCAG 2.2, 1.4.11
LOOKS, SETTLE_MS = 4, 2_000
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Rule and part of a selector of what Streamlit's own widgets do, with the reason why it is not ours. None so far.
OF_STREAMLIT: Mapping[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Violation:
    """One element that breaks one rule."""

    rule: str
    target: str
    html: str
    why: str


@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(name: str, page: Page, filled: Dashboard) -> None:
    study = "digits-done" if name == "models" else "digits-examined"
    for scheme in SCHEMES:
        # Before the page is opened: a dialog that is open keeps the colours it was opened with.
        page.emulate_media(color_scheme=scheme)
        open_page(page, filled, f"/{name}?study={study}&trial=1")
        wait_for_rest(page)
        unfold_all(page)
        page.add_style_tag(content=STILL)
        expect(page.locator(".stApp")).to_have_css("color-scheme", scheme)
        # The theme changes colours and nothing else.
        rules = None if scheme == SCHEMES[0] else CONTRAST
        assert lasting(page, rules) == []


def lasting(page: Page, rules: Mapping[str, Any] | None = None) -> list[Violation]:
    """What of ours breaks a rule each time: a page that is just being drawn anew is faded."""
    found: list[Violation] = []
    for _ in range(LOOKS):
        found = [item for item in _violations(page, rules) if not _is_of_streamlit(item)]
        if not found:
            break
        page.wait_for_timeout(SETTLE_MS)
        wait_for_rest(page)
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_box_that_is_not_ticked_is_seen(scheme: Literal["light", "dark"], page: Page, filled: Dashboard) -> None:
    """Its frame is all there is of it; axe does not look at frames."""
    page.emulate_media(color_scheme=scheme)
    open_page(page, filled, "/trials?study=digits-examined")
    wait_for_rest(page)
    page.add_style_tag(content=STILL)
    expect(page.locator(".stApp")).to_have_css("color-scheme", scheme)
    frame, ground = page.locator('.st-key-compare_0 [data-testid="stCheckbox"] label > div').first.evaluate(FRAME)
    assert palette.contrast(_hex(frame), _hex(ground)) >= FRAME_CONTRAST


def _hex(colour: str) -> str:
    """What a browser calls 'rgb(1, 2, 3)'."""
    return "#" + "".join(f"{int(part):02X}" for part in re.findall(r"\d+", colour)[:3])


def test_a_dialog_is_legible_in_the_dark(page: Page, filled: Dashboard) -> None:
    """It lies outside of the element that has Streamlit's theme."""
    page.emulate_media(color_scheme="dark")
    open_page(page, filled, "/system")
    wait_for_rest(page)
    page.locator(".st-key-delete_choice input").click()
    page.get_by_role("option").first.click()
    expect(page.locator(".st-key-delete_run button").first).to_be_enabled()
    page.locator(".st-key-delete_run button").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Gone for good")
    expect(page.get_by_role("dialog")).to_have_css("color-scheme", "dark")
    wait_for_rest(page)
    page.add_style_tag(content=STILL)
    assert lasting(page) == []
    page.locator(".st-key-delete_not button").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_report_opens_without_a_network(page: Page, browser: Browser, filled: Dashboard, tmp_path: Path) -> None:
    open_page(page, filled, "/models?study=digits-done")
    wait_for_rest(page)
    arrived = download(page, page.locator(".st-key-models_report button"))
    file = tmp_path / arrived.suggested_filename
    arrived.save_as(file)
    context = browser.new_context(offline=True)
    report, asked, errors = context.new_page(), list[str](), list[str]()
    report.on("request", lambda request: asked.append(request.url))
    report.on("pageerror", lambda error: errors.append(str(error)))
    report.goto(file.as_uri())
    expect(report.locator("figure .main-svg").first).to_be_visible()
    expect(report.locator("h1")).to_have_text("digits-done")
    assert asked == [file.as_uri()] and errors == [] and _violations(report) == []
    context.close()


def test_a_page_with_a_fault_is_found_out(page: Page, filled: Dashboard) -> None:
    open_page(page, filled, "/system")
    wait_for_rest(page)
    page.evaluate("document.querySelector('.onegin-footer').innerHTML = '<img src=\"x.png\"><a href=\"#\"></a>'")
    assert {"image-alt", "link-name"} <= {item.rule for item in _violations(page)}


def _violations(page: Page, rules: Mapping[str, list[str]] | None = None) -> list[Violation]:
    answer: dict[str, Any] = Axe().run(page, options=rules).response
    return [
        Violation(rule["id"], " ".join(map(str, node["target"])), node["html"][:300], node.get("failureSummary", ""))
        for rule in answer["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def _is_of_streamlit(item: Violation) -> bool:
    return any(item.rule == rule and part in item.target for rule, part in OF_STREAMLIT)
