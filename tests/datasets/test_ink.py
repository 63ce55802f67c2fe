"""Drawings of one's own beside the samples of sets of light ink on black."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from datasets import CATALOGUE, SampleError, dataset_info, picture_sample, prepare

DIGITS, MNIST, FASHION, CIFAR = (dataset_info(name) for name in ("digits", "mnist", "fashion_mnist", "cifar10"))
INK_SETS = [info for info in CATALOGUE.values() if info.ink is not None]


def seven(width: int = 16, ink: int = 0, paper: int = 255, place: tuple[int, int] = (70, 50)) -> Image.Image:
    """A seven of 60 x 100 pixels on a sheet of 200 x 200."""
    sheet = Image.new("L", (200, 200), paper)
    left, top = place
    line = [(left, top), (left + 60, top), (left + 25, top + 100)]
    ImageDraw.Draw(sheet).line(line, fill=ink, width=width, joint="curve")
    return sheet


def file_of(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def box(pixels: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """First and last row, first and last column of the ink."""
    rows, columns = (np.flatnonzero((pixels[:, :, 0] > 60).any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def test_the_sets_of_ink_are_those_whose_samples_are_dark_at_their_edge() -> None:
    assert [info.name for info in INK_SETS] == ["digits", "mnist", "fashion_mnist"]


@pytest.mark.parametrize("info", INK_SETS, ids=lambda info: info.name)
def test_ink_on_paper_becomes_light_on_black_and_says_so(info: object) -> None:
    on_paper = picture_sample(file_of(seven()), info)  # type: ignore[arg-type]
    on_black = picture_sample(file_of(seven(ink=255, paper=0)), info)  # type: ignore[arg-type]
    assert on_paper.was_swapped and not on_black.was_swapped
    assert np.array_equal(on_paper.pixels, on_black.pixels)
    assert on_paper.pixels.max() == 255 and on_paper.pixels[0, 0, 0] == 0


def test_ink_is_as_large_and_in_the_middle_as_in_the_samples() -> None:
    assert box(picture_sample(file_of(seven()), DIGITS).pixels)[:2] == (0, 7)
    assert box(picture_sample(file_of(seven()), FASHION).pixels)[:2] == (0, 27)
    pixels = picture_sample(file_of(seven()), MNIST).pixels
    top, bottom, left, right = box(pixels)
    assert (bottom - top + 1) in (19, 20) and (right - left + 1) < 15
    for axis in (0, 1):
        mass = pixels[:, :, 0].sum(axis=1 - axis, dtype=float)
        assert mass @ (np.arange(28) + 0.5) / mass.sum() == pytest.approx(14, abs=0.6)


@pytest.mark.parametrize("place", [(70, 50), (10, 10), (120, 80)])
@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (90, 170), (40, 120), (250, 130)])
def test_place_and_contrast_of_the_drawing_do_not_matter(place: tuple[int, int], ink: int, paper: int) -> None:
    shown = picture_sample(file_of(seven(ink=ink, paper=paper, place=place)), DIGITS)
    expected = picture_sample(file_of(seven()), DIGITS)
    assert np.abs(shown.pixels.astype(int) - expected.pixels).max() <= 24
    assert shown.was_swapped is (ink < paper)


def test_the_switch_undoes_it() -> None:
    data = file_of(seven())
    undone = picture_sample(data, DIGITS, inverted=True)
    assert np.array_equal(undone.pixels, 255 - picture_sample(data, DIGITS).pixels) and not undone.was_swapped


def test_strokes_of_a_hair_and_of_a_brush_are_seen() -> None:
    for width in (2, 40):
        assert picture_sample(file_of(seven(width)), DIGITS).pixels.max() == 255


def test_samples_of_the_set_stay_as_they_are(tmp_path: Path) -> None:
    for sample in prepare("digits", folder=None, cache=tmp_path).x_train[:200]:
        if sample[:, :, 0].min() < sample[:, :, 0].max():
            shown = picture_sample(file_of(Image.fromarray(np.asarray(sample)[:, :, 0])), DIGITS)
            assert np.array_equal(shown.pixels, sample) and not shown.was_swapped


@pytest.mark.parametrize("size", [(50, 70), (28, 28), (1, 1)])
@pytest.mark.parametrize("paper", [0, 128, 255])
def test_a_sheet_without_ink_is_refused(paper: int, size: tuple[int, int]) -> None:
    sheet = Image.new("L", size, paper)
    if size != (1, 1):
        sheet.putpixel((5, 5), paper + (5 if paper < 255 else -5))  # which nobody sees
    with pytest.raises(SampleError, match="nothing to see"):
        picture_sample(file_of(sheet), MNIST)


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_ground_is_seen_whatever_its_colour(ink: int) -> None:
    drawing = Image.new("RGBA", (200, 200), (ink, ink, ink, 0))
    drawing.putalpha(seven(paper=0, ink=255))
    shown, expected = picture_sample(file_of(drawing), DIGITS), picture_sample(file_of(seven()), DIGITS)
    assert np.abs(shown.pixels.astype(int) - expected.pixels).max() <= 24


def test_the_thinnest_drawing_keeps_a_pixel() -> None:
    line = Image.new("L", (4000, 120), 255)
    line.paste(0, (0, 50, 4000, 52))
    assert picture_sample(file_of(line), MNIST).pixels.max() == 255
    dot = Image.new("L", (100, 100), 255)
    dot.putpixel((50, 50), 0)
    assert picture_sample(file_of(dot), MNIST).pixels.max() == 255


def test_photographs_are_not_touched() -> None:
    shown = picture_sample(file_of(seven().convert("RGB")), CIFAR)
    assert shown.pixels[0, 0].tolist() == [255, 255, 255] and not shown.was_swapped
