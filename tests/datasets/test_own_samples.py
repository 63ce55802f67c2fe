"""A visitor's own pictures and texts as samples."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets import SampleError, dataset_info, decode_text, picture_sample, prepare, small_picture, text_sample
from datasets.own_samples import MAX_PICTURE_BYTES, MAX_TEXT_CHARACTERS

MNIST, CIFAR, TEXT = (dataset_info(name) for name in ("mnist", "cifar10", "generated_text"))


def file_of(picture: Image.Image, form: str = "PNG", **how: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **how)
    return stream.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes that says it is `side` pixels wide and high."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_a_sample_that_has_the_size_already_is_kept_as_it_is() -> None:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[1:-1, 1:-1] = np.random.default_rng(1).integers(0, 256, (26, 26), np.uint8)
    data = file_of(Image.fromarray(pixels))
    assert np.array_equal(picture_sample(data, MNIST).pixels, pixels.reshape(28, 28, 1))
    assert np.array_equal(picture_sample(data, MNIST, inverted=True).pixels[:, :, 0], 255 - pixels)
    colours = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(picture_sample(file_of(Image.fromarray(colours)), CIFAR).pixels, colours)


def test_a_photograph_is_cut_to_its_middle_and_scaled() -> None:
    wide = Image.new("RGB", (600, 200), "black")
    wide.paste("white", (200, 0, 400, 200))
    assert picture_sample(file_of(wide, "JPEG", quality=95), CIFAR).pixels.min() > 200
    assert picture_sample(file_of(wide), MNIST).pixels.shape == (28, 28, 1)


def test_a_picture_is_small_to_be_looked_at() -> None:
    for file, size in (
        (file_of(Image.new("RGB", (4000, 1000), "red"), "JPEG"), (224, 56)),
        (file_of(Image.new("L", (30, 60))), (30, 60)),
    ):
        data = small_picture(file, 224)
        assert data is not None
        small = Image.open(io.BytesIO(data))
        assert (small.format, small.size) == ("PNG", size)
    assert small_picture(file_of(Image.new("1", (4000, 4000))), 224) is None  # 16 million pixels
    assert small_picture(file_of(Image.new("L", (4000, 4000)), "JPEG"), 224) is not None
    clear = small_picture(file_of(Image.new("RGBA", (2000, 1000), (255, 0, 0, 0))), 224)
    assert clear is not None and Image.open(io.BytesIO(clear)).size == (224, 112)


def test_unusual_pictures_are_read() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert picture_sample(file_of(clear), CIFAR).pixels.min() == 255  # what is transparent is white
    deep = Image.fromarray(np.linspace(0, 65535, 28 * 28).reshape(28, 28).astype(np.uint16))
    assert np.abs(picture_sample(file_of(deep), MNIST).pixels[:, :, 0].ravel() - np.linspace(0, 255, 28 * 28)).max() < 2
    assert picture_sample(file_of(Image.new("P", (9, 50)), "GIF"), CIFAR).pixels.max() == 0


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello", "is no picture; it must be one of PNG"),
        (b"", "is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture"),
        (bomb(9_000), "at most 40 million pixels, got 9000 x 9000"),
        (bomb(60_000), "at most 40 million pixels; make it smaller"),
        (file_of(Image.new("RGB", (50, 50), "red"))[:-60], "is damaged"),
        (b"x" * (MAX_PICTURE_BYTES + 1), "at most 10 MB"),
    ],
    ids=["words", "empty", "svg", "bomb", "huge bomb", "cut", "large file"],
)
def test_what_is_no_usable_picture_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(SampleError, match=problem):
        picture_sample(data, MNIST)
    with pytest.raises(SampleError, match=problem):
        small_picture(data, 224)


def test_a_text_has_the_ids_of_the_data_set(tmp_path: Path) -> None:
    prepared = prepare("generated_text", folder=None, cache=tmp_path)
    own = prepared.sequences("train")[0]
    shown = decode_text(prepared, own)
    assert np.array_equal(text_sample(prepared, shown), own)
    assert np.array_equal(text_sample(prepared, f'"{shown.upper()}!"\n'), own)
    assert text_sample(prepared, "the qwertz").tolist() == [1, 4, 2]


@pytest.mark.parametrize("text", ["", "  \n", "qwertz uiop", "?!", "x" * (MAX_TEXT_CHARACTERS + 1)])
def test_a_text_that_says_nothing_is_refused(text: str, tmp_path: Path) -> None:
    prepared = prepare("generated_text", folder=None, cache=tmp_path)
    with pytest.raises(SampleError, match=r"no word of this text|at most 20,000"):
        text_sample(prepared, text)


def test_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="holds text"):
        picture_sample(b"", TEXT)
    with pytest.raises(SampleError, match="holds pictures"):
        text_sample(prepare("digits", folder=None, cache=tmp_path), "seven")
