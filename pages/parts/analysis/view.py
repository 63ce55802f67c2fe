"""The Analysis page of one study: what to look at, the chart, and what it says."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from contextlib import suppress

import streamlit as st

from hpo_core.analysis.association import FEWEST, FEWEST_BEST, best_trials, narrowing, varied
from hpo_core.analysis.landscape import axis
from hpo_core.analysis.targets import ACCURACY, HEALTH, PARAMETERS_KEY, Target, parameter_title, targets
from hpo_core.objective import is_lost
from pages.parts import formats, report_download, shared
from pages.parts.analysis import (
    data,
    downloads,
    fronts,
    importances,
    leaders,
    of_parameters,
    over_trials,
    parallel,
    reruns,
)
from pages.parts.analysis.catalogue import CHARTS, SEVERAL, Chart
from pages.parts.analysis.request import Answer, Request
from pages.parts.formats import as_markdown
from pages.parts.trial_words import group_word
from storage.errors import UnknownRunError
from storage.studies import STATES
from storage.trial_sample import StudyShape, TrialSample

PARAMETER = "chart"
WATCH_S = 5.0
SHOWN_AT_ONCE, MOST_AT_ONCE = 6, 12


def nothing_yet() -> None:
    """The page of a database without studies."""
    with st.container(border=True, key="empty"):
        st.subheader("Nothing to analyse yet", anchor=False)
        st.write(
            "Here you will see what made networks good: which hyperparameters matter, how they work together, and "
            "which trials are worth a second look. Ten complete trials are enough to begin."
        )
        if st.button("Start a first run", key="to_optimize", type="primary", icon=":material/tune:"):
            st.switch_page("pages/optimize.py")


def draw(study: str, shape: StudyShape, score: Target) -> None:
    """Draw the choice of a chart, and the chart."""
    chart = _choose_chart()
    if set(shape.n_by_state) & {"running", "waiting"}:
        st.fragment(_watch, run_every=WATCH_S, key="analysis_watch")(study, data.counts(shape))
    with st.container(border=True, key="analysis_card"):
        st.subheader(chart.question, anchor=False)
        states = _choose_states(chart, shape)
        sample = _sample(chart, study, shape, states)
        known = tuple(targets(sample.trials, shape.minimises, shape.objectives, score))
        target = _choose_target(chart, known)
        if target.objective and chart.states and states:
            sample = data.sample(study, shape, states, target.objective)
        names = _choose_parameters(chart, sample, target)
        if names is None:
            return
        request = Request(study, shape, sample, states, target, known, names)
        _show(chart, request, _BUILDERS[chart.key](request))
    if chart.key == leaders.KEY:
        reruns.draw(study)
    report_download.button(study, "analysis")


def _sample(chart: Chart, study: str, shape: StudyShape, states: tuple[str, ...]) -> TrialSample:
    if not chart.states:
        return data.complete_trials(study, shape)
    return data.sample(study, shape, states) if states else TrialSample((), 0, 0)


def _show(chart: Chart, request: Request, answer: Answer) -> None:
    st.html(f'<p class="summary finding-line">{html.escape(answer.sentence)}</p>')
    if answer.figure is not None:
        st.plotly_chart(
            answer.figure, key=f"figure_{chart.key}", alt=answer.sentence,
            # In space the wheel comes closer, over all other charts it scrolls the page.
            config={"displaylogo": False, "displayModeBar": False, "scrollZoom": "gl3d"},
        )  # fmt: skip
    if answer.in_full:
        st.dataframe(answer.table, hide_index=True, key=f"table_{chart.key}", placeholder=formats.NOTHING)
    for note in answer.notes:
        st.html(f'<div class="quiet">{html.escape(note)}</div>')
    is_there = answer.figure is not None or answer.in_full
    meaning = html.escape(chart.explanation if is_there else f"What the chart shows once it is there: {chart.in_short}")
    few = chart.needs_many and request.shape.n_by_state.get("complete", 0) < FEWEST
    if (few or not is_there) and chart.key != leaders.KEY:  # whose way to more stands below it
        _offer_more(request.study)
    st.html(f'<div class="card-text">{meaning} {formats.link(chart.source)}</div>')
    downloads.draw(chart, request, answer)


def _offer_more(study: str) -> None:
    """The way to more trials, for a chart that has too few: of a run of ours that is over."""
    with suppress(UnknownRunError):
        if shared.runs().get(study).state.is_final:
            st.page_link(
                "pages/monitor.py", label="Add trials to this run in Monitor", icon=":material/resume:",
                query_params={"study": study},
            )  # fmt: skip


def _choose_chart() -> Chart:
    """The list of charts, in agreement with the address."""
    asked = st.query_params.get(PARAMETER)
    first = next(iter(CHARTS))
    if asked is not None and asked not in CHARTS:
        st.warning(
            f"There is no chart “{as_markdown(asked)}”; the history is shown instead. Known are {', '.join(CHARTS)}.",
            icon=":material/search_off:",
        )
    st.session_state["analysis_chart"] = asked if asked in CHARTS else first
    st.pills(
        "Chart", list(CHARTS), format_func=lambda key: CHARTS[str(key)].title, key="analysis_chart", required=True,
        on_change=_write_address,
    )  # fmt: skip
    return CHARTS[str(st.session_state["analysis_chart"] or first)]


def _write_address() -> None:
    st.query_params[PARAMETER] = st.session_state["analysis_chart"]


def _choose_states(chart: Chart, shape: StudyShape) -> tuple[str, ...]:
    """The states to show; only those that occur can be chosen."""
    if not chart.states:
        st.html(f'<div class="quiet">{html.escape(chart.why_no_states)}</div>')
        return ("complete",)
    occurring = [state for state in STATES if shape.n_by_state.get(state)]
    preset = [state for state in chart.states if state in occurring] or occurring
    key = f"analysis_states_{chart.key}"
    _keep_known(key, occurring, several=True)
    chosen = st.pills(
        "States of the trials", occurring, default=None if key in st.session_state else preset, key=key,
        selection_mode="multi",
        format_func=lambda state: f"{group_word(state).capitalize()} {formats.count(shape.n_by_state[state])}",
    )  # fmt: skip
    return tuple(state for state in occurring if state in chosen)


def _choose_target(chart: Chart, known: Sequence[Target]) -> Target:
    if not chart.target:
        return known[0]
    by_key = {target.key: target for target in known}
    _keep_known("analysis_target", by_key)
    chosen = st.selectbox(
        "Judged by", list(by_key), key="analysis_target", format_func=lambda key: _target_words(by_key[key]), width=360,
        help="What makes a trial good here. Score is what the search itself makes better.",
    )  # fmt: skip
    return by_key[str(chosen)]


def _target_words(target: Target) -> str:
    title = target.title[:1].upper() + target.title[1:]
    if target.key.startswith("score") and not target.title.startswith("score"):
        title = f"Score: {target.title.removeprefix('validation ')}"
    return f"{title}, smaller is better" if target.minimises else title


def _choose_parameters(chart: Chart, sample: TrialSample, target: Target) -> tuple[str, ...] | None:
    """The hyperparameters that a chart needs, those first whose best trials lie closest; None where there are none."""
    if not chart.parameters:
        return ()
    names = varied(sample.trials)
    needed = 1 if chart.parameters == SEVERAL else chart.parameters
    if len(names) < needed:
        st.info(_too_few_parameters(names, needed, len(sample.trials)), icon=":material/tune:")
        return None
    best = best_trials(sample.trials, target, FEWEST_BEST)
    names.sort(key=lambda name: -narrowing(sample.trials, best, name))
    if chart.parameters in (1, 2):  # a trial is shown where it has them
        names.sort(key=lambda name: sum(name not in trial.params for trial in sample.trials))
    if chart.key == "surface":  # between two words nothing lies
        names.sort(key=lambda name: bool(axis(name, sample.trials).categories))
    if chart.parameters == SEVERAL:
        return _choose_several(names)
    labels = ("Hyperparameter",) if chart.parameters == 1 else ("Across", "Upwards")
    chosen: list[str] = []
    with st.container(horizontal=True, key="analysis_parameters"):
        for label, key in zip(labels, ("analysis_x", "analysis_y"), strict=False):
            left = [name for name in names if name not in chosen]
            _keep_known(key, left)
            chosen.append(
                str(st.selectbox(label, left, key=key, format_func=parameter_title, width=260))
            )  # fmt: skip
    return tuple(chosen)


def _choose_several(names: Sequence[str]) -> tuple[str, ...] | None:
    _keep_known("analysis_several", names, several=True)
    chosen = st.multiselect(
        "Hyperparameters", names, default=None if "analysis_several" in st.session_state else names[:SHOWN_AT_ONCE],
        key="analysis_several", format_func=parameter_title, max_selections=MOST_AT_ONCE,
    )  # fmt: skip
    if not chosen:
        st.info("Choose at least one hyperparameter above.", icon=":material/tune:")
        return None
    return tuple(str(name) for name in chosen)


def _too_few_parameters(names: Sequence[str], needed: int, trials: int) -> str:
    if not trials:
        return "No trial is in this state."
    if not names:
        return "No hyperparameter has more than one value in these trials: there is nothing to compare."
    return (
        f"This chart needs {needed} hyperparameters that vary; in these trials only {parameter_title(names[0])} does. "
        "The slice shows it."
    )


def _keep_known(key: str, options: object, *, several: bool = False) -> None:
    """Forget a choice that another study or filter does not offer."""
    if key not in st.session_state:
        return
    value = st.session_state[key]
    if several:
        kept = [item for item in value if item in options]  # type: ignore[operator]
        if kept != list(value):
            st.session_state[key] = kept
        if value and not kept:
            del st.session_state[key]
    elif value not in options:  # type: ignore[operator]
        del st.session_state[key]


def _watch(study: str, seen: data.Counts) -> None:
    """While a study runs: offer the newer trials, without moving the chart under the reader's eyes."""
    with shared.database_errors(retry=False):
        now = data.counts(data.samples().shape(study))
        if now == seen:  # in the place of what follows, which then moves nothing
            st.button(
                "The run goes on; this is its newest", key="analysis_newest", icon=":material/check:", type="tertiary",
                disabled=True,
            )  # fmt: skip
            return
        ended = sum(n for state, n in now if state not in ("running", "waiting"))
        ended -= sum(n for state, n in seen if state not in ("running", "waiting"))
        said = f"{formats.plural(ended, 'trial')} ended since" if ended > 0 else "The study has changed since"
        if st.button(f"{said}: show the newest", key="analysis_refresh", icon=":material/refresh:", type="tertiary"):
            st.rerun()


def _history(request: Request) -> Answer:
    attributes = (request.target.key,) if request.target.objective is None else ()
    return over_trials.history(request, data.columns(request.study, request.shape, attributes))


def _importance(request: Request) -> Answer:
    return importances.bars(data.importances(request.study, request.shape, request.target), request)


def _importance_over_time(request: Request) -> Answer:
    points = data.importances_over_time(request.study, request.shape, request.target)
    return importances.lines(points, data.importances(request.study, request.shape, request.target), request)


def _leaderboard(request: Request) -> Answer:
    ended = data.sample(request.study, request.shape, ("pruned", "fail")).trials
    return leaders.draw(request, [trial for trial in ended if is_lost(trial)])


def _front(request: Request) -> Answer:
    every = data.columns(request.study, request.shape, (ACCURACY, HEALTH, PARAMETERS_KEY))
    return fronts.draw(request, every)


_BUILDERS: dict[str, Callable[[Request], Answer]] = {
    "history": _history,
    "importance": _importance,
    "importance-over-time": _importance_over_time,
    "parallel": parallel.draw,
    "slice": of_parameters.parameter_slice,
    "contour": of_parameters.contour,
    "surface": of_parameters.landscape,
    "timeline": over_trials.timeline,
    "pareto": _front,
    "duration": over_trials.duration,
    leaders.KEY: _leaderboard,
}
