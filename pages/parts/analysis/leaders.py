"""The leaderboard: configurations that were trained several times, and which of them chance cannot put in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from hpo_core.analysis import sentences
from hpo_core.analysis.leaderboard import Place, leaderboard, left_out
from hpo_core.analysis.targets import Target
from hpo_core.reruns import origin_of
from pages.parts import palette
from pages.parts.analysis import style
from pages.parts.analysis.request import Answer, Request

KEY = "leaderboard"
MOST = 20
ROW, AROUND = 44, 130


def draw(request: Request, lost: Sequence[FrozenTrial] = ()) -> Answer:
    """A row per configuration, the best mean above; `lost` are trials that ended without a result."""
    target = request.target
    places, names = leaderboard(request.judged, target, lost), left_out(request.judged, lost)
    table = pd.DataFrame([_row(rank, place, target) for rank, place in enumerate(places, start=1)])
    short, study = _briefly([*(place.name for place in places), *names])
    places = [replace(place, name=short[place.name]) for place in places]
    said = sentences.leaderboard(places, target)
    notes = [f"Each configuration bears the number of its trial in {study}."] if study else []
    notes += [f"Left out, because fewer than two of its trainings have a result: {short[name]}." for name in names]
    if not places:
        return Answer(said, None, table, notes)
    return Answer(said, _figure(places[:MOST], target), table, request.notes + notes, in_full=True)


def _briefly(names: Sequence[str]) -> tuple[dict[str, str], str]:
    """Short names for configurations that all come from one study, with the name of that study; else as they are."""
    origins = {name: origin_of(name) for name in names}
    studies = {origin[1] if origin else "" for origin in origins.values()}
    if len(studies) != 1 or "" in studies:
        return dict(zip(names, names, strict=True)), ""
    return {name: f"Configuration {origin[0]}" for name, origin in origins.items() if origin}, studies.pop()


def _row(rank: int, place: Place, target: Target) -> dict[str, object]:
    unit = f", {target.unit}" if target.unit else ""
    return {
        "rank": rank, "configuration": place.name, f"mean{unit}": round(place.mean * target.factor, 4),
        f"deviation{unit}": round(place.deviation * target.factor, 4), "seeds": len(place.results), "lost": place.lost,
        "p": None if place.p_value is None else round(place.p_value, 4), "parameters": place.parameters,
        "trials": ", ".join(map(str, place.trials)),
    }  # fmt: skip


def _figure(places: list[Place], target: Target) -> go.Figure:
    figure = style.blank("", "", height=AROUND + ROW * len(places))
    names = [style.wrapped(place.name) for place in places]
    for place, name in zip(places, names, strict=True):
        figure.add_scatter(
            x=[value * target.factor for value in place.results], y=[name] * len(place.results), mode="markers",
            name="a training", legendgroup="trainings", showlegend=place is places[0],
            marker={"size": 8, "color": palette.RUNNING, "opacity": 0.6},
            customdata=[
                f"Trial {number}: {target.text(value)}"
                for number, value in zip(place.trials, place.results, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    for level, symbol, label in ((True, "diamond", "mean: first, or level with it"), (False, "x", "mean: behind")):
        chosen = [(place, name) for place, name in zip(places, names, strict=True) if place.is_level is level]
        if not chosen:
            continue
        figure.add_scatter(
            x=[place.mean * target.factor for place, _ in chosen], y=[name for _, name in chosen], mode="markers",
            name=label, marker={"size": 13, "symbol": symbol, "color": palette.BEST if level else palette.WAITING},
            error_x={"type": "data", "array": [place.half_interval * target.factor for place, _ in chosen]},
            hovertemplate="mean %{x:.4g}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=style.wrapped(target.axis, 34))
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    figure.update_layout(margin={"t": 60})
    return figure
