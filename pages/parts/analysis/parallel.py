"""Parallel coordinates with lying axes: one row per hyperparameter, so that names and values have room on a phone."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from hpo_core.analysis import sentences
from hpo_core.analysis.association import FEWEST_BEST, best_trials
from hpo_core.analysis.landscape import Axis, axis
from hpo_core.analysis.targets import parameter_title, plain
from pages.parts import palette
from pages.parts.analysis import style
from pages.parts.analysis.request import Answer, Request

ROW, LINE, TOP = 76, 13, 30
NARROWEST = 300
LETTER, LONGEST = 6.2, 24
MANY = 60
Tick = tuple[float, str]


def draw(request: Request) -> Answer:
    """A line per trial through every axis; the best tenth stands out."""
    target, names = request.target, list(request.parameters)
    numbers = {trial.number for trial in request.fair}
    judged = [pair for pair in request.judged if pair[0].number in numbers]
    said = sentences.parallel(request.fair, names, target)
    rows = [
        {"trial": trial.number, "state": trial.state.name.lower(), **{name: trial.params.get(name) for name in names},
         target.key: value} for trial, value in judged
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["trial", "state", *names, target.key])
    if not judged:
        return Answer(said, None, table)
    trials = [trial for trial, _ in judged]
    scales = [axis(name, trials) for name in names if any(name in trial.params for trial in trials)]
    ticks = [staggered(_ticks(scale)) for scale in scales]
    results = _result_scale(judged)
    ticks.append(staggered([(0.0, target.text(results.low)), (1.0, target.text(results.high))]))
    heights = [ROW + LINE * max(level + label.count("<br>") for _, label, level in row) for row in ticks]
    places = [-sum(heights[:place]) for place in range(len(heights))]
    figure = style.blank("", "", height=TOP + sum(heights) + 60)
    best = {trial.number for trial in best_trials(trials, target, FEWEST_BEST if len(trials) > 2 * FEWEST_BEST else 1)}
    for label, colour, width, chosen in (
        (
            "others",
            palette.NEUTRAL if len(judged) <= MANY else palette.QUIET,
            1,
            [pair for pair in judged if pair[0].number not in best],
        ),
        ("best", palette.BEST, 2, [pair for pair in judged if pair[0].number in best]),
    ):
        _lines(figure, chosen, scales, results, places, (label, colour, width))
    titles = [*(parameter_title(scale.name) for scale in scales), target.axis]
    for place, row, title in zip(places, ticks, titles, strict=True):
        _axis(figure, place, row, title)
    figure.update_xaxes(range=[-0.04, 1.04], visible=False, fixedrange=True)
    figure.update_yaxes(range=[places[-1] - heights[-1] + TOP, TOP], visible=False, fixedrange=True)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 40, "b": 8})
    sampled = sentences.sampled(len(numbers), request.sample.total, 0)
    notes = ([sampled] if request.sampled else []) + _gaps(names, trials) + request.left_out
    return Answer(said, figure, table, notes)


def _gaps(names: Sequence[str], trials: Sequence[FrozenTrial]) -> list[str]:
    """Why some lines are not whole."""
    lacking = [parameter_title(name) for name in names if any(name not in trial.params for trial in trials)]
    return [f"A line has a gap where its trial has no such hyperparameter: {', '.join(lacking)}."] if lacking else []


def staggered(ticks: Sequence[Tick]) -> list[tuple[float, str, int]]:
    """(place, label, level): labels that would touch one another on the narrowest screen go to another level.

    Long labels are broken into lines, and take as many levels.
    """
    ends: list[float] = []
    found = []
    for place, label in ticks:
        lines = style.wrapped(label, LONGEST).split("<br>")
        half = max(len(line) for line in lines) * LETTER / NARROWEST / 2
        middle = min(max(place, half), 1 - half)
        level = next(
            (start for start in range(len(ends)) if all(middle - half > end for end in ends[start:][: len(lines)])),
            len(ends),
        )
        ends += [0.0] * (level + len(lines) - len(ends))
        for line in range(level, level + len(lines)):
            ends[line] = middle + half + LETTER / NARROWEST
        found.append((place, "<br>".join(lines), level))
    return found


def _ticks(scale: Axis) -> list[Tick]:
    if scale.categories:
        return [(scale.share(float(index)), name) for index, name in enumerate(scale.categories)]
    if scale.low == scale.high:
        return [(0.5, plain(scale.low))]
    middle = (scale.low * scale.high) ** 0.5 if scale.log else (scale.low + scale.high) / 2
    ends = [(0.0, plain(scale.low)), (1.0, plain(scale.high))]
    if scale.whole and not scale.log and not middle.is_integer():
        return ends
    return [ends[0], (0.5, f"{middle:.3g}"), ends[1]]


def _result_scale(judged: Sequence[tuple[FrozenTrial, float]]) -> Axis:
    values = [value for _, value in judged]
    return Axis("", (), False, min(values), max(values))


def _lines(
    figure: go.Figure, judged: Sequence[tuple[FrozenTrial, float]], scales: Sequence[Axis], results: Axis,
    places: Sequence[int], look: tuple[str, str, int],
) -> None:  # fmt: skip
    """All trials of one group as one line with gaps; a trial that lacks a hyperparameter has a gap there."""
    label, colour, width = look
    x: list[float | None] = []
    y: list[float | None] = []
    for trial, value in judged:
        for scale, place in zip(scales, places, strict=False):
            known = scale.name in trial.params
            x.append(scale.share(scale.place(trial.params[scale.name])) if known else None)
            y.append(float(place))
        x += [results.share(value), None]
        y += [float(places[-1]), None]
    opacity = (0.7 if width == 1 else 1.0) - (0.3 if len(judged) > MANY else 0.0)
    if judged:
        figure.add_scatter(
            x=x, y=y, mode="lines", name=f"{label}: {len(judged)}", line={"color": colour, "width": width},
            opacity=opacity, hoverinfo="skip",
        )  # fmt: skip


def _axis(figure: go.Figure, place: int, ticks: Sequence[tuple[float, str, int]], title: str) -> None:
    figure.add_shape(type="line", x0=0, x1=1, y0=place, y1=place, line={"color": palette.NEUTRAL, "width": 1.5})
    figure.add_annotation(
        x=0, y=place, text=f"<b>{style.plain_text(title)}</b>", showarrow=False, xanchor="left", yanchor="bottom",
        yshift=4, font={"size": 12},
    )  # fmt: skip
    for share, label, level in ticks:
        anchor = "left" if share < 0.12 else "right" if share > 0.88 else "center"
        figure.add_annotation(
            x=share, y=place, text=label, showarrow=False, xanchor=anchor, yanchor="top", align=anchor,
            yshift=-3 - LINE * level, font={"size": 11},
        )  # fmt: skip
