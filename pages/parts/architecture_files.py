"""The diagram of a network as a file, drawn again from the coordinates that it has on the page."""

from __future__ import annotations

from collections.abc import Mapping

from hpo_core.layer_plan import LayerPlan
from pages.parts import palette
from pages.parts.architecture_colours import Colouring, by_type
from pages.parts.architecture_layout import ASIDE, HEIGHT, WIDTH, Arrow, Box, lay_out, summary
from pages.parts.sheets import INK, PdfSheet, PngSheet, Sheet, SvgSheet

QUIET = palette.LIGHT.quiet
HEAD, BESIDE, ROW, BORDER = 56.0, 210.0, 24.0, 16.0
TIP = 5.0

KINDS: Mapping[str, tuple[type[SvgSheet] | type[PngSheet] | type[PdfSheet], str]] = {
    "svg": (SvgSheet, "image/svg+xml"),
    "png": (PngSheet, "image/png"),
    "pdf": (PdfSheet, "application/pdf"),
}


def diagram(kind: str, plan: LayerPlan, title: str) -> bytes:
    """The diagram as a file of `kind`, coloured by layer type."""
    return picture(kind, plan, by_type(plan), title, summary(plan))


def picture(kind: str, plan: LayerPlan, colouring: Colouring, title: str, lead: str) -> bytes:
    """The diagram as the bytes of a file.

    Args:
        kind: svg, png or pdf.
        plan, colouring: of the network.
        title, lead: two lines above it.
    """
    layout = lay_out(plan)
    # A letter of the title is at most this wide.
    width = max(layout.width + BESIDE, len(title) * 12.5, len(lead) * 7.6) + 2 * BORDER
    sheet: Sheet = KINDS[kind][0](width, max(layout.height, len(colouring.legend) * ROW) + HEAD + 2 * BORDER)
    sheet.text((BORDER + 8, BORDER + 18), title, 18, INK, bold=True)
    sheet.text((BORDER + 8, BORDER + 38), lead, 12, QUIET)
    down = BORDER + HEAD
    for arrow in layout.arrows:
        _arrow(sheet, arrow, down)
    for box in layout.boxes:
        _box(sheet, box, colouring, down)
    for place, (word, colour) in enumerate(colouring.legend):
        left, y = BORDER + layout.width + 24, down + 20 + place * ROW
        sheet.rectangle((left, y - 11, 14, 14), colour)
        sheet.text((left + 22, y), word, 13, INK)
    return sheet.content()


def _box(sheet: Sheet, box: Box, colouring: Colouring, down: float) -> None:
    colour = colouring.colours[box.layer.name]
    ink, left = palette.ink_on(colour), BORDER + box.left + 12
    sheet.rectangle((BORDER + box.left, down + box.top, WIDTH, HEIGHT), colour)
    sheet.text((left, down + box.top + 17), box.title, 13, ink, bold=True)
    sheet.text((left, down + box.top + 32), colouring.notes.get(box.layer.name, box.subtitle), 12, ink)


def _arrow(sheet: Sheet, arrow: Arrow, down: float) -> None:
    x, top, bottom = BORDER + arrow.start.x, down + arrow.start.bottom, down + arrow.end.top
    sheet.line((x, top), (x, bottom - TIP), QUIET)
    sheet.triangle([(x - TIP, bottom - 1.6 * TIP), (x + TIP, bottom - 1.6 * TIP), (x, bottom)], QUIET)
    sheet.text((x + ASIDE, down + arrow.y + 4), arrow.text, 12, QUIET)
