"""Two to four trials side by side: chosen on their cards, kept from page to page, shown in place of the gallery."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import streamlit as st

from hpo_core.analysis.targets import Target
from pages.parts import (
    architecture_source,
    charts,
    explained,
    formats,
    health_bars,
    health_charts,
    shared,
    state,
    trial_differences,
    trial_glyph,
    trial_networks,
    trial_query,
    words,
)
from pages.parts.charts import QUIET_CHART
from pages.parts.trial_differences import Row
from pages.parts.trial_query import COMPARE
from pages.parts.trial_words import score_text, state_colour, state_of
from storage.studies import StudySummary, TrialRow

LEAST, MOST = 2, 4
FULL = f"At most {MOST} trials can be compared: take one of them away first."
HOW_TO_CHOOSE = f"To see trials side by side, tick {LEAST} to {MOST} of them."
BEST_OF_ROW = "Bold: the best one of the row. Durations are not ranked: trials at the same time slow each other down."


def chosen(study: str) -> list[int]:
    """Numbers of the trials that were chosen in this session, in the order of their choice."""
    found = st.session_state.setdefault("compared", {}).get(study, [])
    return list(found)


def checkbox(study: str, row: TrialRow) -> None:
    """Draw the box that chooses a trial for the comparison; of one that waits there is nothing to compare."""
    number, numbers = row.number, chosen(study)
    key = f"compare_{number}"
    st.session_state[key] = number in numbers
    full = len(numbers) >= MOST and number not in numbers
    st.checkbox(
        "Compare", key=key, on_change=_choose, args=(study, number, key), disabled=full or row.state == "waiting",
        help=FULL if full else None,
    )  # fmt: skip


def draw_bar(study: str, summary: StudySummary) -> None:
    """Draw what is chosen, and the button that compares it; how to choose where nothing is.

    It stands above the trials and always has its place there, so that nothing moves under a hand that chooses.
    """
    numbers = chosen(study)
    if not numbers:
        if summary.n_trials >= LEAST:
            with st.container(border=True, horizontal=True, vertical_alignment="center", key="compare_hint"):
                st.html(f'<span class="quiet">{HOW_TO_CHOOSE}</span>')
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="compare_bar"):
        for number in numbers:
            st.button(
                f"Trial {number}", key=f"uncompare_{number}", icon=":material/close:", type="tertiary",
                help="Take this trial away", on_click=_take_away, args=(study, number),
            )  # fmt: skip
        few = len(numbers) < LEAST
        st.button(
            "Choose one more to compare" if few else f"Compare {len(numbers)} trials", key="compare", type="primary",
            disabled=few, icon=":material/compare_arrows:", on_click=_open, args=(study,),
        )  # fmt: skip


def chosen_after(before: Sequence[int], rows: Sequence[TrialRow], ticked: Sequence[TrialRow]) -> tuple[list[int], str]:
    """What is chosen once some of these rows are ticked: the choice among other trials stays as it is.

    Returns the numbers, and a sentence about what could not be chosen; '' where everything could.
    """
    here, wanted = {row.number for row in rows}, [row.number for row in ticked if row.state != "waiting"]
    kept = [number for number in before if number not in here or number in wanted]
    numbers = list(dict.fromkeys([*kept, *wanted]))
    if len(numbers) > MOST:
        return numbers[:MOST], FULL
    return numbers, "" if len(wanted) == len(ticked) else "A trial that waits has nothing to compare yet."


def keep(study: str, numbers: Sequence[int]) -> None:
    """Make these the chosen ones."""
    st.session_state.setdefault("compared", {})[study] = list(numbers)


def draw(study: str, trials: Sequence[TrialRow], summary: StudySummary) -> None:
    """Draw the comparison of two to four trials."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{len(trials)} trials compared", anchor=False)
        st.button("Back to all trials", key="to_gallery", icon=":material/arrow_back:", on_click=_close)
    attributes = shared.studies().attributes(study)
    written = None if words.is_accuracy_alone(attributes) else score_text
    results = trial_differences.results(trials, minimises=summary.minimises, score=written)
    with st.container(border=True, key="compared_results"):
        st.subheader("Which one is better", anchor=False)
        st.html(f"<div>{html.escape(verdict(trials, summary, attributes))}</div>")
        st.html(table(trials, results, heads=True))
        st.html(f'<div class="quiet">{BEST_OF_ROW}</div>')
    _parameters(trials)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, key="chart_compared_curves"):
        _curves(trials, words.score(attributes))
    with right, st.container(border=True, key="chart_compared_health"):
        _radar(trials)
    healths = trial_differences.healths(trials)
    if healths:
        with st.container(border=True, key="compared_numbers"):
            st.subheader("Health in numbers", anchor=False)
            st.html(table(trials, healths))
    _networks(trials, attributes)
    rows = [*results, *trial_differences.parameters(trials), *healths]
    name = "-".join(["trials", *(str(trial.number) for trial in trials)])
    st.download_button(
        "Comparison as CSV", data=lambda: trial_differences.as_csv(trials, rows), mime="text/csv",
        file_name=formats.file_name(study, f"{name}.csv"), key="download_comparison", icon=":material/table:",
        on_click="ignore",
    )  # fmt: skip


def verdict(trials: Sequence[TrialRow], summary: StudySummary, attributes: Mapping[str, object]) -> str:
    """Which of the trials is the better one by what their study is optimised for; '' where that cannot be said.

    Each row of the table has a best one of its own: without this the network with more of them would seem better.
    """
    ranked = sorted(
        (trial for trial in trials if trial.state == "complete" and trial.score is not None),
        key=lambda trial: trial.score or 0.0, reverse=not summary.minimises,
    )  # fmt: skip
    if summary.n_objectives > 1 or len(ranked) < LEAST:
        return ""
    kind = "run" if trial_differences.is_ours(trials) else "study"
    counts = f"{words.score_name(attributes)}, by which this {kind} chooses"
    best, other = ranked[:2]
    if best.score == other.score:
        return f"Trial {best.number} and Trial {other.number} are equally good: their {counts}, is the same."
    end = "lowest" if summary.minimises else "highest"
    whole = " and of all" if best.number == summary.best_trial else ""
    return f"Trial {best.number}: its {counts}, is the {end} of these{whole}."


def missing_words(study: str, missing: Sequence[int], odd: Sequence[str]) -> str:
    """What of a comparison in the address is not there; empty where all of it is."""
    parts = [f"“{text}” is no trial number" for text in odd]
    if missing:
        names = ", ".join(f"Trial {number}" for number in missing)
        parts.append(f"{study} has no {names}")
    return "; ".join(parts)


def table(trials: Sequence[TrialRow], rows: Sequence[Row], *, heads: bool = False, fields: bool = False) -> str:
    """Rows as HTML: one column for each trial.

    Args:
        trials: the compared ones.
        rows: what is compared.
        heads: with state and picture of each trial above its column.
        fields: with the name of the field below each title.
    """
    ours = trial_differences.is_ours(trials)
    lines = (f"<tr><th>{_title(row, fields, ours)}</th>{_cells(row)}</tr>" for row in rows)
    return _columns(trials, "".join(lines), heads)


def _columns(trials: Sequence[TrialRow], body: str, heads: bool = False) -> str:
    """Rows as HTML below the names of the trials."""
    head = "".join(f"<td>{_head(place, trial, whole=heads)}</td>" for place, trial in enumerate(trials))
    return (
        f'<div class="wide-table" style="--columns:{len(trials)}"><table class="facts-table compared">'
        f"<tr><th></th>{head}</tr>{body}</table></div>"
    )


def _parameters(trials: Sequence[TrialRow]) -> None:
    same, different = trial_differences.same_and_different(trial_differences.parameters(trials))
    with st.container(border=True, key="compared_parameters"):
        st.subheader("What is different", anchor=False)
        if different:
            st.html(table(trials, different, fields=True))
        elif same:
            st.html('<div class="quiet">Nothing: they were told the same.</div>')
        else:
            st.html('<div class="quiet">No parameter was searched in these trials.</div>')
        if same:
            equal = f"{formats.plural(len(same), 'field')} equal in all of them"
            with st.expander(equal, key="compared_same"):
                st.html(table(trials, same, fields=True))


def _networks(trials: Sequence[TrialRow], study_attributes: Mapping[str, object]) -> None:
    """Layer by layer, where the networks of at least two are known."""
    plans = [architecture_source.plan_of(trial, study_attributes) for trial in trials]
    if sum(plan is not None for plan in plans) < LEAST:
        return
    with st.container(border=True, key="compared_networks"):
        st.subheader("Networks, layer by layer", anchor=False)
        st.html('<div class="quiet">What each layer hands on to the next one. Bold: not the same in all of them.</div>')
        st.html(_columns(trials, trial_networks.table_rows(plans)))


def _curves(trials: Sequence[TrialRow], score: Target) -> None:
    st.subheader("Curves", anchor=False)
    curves = {f"Trial {trial.number}": trial.curve for trial in trials if trial.curve}
    if not curves:
        st.html('<div class="quiet">None of these trials reported an epoch.</div>')
        return
    places = [place for place, trial in enumerate(trials) if trial.curve]
    figure = charts.draw_curves(curves, score, places)
    st.plotly_chart(figure, key="compared_curves", config=QUIET_CHART)
    if len(curves) < len(trials):
        without = ", ".join(f"Trial {trial.number}" for trial in trials if not trial.curve)
        st.html(f'<div class="quiet">No epoch was reported by {without}.</div>')


def _radar(trials: Sequence[TrialRow]) -> None:
    st.subheader("Health", anchor=False)
    measured = {f"Trial {trial.number}": trial_differences.metrics(trial) for trial in trials}
    figure = health_charts.draw_radars(measured)
    if figure is None:
        st.html('<div class="quiet">No health was measured in these trials.</div>')
        return
    st.plotly_chart(figure, key="compared_radar", config=QUIET_CHART)
    drawn = {line.name for line in figure.data}
    if without := [name for name in measured if name not in drawn]:
        st.html(f'<div class="quiet">Too little was measured in {", ".join(without)}.</div>')


def _head(place: int, trial: TrialRow, *, whole: bool) -> str:
    colour = charts.COMPARED[place % len(charts.COMPARED)]
    name = f'<span class="compared-name"><i style="background:{colour}"></i><b>Trial {trial.number}</b></span>'
    if not whole:
        return name
    badge = state.badge(state_of(trial), state_colour(trial))
    make = html.escape(str(trial.attributes.get("architecture") or ""))
    return f"{name}<br>{badge}<br>{trial_glyph.glyph(trial)}<small>{make}</small>"


def _title(row: Row, fields: bool, ours: bool) -> str:
    return explained.heading(row.name, row.title, in_files=fields, ours=ours) if row.name else html.escape(row.title)


def _cells(row: Row) -> str:
    cells = []
    for place, cell in enumerate(row.short_cells):
        text = html.escape(cell)
        if row.healths and row.healths[place] is not None:
            text = health_bars.chip(row.healths[place], strong=place in row.best)
        elif place in row.best:
            text = f"<b>{text}</b>"
        cells.append(f"<td>{text}</td>")
    return "".join(cells)


def _choose(study: str, number: int, key: str) -> None:
    if st.session_state[key]:
        keep(study, list(dict.fromkeys([*chosen(study), number]))[:MOST])
    else:
        _take_away(study, number)


def _take_away(study: str, number: int) -> None:
    keep(study, [kept for kept in chosen(study) if kept != number])


def _open(study: str) -> None:
    trial_query.set_compared(chosen(study))


def _close() -> None:
    st.query_params.pop(COMPARE, None)
