"""Importance as bars, and its change as trials came in as lines."""

from __future__ import annotations

import pandas as pd

from hpo_core.analysis import sentences
from hpo_core.analysis.importance import Importance
from hpo_core.analysis.targets import parameter_title
from pages.parts import palette
from pages.parts.analysis import style
from pages.parts.analysis.request import Answer, Request
from pages.parts.charts import DASHES, SYMBOLS, tick
from pages.parts.health_charts import COLOURS

MOST_BARS, MOST_LINES = 20, 6
BAR, AROUND = 34, 110
# A share ends at 100 %; a mark that stands there is a little wider than nothing.
WHOLE = 102


def bars(found: Importance, request: Request) -> Answer:
    """A bar per hyperparameter, with a mark at what chance alone may reach."""
    target = request.target
    table = pd.DataFrame(
        [{"hyperparameter": name, "importance": share, "chance_alone": found.chance.get(name)}
         for name, share in found.shares.items()],
        columns=["hyperparameter", "importance", "chance_alone"],
    )  # fmt: skip
    said = sentences.importance(found, target)
    notes = _left_out(found) + ([request.sampled] if request.sampled else [])
    if len(found.shares) < 2:
        return Answer(said, None, table, notes)
    shown = list(found.shares.items())[:MOST_BARS]
    figure = style.blank("Share, %", "", height=AROUND + BAR * len(shown))
    certain = set(found.certain)
    for label, colour, names in (
        ("more than chance", palette.RUNNING, [name for name, _ in shown if name in certain]),
        ("not told from chance", palette.WAITING, [name for name, _ in shown if name not in certain]),
    ):
        figure.add_bar(
            orientation="h", x=[found.shares[name] * 100 for name in names], y=names, name=label,
            marker={"color": colour},
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    names = [name for name, _ in shown if name in found.chance]
    figure.add_scatter(
        x=[found.chance[name] * 100 for name in names], y=names, mode="markers", name="chance alone",
        marker={"symbol": "line-ns", "size": 20, "line": {"width": 3, "color": palette.FAILED}}, cliponaxis=True,
        hovertemplate="%{y}: chance alone may reach %{x:.1f} %<extra></extra>",
    )  # fmt: skip
    names = [name for name, _ in shown]
    figure.update_yaxes(
        title=None, categoryorder="array", categoryarray=names[::-1], tickmode="array", tickvals=names,
        ticktext=[f"{style.wrapped(parameter_title(name))} <b>{_percent(found.shares[name])}</b>" for name in names],
        showgrid=False,
    )  # fmt: skip
    # Every mark is in sight: a long bar whose mark lies beyond the edge would look like more than chance.
    highest = max([*found.shares.values(), *(found.chance.get(name, 0.0) for name in names)])
    figure.update_xaxes(range=[0, min(highest * 115, WHOLE)])
    return Answer(said, figure, table, notes)


def lines(points: list[Importance], now_known: Importance, request: Request) -> Answer:
    """A line per hyperparameter that ever was among the first, over the trials it was computed from."""
    target = request.target
    table = pd.DataFrame([{"complete_trials": point.trials, **point.shares} for point in points])
    said = sentences.importance_over_time(points, now_known, target)
    known = [point for point in points if point.shares]
    if len(known) < 2:
        return Answer(said, None, table)
    peak = {name: max(point.shares.get(name, 0.0) for point in known) for name in known[-1].shares}
    now = list(known[-1].shares)
    names = sorted(sorted(peak, key=lambda name: -peak[name])[:MOST_LINES], key=now.index)
    figure = style.blank("Complete trials", f"Share of what matters for {target.title}, %")
    for place, name in enumerate(names):
        figure.add_scatter(
            x=[point.trials for point in known], y=[point.shares.get(name, 0.0) * 100 for point in known],
            mode="lines+markers", name=style.title(name),
            line={"color": COLOURS[place % len(COLOURS)], "width": 2, "dash": DASHES[place % len(DASHES)]},
            marker={"size": 7, "symbol": SYMBOLS[place % len(SYMBOLS)]},
            hovertemplate=style.title(name) + ", %{x} trials: %{y:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat="d", dtick=tick(tuple(point.trials for point in known)))
    figure.update_yaxes(rangemode="tozero", title=style.wrapped(f"Share for {target.title}, %", 34))
    left = len(now) - len(names)
    notes = [f"{left} with smaller shares are left out."] if left else []
    return Answer(said, figure, table, notes + ([request.sampled] if request.sampled else []))


def _left_out(found: Importance) -> list[str]:
    notes = []
    if len(found.shares) > MOST_BARS:
        rest = list(found.shares.values())[MOST_BARS:]
        notes.append(f"The other {len(rest)} hyperparameters together have {_percent(sum(rest))}.")
    if found.constant:
        names = ", ".join(parameter_title(name) for name in found.constant)
        notes.append(f"With one value in all trials, and so not judged: {names}.")
    return notes


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
