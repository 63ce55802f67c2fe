"""A visitor's own picture or text as a sample of a dataset, to be put to a trained model."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from datasets.catalogue import FIRST_WORD_ID, DatasetInfo, Kind
from datasets.content import START_ID, UNKNOWN_ID
from datasets.errors import SampleError
from datasets.ink import as_samples_are
from datasets.prepared import PreparedDataset, words_of

PICTURE_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MAX_PICTURE_BYTES = 10_000_000
# A picture of a few kilobytes may claim to have billions of pixels: its size is looked at before it is decoded.
MAX_PICTURE_PIXELS = 40_000_000
# Of larger ones no small one is made where pages are drawn: that process stays small. JPEG is decoded small anyway.
MAX_SHOWN_PIXELS = 12_000_000
TOO_LARGE = f"the picture must have at most {MAX_PICTURE_PIXELS / 1e6:.0f} million pixels"
MAX_TEXT_CHARACTERS = 20_000

_GREY_16_BIT = 257
# What the published text sets were split at: everything but letters, digits and the apostrophe within words.
_BETWEEN_WORDS = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\s]+")


@dataclass(frozen=True)
class PictureSample:
    """A picture as a sample.

    Attributes:
        pixels: uint8 (height, width, channels), 0 to 255.
        was_swapped: light and dark changed places without being told to, because the samples of the set are light ink
            on black and the edge of the picture is light.
    """

    pixels: NDArray[np.uint8]
    was_swapped: bool = False


def picture_sample(data: bytes, info: DatasetInfo, *, inverted: bool = False) -> PictureSample:
    """A picture file as a sample: turned as the camera was held, scaled, and grey where the set is.

    A photograph is cut to its middle; for a set of ink, the picture is brought to what its samples look like.

    Args:
        data: content of the file.
        info: of the dataset, which decides size and colours.
        inverted: light becomes dark in the end; undoes a swap that was not wanted.

    Raises:
        SampleError: it is no picture, is too large, or is damaged; the set holds text.
    """
    if info.kind is not Kind.PICTURES or info.shape is None:
        raise SampleError(f"{info.title} holds text, not pictures")
    height, width, channels = info.shape
    picture, swapped = _decoded(data, "L" if channels == 1 else "RGB"), False
    if info.ink is not None:
        pixels, swapped = as_samples_are(picture, (height, width), info.ink)
    else:
        pixels = np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS), np.uint8)
    pixels = pixels.reshape(info.shape)
    return PictureSample(255 - pixels, False) if inverted else PictureSample(pixels, swapped)


def text_sample(prepared: PreparedDataset, text: str) -> NDArray[np.int32]:
    """A text as token ids, as the dataset's own texts are: int32 (words + 1,), the start mark first.

    Raises:
        SampleError: it has no word that the dataset knows, or is too long; the set holds pictures.
    """
    if prepared.info.kind is not Kind.TEXT:
        raise SampleError(f"{prepared.info.title} holds pictures, not text")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise SampleError(f"the text must have at most {MAX_TEXT_CHARACTERS:,} characters, got {len(text):,}")
    ids = _ids(prepared.path)
    tokens = [ids.get(word, UNKNOWN_ID) for word in _BETWEEN_WORDS.split(text.lower()) if word]
    if not any(token > FIRST_WORD_ID for token in tokens):
        raise SampleError(f"no word of this text occurs in {prepared.info.title}; write a sentence in English")
    return np.array([START_ID, *tokens], np.int32)


def small_picture(data: bytes, side: int) -> bytes | None:
    """A picture file as PNG of at most `side` pixels in width and height, upright, to be looked at.

    None of a usable one that takes too much memory for it: more than MAX_SHOWN_PIXELS, and no JPEG.

    Raises:
        SampleError: it is no picture, is too large, or is damaged.
    """
    stream = io.BytesIO()
    with _refused_in_words():
        picture = _opened(data)
        if picture.format != "JPEG" and picture.width * picture.height > MAX_SHOWN_PIXELS:
            return None
        if not picture.mode.startswith("I"):  # of 16 bits: cannot be scaled as they are
            picture.thumbnail((side, side))  # first, because transparency copies the picture several times
        picture = _upright(picture, "RGB")
        picture.thumbnail((side, side))
    picture.save(stream, "PNG")
    return stream.getvalue()


def _decoded(data: bytes, mode: str) -> Image.Image:
    """The picture of a file, upright, without transparency."""
    with _refused_in_words():
        return _upright(_opened(data), mode)


def _opened(data: bytes) -> Image.Image:
    """Its head has been read, and no pixel yet."""
    if len(data) > MAX_PICTURE_BYTES:
        raise SampleError(f"the file must have at most {MAX_PICTURE_BYTES / 1e6:.0f} MB, got {len(data) / 1e6:.1f} MB")
    picture = Image.open(io.BytesIO(data), formats=PICTURE_FORMATS)
    _check_size(*picture.size)
    return picture


def _upright(picture: Image.Image, mode: str) -> Image.Image:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture) // _GREY_16_BIT).astype(np.uint8)).convert(mode)
    return (_opaque(picture) if picture.has_transparency_data else picture).convert(mode)


@contextmanager
def _refused_in_words() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError as error:
        raise SampleError(f"the file is no picture; it must be one of {', '.join(PICTURE_FORMATS)}") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise SampleError(f"{TOO_LARGE}; make it smaller") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise SampleError(f"the picture is damaged: {error}") from error


def _opaque(picture: Image.Image) -> Image.Image:
    """A transparent picture on white; one that cannot be seen there, such as white ink, on black."""
    on_white, on_black = (
        Image.alpha_composite(Image.new("RGBA", picture.size, ground), picture.convert("RGBA"))
        for ground in ("white", "black")
    )
    return on_black if _is_blank(on_white) and not _is_blank(on_black) else on_white


def _is_blank(picture: Image.Image) -> bool:
    darkest, lightest = picture.convert("L").getextrema()
    return bool(darkest == lightest)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PICTURE_PIXELS:
        raise SampleError(f"{TOO_LARGE}, got {width} x {height}")


@lru_cache(maxsize=4)
def _ids(path: Path) -> dict[str, int]:
    """Word to token id; a decoded folder never changes."""
    return {word: token for token, word in enumerate(words_of(path)) if word}
