"""How every picture looks: colours, sizes, the figure with its heading, and names as they are written."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from hpo_core import formats
from hpo_core.history import TrialHistory

DPI = 72  # a point is a pixel of the file: every size below is one, too
WIDTH = 1000
MARGIN = 20
# Large, because a page on a telephone shows the file at 360 pixels.
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 26, 20, 18
TITLE_CHARACTERS, SMALL_CHARACTERS = 74, 96  # that fit into a line of WIDTH

TEXT, QUIET, LINE, GROUND = "#1C2230", "#667085", "#E4E2DC", "#FFFFFF"
TRAINING, VALIDATION, BEST, ACCENT = "#0072B2", "#D55E00", "#CC79A7", "#2B4C9B"
HEALTHY, RIGHT, WRONG = "#009E73", "#009E73", "#D55E00"
EARLY = "#BCC8E2"  # the first of several epochs; the last is ACCENT

# By a part of the layer's type; the first that fits.
LAYER_COLOURS = {
    "Conv": "#0072B2",
    "Normalization": "#B8B8AA",
    "Dense": "#009E73",
    "Embedding": "#AA4499",
    "LSTM": "#882255",
    "Bidirectional": "#882255",
}
OUTPUT_COLOUR, OTHER_COLOUR = "#D55E00", "#8D99AE"
OUTPUT_LAYER = "output"

# Light is little, dark is much; and below zero, zero, above zero.
AMOUNT: Colormap = LinearSegmentedColormap.from_list("amount", ["#F4F6FB", "#9DB5E4", ACCENT, "#101A3C"])
SIGNED: Colormap = LinearSegmentedColormap.from_list("signed", ["#8A3A00", WRONG, "#FFFFFF", TRAINING, "#003A5C"])

Item = TypeVar("Item")


class Margins(NamedTuple):
    """Pixels around axes, for their labels; fixed, for matplotlib's own layout takes longer than drawing."""

    left: int = 120
    right: int = 20
    top: int = 12
    bottom: int = 72


def new_figure(
    body: int, title: str, subtitle: str = "", footer: Sequence[str] = (), margins: Margins | None = None
) -> Figure:
    """An empty figure with its heading; axes put into it share `body` pixels of height below that, less the margins.

    `footer` is written below them, a line for each of its sentences.
    """
    around = margins or Margins()
    foot = 28 * len(footer) + MARGIN if footer else 0
    figure, header, height = _headed(body, title, subtitle, foot)
    figure.subplots_adjust(
        left=around.left / WIDTH,
        right=1 - around.right / WIDTH,
        top=1 - (header + around.top) / height,
        bottom=(foot + around.bottom) / height,
    )
    for place, line in enumerate(footer):
        y = (foot - place * 28) / height
        figure.text(MARGIN / WIDTH, y, line, size=SMALL_SIZE, color=TEXT, va="top")
    return figure


def new_canvas(body: int, title: str, subtitle: str = "") -> tuple[Figure, Axes]:
    """A figure to place things on by pixel: x from 0 to WIDTH, y from 0 (below the heading) down to `body`."""
    figure, _, height = _headed(body, title, subtitle, 0)
    axes = figure.add_axes((0.0, 0.0, 1.0, body / height))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(body, 0)
    axes.set_axis_off()
    return figure, axes


def _headed(body: int, title: str, subtitle: str, foot: int) -> tuple[Figure, int, int]:
    """The figure, the height of its heading and its whole height, in pixels."""
    lines = [(line, TITLE_SIZE, TEXT) for line in textwrap.wrap(title, TITLE_CHARACTERS)]
    lines += [(line, SMALL_SIZE, QUIET) for line in textwrap.wrap(subtitle, SMALL_CHARACTERS)]
    header = MARGIN + sum(round(size * 1.4) for _, size, _ in lines) + 8
    height = header + body + foot
    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    y = MARGIN
    for line, size, colour in lines:
        figure.text(MARGIN / WIDTH, 1 - y / height, plain(line), size=size, color=colour, va="top")
        y += round(size * 1.4)
    return figure, header, height


def calm(axes: Axes, *, grid: str = "y", size: int = SMALL_SIZE) -> None:
    """Only what is needed to read the axes: no box, quiet ticks, faint lines along `grid` ('x', 'y', 'both', '')."""
    axes.set_facecolor(GROUND)
    axes.tick_params(labelsize=size, labelcolor=QUIET, color=LINE, which="both")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LINE)
    axes.set_axisbelow(True)
    if grid in ("x", "y", "both"):
        axes.grid(True, axis="y" if grid == "y" else "x" if grid == "x" else "both", color=LINE, linewidth=1)


def name_axes(axes: Axes, *, x: str = "", y: str = "", below: int = 64, beside: int = 88) -> None:
    """What stands along the axes: `below` and `beside` them by so many pixels."""
    width, height = axes.bbox.width, axes.bbox.height
    if x:
        axes.set_xlabel(x, size=TEXT_SIZE, color=TEXT, va="bottom")
        axes.xaxis.set_label_coords(0.5, -below / height)
    if y:
        axes.set_ylabel(y, size=TEXT_SIZE, color=TEXT)
        axes.yaxis.set_label_coords(-beside / width, 0.5)


def width_of(texts: Iterable[str]) -> int:
    """Pixels that the longest of the texts needs in small type, a little generous."""
    return round(max((len(text) for text in texts), default=0) * SMALL_SIZE * 0.64)


def layer_colour(name: str, kind: str) -> str:
    """The colour of a layer of the Keras type `kind`."""
    if name == OUTPUT_LAYER:
        return OUTPUT_COLOUR
    return next((colour for part, colour in LAYER_COLOURS.items() if part in kind), OTHER_COLOUR)


def between(share: float) -> tuple[float, float, float]:
    """The shade of a moment: EARLY at 0, ACCENT at 1."""
    ends = [[int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)] for code in (EARLY, ACCENT)]
    red, green, blue = (first + (last - first) * share for first, last in zip(*ends, strict=True))
    return red, green, blue


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of the items, evenly chosen, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[-1]]
    return [items[round(at * (len(items) - 1) / (most - 1))] for at in range(most)]


def class_name(history: TrialHistory, number: int, most: int = 18) -> str:
    """What a class is called, cut to `most` characters; its number where it has no name."""
    names = history.class_names
    name = names[number] if 0 <= number < len(names) and names[number] else str(number)
    return plain(formats.shortened(" ".join(name.split()), most))


def shortened(text: str, most: int) -> str:
    """`text` in one line of at most `most` characters."""
    line = " ".join(text.split())
    return plain(line if len(line) <= most else line[: most - 1] + "…")


def plain(text: str) -> str:
    """`text` for matplotlib, which would read what stands between two dollars as a formula."""
    return text.replace("\\$", "$").replace("$", r"\$")


def number(value: float | None) -> str:
    """Three digits that matter: 0.00123, 4.05, 1.2e+04."""
    return "no finite number" if value is None else f"{value:.3g}"
