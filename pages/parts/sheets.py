"""Sheets of paper to draw on: one that becomes SVG, one PNG, one PDF. Lengths are pixels, y goes downwards.

They know rectangles, lines and text that begins at a place, which a diagram of boxes needs and no more. That is why
nothing larger is loaded into the dashboard's process for it: matplotlib would take 26 MB of it for good.
"""

from __future__ import annotations

import html
import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from hpo_core import formats
from pages.parts import palette

PNG_SCALE = 2
POINTS_PER_PIXEL = 0.75
INK, PAPER = palette.LIGHT.text, palette.LIGHT.surface
# Typography that the fonts of PDF readers lack.
_PLAIN = str.maketrans({formats.THIN_SPACE: "\u00a0", "–": "-", "…": "..."})


class Sheet(Protocol):
    """What can be drawn on, and read as the bytes of a file in the end."""

    def rectangle(self, place: tuple[float, float, float, float], colour: str) -> None:
        """A filled rectangle: left, top, width, height."""

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str) -> None: ...

    def triangle(self, points: list[tuple[float, float]], colour: str) -> None: ...

    def text(self, place: tuple[float, float], text: str, size: float, colour: str, *, bold: bool = False) -> None:
        """Text that begins at x, and stands on y."""

    def content(self) -> bytes: ...


class SvgSheet:
    """Vectors for browsers and drawing programs."""

    def __init__(self, width: float, height: float) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" font-family="Helvetica, Arial, Liberation Sans, sans-serif">'
            f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>'
        ]

    def rectangle(self, place: tuple[float, float, float, float], colour: str) -> None:
        x, y, width, height = place
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{_radius(height):g}" '
            f'fill="{colour}"/>'
        )

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        self._parts.append(
            f'<line x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}" stroke="{colour}" '
            'stroke-width="1.5"/>'
        )

    def triangle(self, points: list[tuple[float, float]], colour: str) -> None:
        corners = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(f'<polygon points="{corners}" fill="{colour}"/>')

    def text(self, place: tuple[float, float], text: str, size: float, colour: str, *, bold: bool = False) -> None:
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{place[0]:g}" y="{place[1]:g}" font-size="{size:g}" fill="{colour}"{weight}>'
            f"{html.escape(text)}</text>"
        )

    def content(self) -> bytes:
        return "\n".join([*self._parts, "</svg>\n"]).encode()


class PngSheet:
    """Pixels, twice as many as the sheet has, for slides and documents."""

    def __init__(self, width: float, height: float) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (round(width * PNG_SCALE), round(height * PNG_SCALE)), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def rectangle(self, place: tuple[float, float, float, float], colour: str) -> None:
        x, y, width, height = (value * PNG_SCALE for value in place)
        self._draw.rounded_rectangle((x, y, x + width, y + height), _radius(place[3]) * PNG_SCALE, fill=colour)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        self._draw.line([(x * PNG_SCALE, y * PNG_SCALE) for x, y in (start, end)], fill=colour, width=3)

    def triangle(self, points: list[tuple[float, float]], colour: str) -> None:
        self._draw.polygon([(x * PNG_SCALE, y * PNG_SCALE) for x, y in points], fill=colour)

    def text(self, place: tuple[float, float], text: str, size: float, colour: str, *, bold: bool = False) -> None:
        from PIL import ImageFont

        font = ImageFont.truetype(_fonts() / f"DejaVuSans{'-Bold' if bold else ''}.ttf", size * PNG_SCALE)
        x, y = (value * PNG_SCALE for value in place)
        self._draw.text((x, y), text, font=font, fill=colour, anchor="ls")

    def content(self) -> bytes:
        file = io.BytesIO()
        self._image.save(file, "PNG", optimize=True)
        return file.getvalue()


class PdfSheet:
    """Vectors on one page (PDF 1.4, ISO 32000), set in Helvetica, which every reader has."""

    def __init__(self, width: float, height: float) -> None:
        self._size = width, height
        # Pixels with y downwards become points with y upwards once, for all that follows.
        scale = POINTS_PER_PIXEL
        self._parts = [f"{scale} 0 0 {scale} 0 {height * scale:.2f} cm"]

    def rectangle(self, place: tuple[float, float, float, float], colour: str) -> None:
        x, y, width, height = place
        self._parts.append(f"{_rgb(colour)} rg {x:.2f} {-y - height:.2f} {width:.2f} {height:.2f} re f")

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        self._parts.append(f"{_rgb(colour)} RG 1.5 w {start[0]:.2f} {-start[1]:.2f} m {end[0]:.2f} {-end[1]:.2f} l S")

    def triangle(self, points: list[tuple[float, float]], colour: str) -> None:
        first, *others = (f"{x:.2f} {-y:.2f}" for x, y in points)
        self._parts.append(f"{_rgb(colour)} rg {first} m {' l '.join(others)} l f")

    def text(self, place: tuple[float, float], text: str, size: float, colour: str, *, bold: bool = False) -> None:
        # Characters of the Windows alphabet, which is the widest that Helvetica has without embedding; ( ) \ are marks.
        letters = text.translate(_PLAIN).encode("cp1252", "replace").decode("latin-1")
        for mark in "\\()":
            letters = letters.replace(mark, f"\\{mark}")
        font = "F2" if bold else "F1"
        self._parts.append(
            f"BT {_rgb(colour)} rg /{font} {size:g} Tf {place[0]:.2f} {-place[1]:.2f} Td ({letters}) Tj ET"
        )

    def content(self) -> bytes:
        stream = "\n".join(self._parts).encode("latin-1")
        width, height = (length * POINTS_PER_PIXEL for length in self._size)
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] /Contents 4 0 R "
            "/Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
            font.format("Helvetica").encode(),
            font.format("Helvetica-Bold").encode(),
        ]
        return _pdf_file(objects)


def _pdf_file(objects: list[bytes]) -> bytes:
    """Objects with their numbers, the table of where each begins, and where that table is."""
    file, begins = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        begins.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{at:010d} 00000 n \n" for at in begins)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n"
    return file + (table + trailer).encode()


@cache
def _fonts() -> Path:
    """The fonts that matplotlib carries, found without loading it: Pillow's own one lacks even ×."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def _radius(height: float) -> float:
    return min(6.0, height / 4)


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[at : at + 2], 16) / 255:.3f}" for at in (1, 3, 5))
