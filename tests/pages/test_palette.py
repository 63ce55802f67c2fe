"""Colours: legible in both themes, and written once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pages.parts import confusion, frame, palette
from pages.parts.palette import DARK, LIGHT, Theme

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]
CODE = [ROOT / "app.py", *(file for file in sorted((ROOT / "pages").rglob("*.py")) if file.name != "palette.py")]
# WCAG 2.2: text (1.4.3, level AA).
TEXT = 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_legible_on_every_ground(theme: Theme) -> None:
    for ground in (theme.ground, theme.surface):
        for ink in (theme.text, theme.quiet, theme.accent):
            assert palette.contrast(ink, ground) >= TEXT, f"{ink} on {ground}"
    assert palette.contrast(theme.on_accent, theme.accent) >= TEXT


def test_contrast_is_that_of_the_standard() -> None:
    assert palette.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert palette.contrast("#777777", "#777777") == pytest.approx(1)
    assert palette.contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize(
    "colour",
    sorted({*palette.TRIAL_STATES.values(), *palette.RUN_STATES.values(), *palette.LAYERS.values(), palette.BEST,
            *palette.HEALTH, *(palette.health(step / 50) for step in range(51)),
            *(colour for _, colour in confusion.SCALE)}),
)  # fmt: skip
def test_what_stands_on_a_colour_is_legible(colour: str) -> None:
    assert palette.contrast(palette.ink_on(colour), colour) >= TEXT


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_streamlit_has_the_same_colours(name: str, theme: Theme) -> None:
    told = CONFIG[name]
    assert (told["backgroundColor"], told["secondaryBackgroundColor"]) == (theme.ground, theme.surface)
    assert (told["textColor"], told["primaryColor"], told["linkColor"]) == (theme.text, theme.accent, theme.accent)
    assert told["borderColor"] == theme.line


def test_the_style_sheet_has_no_colour_and_no_size_of_its_own() -> None:
    css = frame.STYLE.read_text(encoding="utf-8")
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b(?![^{}]*\{)", css) == []
    sizes = {int(size) for size in re.findall(r"font-size:\s*(\d+)px", css)}
    assert sizes and sizes <= set(palette.TYPE_SCALE)
    declared = set(re.findall(r"--([\w-]+):", palette.css_variables()))
    of_elements = {"columns", "allowed", "share"}  # set where an element is drawn
    assert set(re.findall(r"var\(--([\w-]+)", css)) <= declared | of_elements


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_file_has_a_colour_of_its_own(file: Path) -> None:
    assert re.findall(r"#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})\b", file.read_text(encoding="utf-8")) == []


def test_headings_are_on_the_scale() -> None:
    sizes = {int(size.removesuffix("px")) for size in [*CONFIG["headingFontSizes"], CONFIG["metricValueFontSize"]]}
    assert sizes <= set(palette.TYPE_SCALE) and CONFIG["baseFontSize"] in palette.TYPE_SCALE
