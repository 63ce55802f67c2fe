"""A drawing of one's own brought to what the samples of a set of light ink on black look like.

A network knows only such samples: a black seven on white, or a small one in a corner, is nothing that it ever saw, and
it calls it anything with certainty.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.catalogue import Ink
from datasets.errors import SampleError

# Enough for a sample of 28 pixels, and a photograph of forty million becomes small before anything is calculated. Means
# of blocks also take away the grain of paper and camera.
_WORKING_SIDE = 256
# The share of the strongest ink from which a pixel counts as ink: shades of the paper stay below it.
_IS_INK = 0.3
# Less than an eye sees, and than a network could be asked about.
_LEAST_CONTRAST = 8 / 255

Grey = NDArray[np.float64]


def as_samples_are(picture: Image.Image, size: tuple[int, int], ink: Ink) -> tuple[NDArray[np.uint8], bool]:
    """Light ink on black, cut to the ink, as large and in the middle as in the samples, from black to white.

    A picture that has the size of a sample already is taken for one: its place and its greys stay.

    Args:
        picture: grey.
        size: height and width of a sample.

    Returns:
        uint8 (height, width), and whether light and dark were swapped because the edge of the picture is light.

    Raises:
        SampleError: all of it is equally light.
    """
    height, width = size
    is_sample = picture.size == (width, height)
    if not is_sample:
        picture = picture.copy()
        picture.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BOX)
    grey = np.asarray(picture, np.float64) / 255
    if grey.max() - grey.min() < _LEAST_CONTRAST:
        raise SampleError("the picture has nothing to see: all of it is equally light")
    swapped = _is_on_light(grey)
    grey = 1 - grey if swapped else grey
    if not is_sample:
        ground = np.median(_edge(grey))
        grey = _framed(_cut(np.clip((grey - ground) / (grey.max() - ground), 0, 1)), size, ink)
    return np.rint(grey * 255).astype(np.uint8), swapped


def _is_on_light(grey: Grey) -> bool:
    """Whether the edge is lighter than halfway between the darkest and the lightest: paper in the shade is grey."""
    return float(np.median(_edge(grey))) > (float(grey.min()) + float(grey.max())) / 2


def _edge(grey: Grey) -> Grey:
    """The outermost pixels, (n,)."""
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _cut(grey: Grey) -> Grey:
    """The smallest rectangle that holds all ink."""
    rows, columns = (np.flatnonzero((grey > _IS_INK).any(axis=axis)) for axis in (1, 0))
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _framed(drawn: Grey, size: tuple[int, int], ink: Ink) -> Grey:
    """The ink in its frame, (height, width), its proportions kept and its strongest pixel white."""
    frame = np.zeros(size)
    zoom = min(ink.share * side / length for side, length in zip(size, drawn.shape, strict=True))
    height, width = (max(1, round(zoom * length)) for length in drawn.shape)
    # A triangle over neighbours keeps thin strokes connected; means of blocks alone break them at 8 x 8 pixels.
    scaled = Image.fromarray(drawn.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.clip(np.asarray(scaled, np.float64), 0, 1)
    pixels /= pixels.max()
    top, left = _place(pixels, size, ink)
    frame[top : top + height, left : left + width] = pixels
    return frame


def _place(pixels: Grey, size: tuple[int, int], ink: Ink) -> tuple[int, int]:
    """Where the ink begins, from the top and from the left, so that its middle is that of the frame."""
    places = []
    for axis, (side, length) in enumerate(zip(size, pixels.shape, strict=True)):
        middle = length / 2
        if ink.by_mass:
            mass = pixels.sum(axis=1 - axis)
            middle = float(mass @ (np.arange(length) + 0.5) / mass.sum())
        places.append(min(max(round(side / 2 - middle), 0), side - length))
    return places[0], places[1]
