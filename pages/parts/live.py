"""The live part of Monitor, drawn anew several times a second while something runs."""

from __future__ import annotations

import html
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from hpo_core.analysis.targets import Target
from pages.parts import (
    carry_on,
    charts,
    figures_of_run,
    formats,
    log_view,
    networks,
    palette,
    refusals,
    resources,
    running,
    shared,
    state,
    waiting_runs,
)
from pages.parts.figures_of_run import RunFigures
from pages.parts.numbers import History
from pages.parts.pace import FASTEST_S
from storage.errors import UnknownRunError
from storage.runs import Run, RunState

# Who stopped a run is not recorded: this window, another one, the command line or the end of the server.
STOPPED = (
    "Stopped before its end. Trials that had ended are kept; “Resume run” makes the others, and new ones in place of "
    "those that were stopped with the run."
)
STOPPED_AT_THE_END = "Stopped after its last trial, before its final model was made: “Resume run” makes it."
# Above this it is said how often the page is drawn.
SLOW_S = 2.5


@dataclass(frozen=True)
class View:
    """What the page showed when it was drawn as a whole.

    Attributes:
        study: the study shown, None where there is none yet.
        active: name of the run that was waiting or running.
        fastest, every: seconds between two drawings: that are useful, and that there are.
    """

    study: str | None
    active: str | None
    fastest: float = FASTEST_S
    every: float = FASTEST_S


def draw(view: View) -> None:
    """Draw a study as it stands; asks for the whole page where another run has begun or ended, or the pace is wrong."""
    pace = shared.pace()
    with pace.drawing(shared.visitor()):
        running.tell_of_what_had_ended()
        _draw(view)
    if view.every > SLOW_S:
        pages = formats.plural(pace.pages, "page")
        st.html(f'<div class="quiet">Updated every {view.every:.0f} s, because {pages} of this kind are open.</div>')
    if pace.interval_s(view.every, view.fastest) != view.every:
        st.rerun()


def _draw(view: View) -> None:
    with shared.database_errors(retry=False):
        active = shared.active_run()
        if (active.run_name if active else None) != view.active:
            st.rerun()
        if view.study is None:
            _nothing_yet()
            return
        figures = figures_of_run.read(view.study)
        if figures.run is None and figures.summary is None:
            raise UnknownRunError(view.study)
        _another_run(view, active)
        _head(figures)
        running.tiles(figures)
        running.progress(figures)
        resources.draw(figures)
        running.trials(figures)
        waiting_runs.draw()
        networks.draw_best(figures)
        _chart(figures)
        running.failures(figures)
        if figures.run is not None:
            log_view.draw(view.study, expanded=True)


def _nothing_yet() -> None:
    with st.container(border=True, key="empty"):
        st.subheader("No run yet", anchor=False)
        st.write(
            "Here you will see each network while it trains: its epochs, its accuracy, and how the best one gets "
            "better. A run that is started on the command line appears here too."
        )
        if st.button("Start a first run", key="to_optimize", type="primary", icon=":material/tune:"):
            st.switch_page("pages/optimize.py")


def _another_run(view: View, active: Run | None) -> None:
    if active is None or active.run_name == view.study:
        return
    with st.container(border=True, key="another", horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{active.run_name}** is running now.")
        if st.button("Show it", key="show_active", icon=":material/visibility:"):
            st.switch_page("pages/monitor.py", query_params={"study": active.run_name})


def _head(figures: RunFigures) -> None:
    """Name, state, what to do about it, and the button that stops the run."""
    run = figures.run
    with st.container(key="run_head", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        badge = state.run_badge(run) if run else state.badge("made outside Onegin", palette.WAITING)
        st.html(
            f'<div class="run-line">{badge}<span class="quiet">{html.escape(figures.description)}</span></div>',
            width="content",
        )
        if run is not None and not run.state.is_final:
            st.button(
                "Stopping" if run.cancel_requested else "Stop run", key="cancel", icon=":material/stop:",
                disabled=run.cancel_requested, on_click=waiting_runs.cancel, args=(run.run_name,),
            )  # fmt: skip
        elif run is not None:
            carry_on.draw(figures, run)
    if figures.note:
        st.html(f'<div class="quiet">{html.escape(figures.note)}</div>')
    if error := refusals.of("cancel"):
        st.error(f"The run could not be asked to stop. {error}", icon=":material/error:")
    if run is not None:
        carry_on.say_error(run.run_name)
    _message(figures)


def _message(figures: RunFigures) -> None:
    run, can_resume = figures.run, bool(figures.config)
    if run is None:
        return
    if run.state is RunState.CANCELLED and can_resume:
        st.info(STOPPED_AT_THE_END if carry_on.lacks_only_its_model(figures) else STOPPED, icon=":material/info:")
        return
    if not run.message:
        return
    text = run.message[0].upper() + run.message[1:]
    if run.state is RunState.FAILED:
        again = "resume the run or start it again in Optimize" if can_resume else "start it again in Optimize"
        kept = "Trials that had ended are kept. " if figures.ended else ""
        st.error(
            f"**This run failed.** {text}. {kept}Correct what the message names, then {again}; the log below says what "
            "happened before.",
            icon=":material/error:",
        )
    elif run.state is RunState.INTERRUPTED:
        st.warning(f"**This run was interrupted.** {text}. Its finished trials are kept.", icon=":material/power_off:")
    else:
        st.info(f"{text}.", icon=":material/info:")


def _chart(figures: RunFigures) -> None:
    with st.container(border=True, key="chart"):
        st.subheader("Best so far", anchor=False)
        if figures.objectives > 1:
            st.html(
                f'<div class="quiet">With {figures.objectives} objectives no trial is the best in everything.</div>'
            )
            st.page_link(
                "pages/analysis.py", label="The trials that no other one beats", icon=":material/query_stats:",
                query_params={"study": figures.name, "chart": "pareto"},
            )  # fmt: skip
            return
        if not figures.history.numbers:
            first = "The first point appears with the first complete trial."
            ended = f": {figures.ended_otherwise}." if figures.ended_otherwise else "."
            expected = f"No trial was trained to its end{ended}" if figures.is_over else first
            st.html(f'<div class="quiet">{expected}</div>')
            return
        figure = _figure(figures.name, len(figures.history.numbers), figures.score, figures.history)
        st.plotly_chart(figure, key="best_so_far", config=charts.QUIET_CHART)
        if figures.ended_otherwise:
            st.html(
                f'<div class="quiet">Only complete trials have a dot. Without one: {figures.ended_otherwise}.</div>'
            )
        st.page_link(
            "pages/trials.py", label="All trials of this run", icon=":material/view_list:",
            query_params={"study": figures.name},
        )  # fmt: skip


@st.cache_resource(show_spinner=False, max_entries=16)
def _figure(name: str, points: int, score: Target, _history: History) -> go.Figure:
    """The chart, made again when there is a point more."""
    return charts.draw_history(_history, score)
