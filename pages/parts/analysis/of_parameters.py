"""Charts of hyperparameters: slice, contour, 3D surface."""

from __future__ import annotations

import zlib
from string import ascii_uppercase
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from hpo_core.analysis import sentences
from hpo_core.analysis.association import FEWEST, levels
from hpo_core.analysis.landscape import Axis, Surface, axis, surface
from hpo_core.analysis.targets import Target, parameter_title
from pages.parts import formats, palette
from pages.parts.analysis import style
from pages.parts.analysis.request import Answer, Request

Judged = list[tuple[FrozenTrial, float]]
JITTER = 0.15
SHORT = 8
PALE = 0.35


def parameter_slice(request: Request) -> Answer:
    """One hyperparameter against the result."""
    (name,), target = request.parameters, request.target
    having = [(trial, value) for trial, value in request.judged if name in trial.params]
    said = sentences.parameter_slice(request.fair, name, target)
    table = _table(having, (name,), target.key)
    if not having:
        return Answer(said, None, table)
    scale = axis(name, [trial for trial, _ in having])
    figure = style.blank("", "")
    numbers = [trial.number for trial, _ in having]
    figure.add_scatter(
        x=[_place(scale, trial) for trial, _ in having], y=[value * target.factor for _, value in having],
        mode="markers", name="trial", showlegend=False,
        marker={"size": 8, "color": numbers, "colorscale": style.sequence(), "opacity": 0.8, "line": style.OUTLINE,
                "colorbar": style.colour_bar("Trial", **style.whole_ticks(numbers)), "showscale": len(numbers) > 1},
        customdata=[_facts(trial, (name,), target.text(value)) for trial, value in having],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    if scale.categories:
        means = levels(request.fair, name, target)
        figure.add_scatter(
            x=[scale.categories.index(level.name) for level in means],
            y=[level.mean * target.factor for level in means], mode="markers", name="mean",
            marker={"symbol": "line-ew", "size": 34, "line": {"width": 3, "color": palette.BEST}},
            customdata=[f"{style.plain_text(level.name)}: mean {target.text(level.mean)} of {level.trials}"
                        for level in means],
            hovertemplate="%{customdata}<extra></extra>", showlegend=False,
        )  # fmt: skip
    figure.update_layout(margin={"t": 76})
    results = style.result_axis(target, [value for _, value in having])
    style.draw_axes(figure, style.parameter_axis(scale), results)
    return Answer(said, figure, table, _notes(request, having, (name,)))


def contour(request: Request) -> Answer:
    """A map over two hyperparameters."""
    found = _surface(request)
    if found is None:
        return _no_surface(request)
    having, over, said = found
    target = request.target
    mean = f"Mean {target.title}" + (f", {target.unit}" if target.unit else "")
    figure = style.blank("", "")
    values = [[None if value is None else value * target.factor for value in row] for row in over.values]
    results = [value * target.factor for _, value in having]
    known = [*results, *(value for row in values for value in row if value is not None)]
    # One scale for the map and for the dots: where there is no map, they alone show what was reached. Each is told it:
    # with a common `coloraxis` plotly draws contours without end.
    low, high, colours = min(known), max(known), style.sequence()
    has_map = len(having) >= FEWEST
    ground: dict[str, Any] = {
        "x": over.x.grid(), "y": over.y.grid(), "z": values, "zmin": low, "zmax": high,
        "colorscale": colours, "colorbar": style.colour_bar(mean), "hoverinfo": "skip",
        # Pale where nowhere enough trials stand behind it: it shall not say more than the sentence above it.
        "opacity": 1.0 if over.n_behind(sentences.SUPPORT) > 1 else PALE,
    }  # fmt: skip
    if has_map:
        if over.x.categories or over.y.categories or over.x.low == over.x.high or over.y.low == over.y.high:
            figure.add_heatmap(**ground)
        else:
            figure.add_contour(**ground, contours={"showlines": False}, ncontours=12, connectgaps=False)
    figure.add_scatter(
        x=[_place(over.x, trial) for trial, _ in having], y=[_place(over.y, trial) for trial, _ in having],
        mode="markers", name="trial", showlegend=False,
        marker={
            "size": 10, "color": results, "cmin": low, "cmax": high, "colorscale": colours,
            "colorbar": style.colour_bar(mean), "showscale": not has_map,
            "line": {"width": 1.5, "color": palette.LIGHT_INK},
        },
        customdata=[_facts(trial, request.parameters, target.text(value)) for trial, value in having],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(margin={"t": 76})
    style.draw_axes(figure, style.parameter_axis(over.x), style.parameter_axis(over.y))
    return Answer(
        said, figure, _table(having, request.parameters, target.key), _notes(request, having, request.parameters)
    )


def landscape(request: Request) -> Answer:
    """The same as a surface in space."""
    found = _surface(request)
    if found is None:
        return _no_surface(request)
    having, over, said = found
    target = request.target
    mean = f"Mean {target.title}" + (f", {target.unit}" if target.unit else "")
    figure = style.blank("", "", height=560)
    if over.n_behind(sentences.SUPPORT) > 1 and len(over.x.grid()) > 1 and len(over.y.grid()) > 1:
        figure.add_trace(_mesh(over, target, mean))
    figure.add_scatter3d(
        x=[_place(over.x, trial) for trial, _ in having], y=[_place(over.y, trial) for trial, _ in having],
        z=[value * target.factor for _, value in having], mode="markers", showlegend=False,
        marker={"size": 3.5, "color": palette.BEST, "line": {"width": 0}},
        customdata=[_facts(trial, request.parameters, target.text(value)) for trial, value in having],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    # Without transparency, which the graphics of a browser draw as white.
    spatial = {"showbackground": False, "gridcolor": palette.NEUTRAL, "zerolinecolor": palette.NEUTRAL}
    x, y = (style.parameter_axis(scale) | _letters(scale) for scale in (over.x, over.y))
    z = style.result_axis(target, [value for _, value in having])
    figure.update_layout(
        scene={"xaxis": x | spatial, "yaxis": y | spatial, "zaxis": z | spatial, "bgcolor": "rgba(0,0,0,0)",
               "camera": {"eye": {"x": 1.9, "y": -2.1, "z": 1.1}}, "dragmode": "turntable"},
        margin={"t": 76},
    )  # fmt: skip
    table = _table(having, request.parameters, target.key)
    notes = _key_to_letters(over.x) + _key_to_letters(over.y) + _notes(request, having, request.parameters)
    return Answer(said, figure, table, notes)


def _mesh(over: Surface, target: Target, title: str) -> go.Mesh3d:
    """The landscape; plotly's own surface is refined first, which takes two seconds where no graphics card helps."""
    across, up = over.x.grid(), over.y.grid()
    heights = [None if value is None else value * target.factor for row in over.values for value in row]
    corners = over.triangles().T
    return go.Mesh3d(
        x=across * len(up), y=[place for place in up for _ in across], z=heights, intensity=heights,
        i=corners[0], j=corners[1], k=corners[2], colorscale=style.sequence(), opacity=0.85, hoverinfo="skip",
        colorbar=style.colour_bar(title), lighting={"ambient": 0.9, "diffuse": 0.3, "specular": 0.0},
    )  # fmt: skip


def _needs_letters(scale: Axis) -> bool:
    """In space long names would be cut off at the edge."""
    return any(len(name) > SHORT for name in scale.categories) and len(scale.categories) <= len(ascii_uppercase)


def _letters(scale: Axis) -> dict[str, Any]:
    return {"ticktext": list(ascii_uppercase[: len(scale.categories)])} if _needs_letters(scale) else {}


def _key_to_letters(scale: Axis) -> list[str]:
    if not _needs_letters(scale):
        return []
    pairs = zip(ascii_uppercase, scale.categories, strict=False)
    return [f"{parameter_title(scale.name)}: {', '.join(f'{letter} is {name}' for letter, name in pairs)}."]


def _surface(request: Request) -> tuple[Judged, Surface, str] | None:
    x, y = request.parameters
    having = [(trial, value) for trial, value in request.judged if {x, y} <= set(trial.params)]
    if not having:
        return None
    trials = [trial for trial, _ in having]
    over = surface(request.fair, axis(x, trials), axis(y, trials), request.target)
    return having, over, sentences.contour(over, request.fair, request.target)


def _no_surface(request: Request) -> Answer:
    x, y = (parameter_title(name) for name in request.parameters)
    said = f"No trial of these states has {x}, {y} and a {request.target.title} at once."
    return Answer(said, None, _table([], request.parameters, request.target.key))


def _place(scale: Axis, trial: FrozenTrial) -> float:
    """Where a trial is drawn; beside one another where they share a category, the same at every drawing."""
    place = scale.place(trial.params[scale.name])
    if not scale.categories:
        return place
    share = zlib.crc32(f"{scale.name} {trial.number}".encode()) / 2**32
    return place + (share - 0.5) * JITTER * 2


def _facts(trial: FrozenTrial, names: tuple[str, ...], result: str) -> str:
    lines = [f"Trial {trial.number}: {result}"]
    lines += [f"{style.title(name)}: {style.value_text(trial.params[name])}" for name in names]
    return "<br>".join(lines)


def _table(having: Judged, names: tuple[str, ...], key: str) -> pd.DataFrame:
    rows = [
        {"trial": trial.number, "state": trial.state.name.lower(), **{name: trial.params[name] for name in names},
         key: value} for trial, value in having
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["trial", "state", *names, key])


def _notes(request: Request, having: Judged, names: tuple[str, ...]) -> list[str]:
    notes = request.notes
    without = len(request.judged) - len(having)
    if without:
        titles = " or ".join(parameter_title(name) for name in names)
        notes.append(f"Left out: {formats.plural(without, 'trial')} in which {titles} had no part.")
    return notes
