"""The Pareto front: accuracy, health and size; or the objectives of a study that has several."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from hpo_core.analysis import sentences
from hpo_core.analysis.pareto import front
from hpo_core.analysis.targets import ACCURACY, HEALTH, PARAMETERS_KEY, Target
from pages.parts import palette
from pages.parts.analysis import style
from pages.parts.analysis.over_trials import value_of
from pages.parts.analysis.request import Answer, Request
from storage.trial_sample import TrialColumns

NUMBERED = ", with its trial's number"
# More numbers than these would lie on one another.
NAMED = 12
AIMS = (ACCURACY, HEALTH, PARAMETERS_KEY)
Known = tuple[int, dict[str, float]]


def aims(request: Request) -> list[Target]:
    """What is traded off in this study."""
    objectives = [target for target in request.targets if target.objective is not None]
    if len(objectives) > 1:
        return objectives
    return [target for target in request.targets if target.key in AIMS]


def draw(request: Request, every: list[TrialColumns]) -> Answer:
    """Every trial of the chosen states is compared; at most a sample of those off the front is drawn."""
    wanted = aims(request)
    if len(wanted) < 2:
        return Answer(_nothing(wanted), None, pd.DataFrame())
    known: list[Known] = []
    for row in every:
        values = {aim.key: value_of(row, aim) for aim in wanted} if row.state in request.states else {}
        if values and all(value is not None for value in values.values()):
            known.append((row.number, {key: value for key, value in values.items() if value is not None}))
    on = front([tuple(values.values()) for _, values in known], [bool(aim.minimises) for aim in wanted])
    best = [pair for pair, kept in zip(known, on, strict=True) if kept]
    said = sentences.pareto(best, len(known), wanted)
    table = pd.DataFrame(
        [{"trial": trial, **values, "on_front": kept} for (trial, values), kept in zip(known, on, strict=True)],
        columns=["trial", *(aim.key for aim in wanted), "on_front"],
    )
    if not known:
        return Answer(said, None, table)
    drawn = {trial.number for trial in request.sample.trials}
    rest = [pair for pair, kept in zip(known, on, strict=True) if not kept and pair[0] in drawn]
    notes = [request.sampled + " Every trial is compared; the whole front is drawn."] if request.sampled else []
    if len(wanted) > 3:
        notes.append(f"The figure shows {wanted[0].title} and {wanted[1].title}; all {len(wanted)} decide.")
    return Answer(said, draw_front(wanted, best, rest), table, notes)


def draw_front(wanted: list[Target], best: list[Known], rest: list[Known]) -> go.Figure:
    """The first two aims as axes, a third one as colour; trials on the front with their numbers where there is room."""
    x, y, *others = wanted[:3]
    figure = style.blank("", "")
    if others:
        size = others[0]
        values = [values[size.key] for _, values in best]
        marker = {
            "size": 14, "symbol": "diamond", "color": [size.factor * value for value in values],
            "colorscale": style.sequence(), "line": {"width": 1.5, "color": palette.BEST},
            "colorbar": style.colour_bar(size.axis), "showscale": len(set(values)) > 1,
        }  # fmt: skip
    else:
        marker = {"size": 14, "symbol": "diamond", "color": palette.BEST, "line": style.OUTLINE}
    named = len(best) <= NAMED
    for pairs, look, name, mode in (
        (rest, {"size": 7, "color": palette.WAITING, "opacity": 0.6}, "beaten by another", "markers"),
        (best, marker, f"on the front{NUMBERED * named}", "markers+text" if named else "markers"),
    ):
        figure.add_scatter(
            x=[values[x.key] * x.factor for _, values in pairs], y=[values[y.key] * y.factor for _, values in pairs],
            mode=mode, name=name, text=[str(trial) for trial, _ in pairs], textposition="top center", marker=look,
            hovertemplate="%{customdata}<extra></extra>", customdata=[_facts(pair, wanted) for pair in pairs],
        )  # fmt: skip
    every = [values for _, values in best + rest]
    across, upwards = (style.result_axis(aim, [values[aim.key] for values in every]) for aim in (x, y))
    style.draw_axes(figure, across, upwards)
    figure.update_layout(margin={"t": 84}, legend={"y": -0.22, "yref": "paper", "yanchor": "top"})
    return figure


def _facts(known: Known, wanted: list[Target]) -> str:
    trial, values = known
    return "<br>".join([f"Trial {trial}", *(f"{aim.title}: {aim.text(values[aim.key])}" for aim in wanted)])


def _nothing(wanted: list[Target]) -> str:
    have = f"these trials recorded only {wanted[0].title}" if wanted else "these trials recorded none of them"
    return (
        f"A front needs two aims at least, such as accuracy, health and number of parameters, or a study with several "
        f"objectives; {have}."
    )
