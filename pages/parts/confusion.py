"""The confusion matrix: of few classes as a table of numbers, of many as a chart of colours."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from pages.parts import palette

# With more classes the numbers would touch; they stand in the hover text.
MAX_NUMBERED = 12
MAX_NAMED = 43
LONGEST_NAME = 16
# Longer names stand upright over their column.
SHORT_NAME = 3
SCALE = tuple(zip((0.0, 0.5, 1.0), palette.AMOUNT, strict=True))


def draw_confusion(counts: Sequence[Sequence[int]], names: Sequence[str]) -> go.Figure:
    """Rows are right classes, columns predicted ones; the colour is the share of the row.

    What never happened stays empty, so that the mistakes stand out on a light page and on a dark one.

    Args:
        counts: samples, row per right class, column per predicted one.
        names: of the classes.
    """
    shares = [[value / sum(row) if value else None for value in row] for row in counts]
    labels = labelled(names, len(counts))
    hover = said(counts, labels)
    numbered = len(counts) <= MAX_NUMBERED
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=labels, y=labels, colorscale=SCALE, zmin=0, zmax=1, showscale=False, xgap=1, ygap=1,
            hovertext=hover, hovertemplate="%{hovertext}<extra></extra>",
            text=[[str(value) if value else "" for value in row] for row in counts] if numbered else None,
            texttemplate="%{text}" if numbered else None,
        )
    )  # fmt: skip
    figure.update_layout(
        height=min(640, 220 + 26 * len(counts)), margin={"l": 8, "r": 8, "t": 8, "b": 8}, uirevision="stay",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(title="Predicted class", type="category", showgrid=False, automargin=True)
    figure.update_yaxes(title="Right class", type="category", showgrid=False, automargin=True, autorange="reversed")
    if len(counts) > MAX_NAMED:
        figure.update_xaxes(showticklabels=False)
        figure.update_yaxes(showticklabels=False)
    return figure


def as_table(counts: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """The same as an HTML table, whose numbers can be read on a telephone too; for at most MAX_NUMBERED classes."""
    labels = labelled(names, len(counts))
    texts = [html.escape(label) for label in labels]
    long = " long" if max(map(len, labels), default=0) > SHORT_NAME else ""
    head = "".join(f'<th scope="col"><span>{text}</span></th>' for text in texts)
    most = max(
        (value for right, row in enumerate(counts) for column, value in enumerate(row) if column != right), default=0
    )
    rows = ""
    for right, (row, told) in enumerate(zip(counts, said(counts, labels), strict=True)):
        cells = (
            _cell("hit", value, sum(row), words) if right == column else _cell("miss", value, most, words)
            for column, (value, words) in enumerate(zip(row, told, strict=True))
        )
        rows += f'<tr><th scope="row">{texts[right]}</th>{"".join(cells)}</tr>'
    return (
        f'<div class="confusion-frame" tabindex="0" role="region" aria-label="Confusion matrix">'
        f'<table class="confusion{long}"><caption>Rows: right class. Columns: predicted class.</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(kind: str, value: int, of: int, told: str) -> str:
    """What was recognised by its share of the row, a mistake by its share of the most frequent one."""
    if not value:
        return "<td></td>"
    share = value / of
    much = " much" if share > 0.5 else ""
    return f'<td class="{kind}{much}" style="--share:{share:.3f}" title="{html.escape(told, quote=True)}">{value}</td>'


def said(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> list[list[str]]:
    """What each cell says, in words."""
    return [
        [
            f"{labels[right]} taken for {labels[predicted]}: {value} of {sum(row)}"
            if right != predicted
            else f"{labels[right]} recognised: {value} of {sum(row)}"
            for predicted, value in enumerate(row)
        ]
        for right, row in enumerate(counts)
    ]


def labelled(names: Sequence[str], classes: int) -> list[str]:
    """One short, distinct label per class; numbers where names are missing."""
    found: list[str] = []
    for place in range(classes):
        name = str(names[place]) if place < len(names) else str(place)
        short = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        found.append(short if short not in found else f"{place}: {short}"[:LONGEST_NAME])
    return found
