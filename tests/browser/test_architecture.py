"""The diagram of a network in a real browser: what is drawn on the canvas can be clicked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hpo_core.layer_plan import LayerPlan, layer_plan
from pages.parts.architecture_graph import FIT
from pages.parts.architecture_layout import lay_out
from tests.browser.conftest import Dashboard
from tests.browser.steps import download, open_page, type_number, wait_for_rest
from tests.stubs import make_config

pytestmark = pytest.mark.slow

LONG_MS = 30_000


@pytest.fixture
def own_page(page: Page, dashboard: Dashboard) -> Page:
    """The page with a configuration of one's own, which needs no run."""
    open_page(page, dashboard, "/architecture")
    page.get_by_text("A configuration of my own", exact=True).click()
    expect(page.locator(".st-key-own_configuration")).to_be_visible()
    wait_for_rest(page)
    return page


def click_layer(page: Page, plan: LayerPlan, name: str) -> None:
    """Click the middle of a layer on the canvas, which shows the network in its middle."""
    canvas = page.frame_locator("iframe").locator("canvas")
    layout = lay_out(plan)
    expect(canvas).to_have_css("height", f"{layout.height * FIT:.0f}px", timeout=LONG_MS)
    place = canvas.bounding_box()
    assert place is not None
    y = next(box.y for box in layout.boxes if box.layer.name == name) - layout.height / 2
    canvas.click(position={"x": place["width"] / 2, "y": place["height"] / 2 + y})


def test_a_click_on_a_layer_shows_it(own_page: Page) -> None:
    panel, plan = own_page.locator(".st-key-architecture_layer_own"), layer_plan(make_config())
    expect(panel).to_contain_text("11 · conv_3")
    click_layer(own_page, plan, "conv_1")
    expect(panel).to_contain_text("Slides 16 small windows", timeout=LONG_MS)
    box = own_page.locator(".st-key-own_layer input")
    box.fill("output")
    box.press("Enter")
    expect(panel).to_contain_text("One unit for each", timeout=LONG_MS)
    wait_for_rest(own_page)
    click_layer(own_page, plan, "conv_1")  # once more, after the list chose another one
    expect(panel).to_contain_text("Slides 16 small windows", timeout=LONG_MS)
    type_number(own_page, "own_conv_layers", 2)
    expect(panel).to_contain_text("Slides 16 small windows", timeout=LONG_MS)
    click_layer(own_page, layer_plan(make_config(conv_layers=2)), "output")
    expect(panel).to_contain_text("One unit for each of the 10 classes", timeout=LONG_MS)


def test_a_panel_that_was_folded_stays_so(own_page: Page) -> None:
    panel = own_page.locator(".st-key-architecture_layer_own .layer-fold")
    choice = own_page.locator(".st-key-own_layer input")
    text = panel.locator(".layer-text")
    expect(text).to_be_visible()
    for layer, is_open in (("conv_1", False), ("output", True)):
        panel.locator("summary").click()
        expect(text).to_be_visible(visible=is_open)
        wait_for_rest(own_page)
        choice.fill(layer)
        own_page.get_by_role("option").filter(has_text=f"· {layer}").first.click()
        expect(panel).to_contain_text(f"· {layer}")
        wait_for_rest(own_page)
        expect(text).to_be_visible(visible=is_open)


def test_a_panel_is_folded_on_a_telephone_and_opens_where_there_is_room(own_page: Page) -> None:
    text = own_page.locator(".st-key-architecture_layer_own .layer-text")
    expect(text).to_be_visible()
    for width, is_open in ((360, False), (1440, True)):
        own_page.set_viewport_size({"width": width, "height": 800})
        expect(text).to_be_visible(visible=is_open)


def test_files_of_a_network_arrive(own_page: Page, tmp_path: Path) -> None:
    starts = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{", "glb": b"glTF"}
    for kind, start in starts.items():
        file = download(own_page, own_page.locator(f".st-key-own_{kind} button:visible"))
        assert file.suggested_filename == f"digits_own_architecture.{kind}"
        file.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(start)
    assert len(json.loads((tmp_path / "json").read_text())["layers"]) == 18


def test_the_diagram_keeps_its_size_when_the_window_grows(own_page: Page) -> None:
    frame = own_page.locator(".st-key-architecture_graph_own iframe")
    for width in (360, 1440):
        own_page.set_viewport_size({"width": width, "height": 800})
        wait_for_rest(own_page)
        canvas = own_page.frame_locator("iframe").locator("canvas")
        expect(canvas).to_be_visible(timeout=LONG_MS)
        place = frame.bounding_box()
        assert place is not None and 270 <= place["width"] <= 288
