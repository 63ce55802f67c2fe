"""Charts along the trials: history, timeline, and duration against the result."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from hpo_core.analysis import sentences
from hpo_core.analysis.targets import DURATION, Target, number, spans_decades
from pages.parts import charts, formats, palette
from pages.parts.analysis import style
from pages.parts.analysis.request import Answer, Request
from pages.parts.trial_words import group_word
from storage.studies import STATES
from storage.trial_sample import TrialColumns

SYMBOLS = {"complete": "circle", "pruned": "diamond", "fail": "x", "running": "triangle-up", "waiting": "square"}
MANY = 100


def history(request: Request, every: list[TrialColumns]) -> Answer:
    """The results of the trials and the best so far; `every` trial counts for the latter."""
    target = request.target
    points = [
        (row.number, value) for row in every
        if row.state == "complete" and "complete" in request.states and (value := value_of(row, target)) is not None
    ]  # fmt: skip
    judged = request.judged
    if not judged:
        return Answer(sentences.history(points, target), None, _results([], target), request.left_out)
    figure = style.blank("Trial", "")
    for state in (state for state in STATES if state in request.states):
        _dots(figure, [(t, v) for t, v in judged if t.state.name.lower() == state], state, target)
    _best_so_far(figure, points, target)
    figure.update_yaxes(**style.result_axis(target, [value for _, value in judged]))
    figure.update_xaxes(tickformat="d", dtick=1 if len(judged) < 12 else None)
    if len(judged) == 1:
        figure.update_xaxes(range=charts.around_one_trial(judged[0][0].number))
    notes = [request.sampled + " The line counts every trial."] if request.sampled else []
    said = sentences.history(points, target, len(judged))
    return Answer(said, figure, _results(judged, target), notes + request.left_out)


def timeline(request: Request) -> Answer:
    """When trials ran, in the colours of their states."""
    begun = [trial for trial in request.sample.trials if trial.datetime_start is not None]
    counts = {state: n for state, n in request.shape.n_by_state.items() if state in request.states}
    said = sentences.timeline(request.sample.fair, counts)
    table = pd.DataFrame(
        [
            {"trial": trial.number, "state": trial.state.name.lower(), "start": trial.datetime_start,
             "end": trial.datetime_complete, "duration_s": _seconds(trial)} for trial in begun
        ]
    )  # fmt: skip
    if not begun:
        return Answer(said, None, table)
    last = max((trial.datetime_complete or trial.datetime_start) for trial in begun)  # type: ignore[type-var]
    figure = style.blank("", "Trial")
    edge = {"width": 2 if len(begun) > MANY else 0}  # else a bar would be thinner than a pixel
    for state in STATES:
        of_state = [trial for trial in begun if trial.state.name.lower() == state]
        if not of_state:
            continue
        lengths = [((t.datetime_complete or last) - t.datetime_start).total_seconds() for t in of_state]  # type: ignore[operator]
        figure.add_bar(
            orientation="h", y=[t.number for t in of_state], base=[t.datetime_start for t in of_state],
            x=[max(length, 0.05) * 1000 for length in lengths], width=0.8, name=group_word(state),
            marker={"color": palette.TRIAL_STATES[state], "line": edge | {"color": palette.TRIAL_STATES[state]}},
            customdata=[formats.duration(length) for length in lengths],
            hovertemplate="Trial %{y}: %{customdata}, " + group_word(state) + "<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="overlay", bargap=0)
    figure.update_xaxes(type="date", title="Time, by this server's clock", nticks=4, tickangle=0)
    figure.update_yaxes(autorange="reversed", tickformat="d", dtick=1 if len(begun) < 12 else None)
    return Answer(said, figure, table, [request.sampled] if request.sampled else [])


def duration(request: Request) -> Answer:
    """How long trials took against what they reached."""
    target = request.target
    judged = [(trial, value, _seconds(trial)) for trial, value in request.judged]
    points = [(trial.number, seconds, value) for trial, value, seconds in judged if seconds is not None]
    fair = {trial.number for trial in request.fair}
    said = sentences.duration([point for point in points if point[0] in fair], target, points)
    table = pd.DataFrame(points, columns=["trial", "duration_s", target.key])
    if target.key == DURATION:
        return Answer("Choose another result above: duration against duration is a straight line.", None, table)
    if not points:
        return Answer(said, None, table)
    figure = style.blank("Duration, s", "")
    for state in (state for state in STATES if state in request.states):
        of_state = [(t, v, s) for t, v, s in judged if s is not None and t.state.name.lower() == state]
        if of_state:
            figure.add_scatter(
                x=[s for _, _, s in of_state], y=[v * target.factor for _, v, _ in of_state], mode="markers",
                name=group_word(state), marker=_marker(state),
                customdata=[(t.number, target.text(v), formats.duration(s)) for t, v, s in of_state],
                hovertemplate="Trial %{customdata[0]}: %{customdata[1]} in %{customdata[2]}<extra></extra>",
            )  # fmt: skip
    lengths = [seconds for _, seconds, _ in points]
    if spans_decades(lengths):
        figure.update_xaxes(**charts.log_axis(min(lengths), max(lengths)))
    figure.update_yaxes(**style.result_axis(target, [value for _, _, value in points]))
    return Answer(said, figure, table, request.notes)


def _dots(figure: go.Figure, points: list[tuple[FrozenTrial, float]], state: str, target: Target) -> None:
    if points:
        figure.add_scatter(
            x=[trial.number for trial, _ in points], y=[value * target.factor for _, value in points],
            mode="markers", name=group_word(state), marker=_marker(state),
            customdata=[target.text(value) for _, value in points],
            hovertemplate="Trial %{x}: %{customdata}, " + group_word(state) + "<extra></extra>",
        )  # fmt: skip


def _best_so_far(figure: go.Figure, points: list[tuple[int, float]], target: Target) -> None:
    """Steps where the best result changes, and a star at the last of them."""
    steps: list[tuple[int, float]] = []
    for trial, value in points:
        if not steps or target.better(value, steps[-1][1]):
            steps.append((trial, value))
    if not steps:
        return
    line = [*steps, (points[-1][0], steps[-1][1])]
    figure.add_scatter(
        x=[trial for trial, _ in line], y=[value * target.factor for _, value in line], mode="lines",
        name=f"{target.best_word} so far", line={"color": palette.BEST, "width": 2, "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    trial, value = steps[-1]
    figure.add_scatter(
        x=[trial], y=[value * target.factor], mode="markers", name=target.best_word, customdata=[target.text(value)],
        marker={"color": palette.BEST, "size": 16, "symbol": "star"},
        hovertemplate=f"Trial %{{x}}, the {target.best_word}: %{{customdata}}<extra></extra>",
    )  # fmt: skip


def value_of(row: TrialColumns, target: Target) -> float | None:
    if target.objective is not None:
        return number(row.values[target.objective]) if row.values and target.objective < len(row.values) else None
    return row.duration_s if target.key == DURATION else number(row.attributes.get(target.key))


def _marker(state: str) -> dict[str, object]:
    return {
        "color": palette.TRIAL_STATES[state], "symbol": SYMBOLS[state], "size": 8, "opacity": 0.7,
        "line": style.OUTLINE,
    }  # fmt: skip


def _results(judged: list[tuple[FrozenTrial, float]], target: Target) -> pd.DataFrame:
    rows = [(trial.number, trial.state.name.lower(), value) for trial, value in judged]
    return pd.DataFrame(rows, columns=["trial", "state", target.key])


def _seconds(trial: FrozenTrial) -> float | None:
    return trial.duration.total_seconds() if trial.duration is not None else None
