"""Models: the final model of each run, with its test, its files and its card."""

from __future__ import annotations

import streamlit as st

from pages.parts import final_models, frame, model_view, shared
from pages.parts.study_choice import PARAMETER, choose_study
from storage.errors import StorageError, UnknownRunError
from storage.runs import Run, RunState

WATCH_S = 2.0


def _page() -> None:
    frame.heading(
        "Models", "The best network of a run, trained again on all samples its trials used, tested once on others."
    )
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        folder = shared.settings().results_dir
        finished = final_models.with_model(folder, names)
        active = shared.active_run()
        options = _options(names, finished, active)
        if not options:
            model_view.nothing_yet(has_runs=bool(names))
            return
        study = choose_study(options, known, None, "models")
        try:
            model = final_models.read(folder, study)
        except ValueError as error:
            st.error(f"{error}. The files in its folder are untouched.", icon=":material/error:")
            return
        if model is not None:
            model_view.draw(study, model)
        else:
            _none(study, bool(names))
            model_view.draw_run_files(study)
        run = next((run for run in known if run.run_name == study), None)
        if run is not None and not run.state.is_final:
            st.fragment(_watch, run_every=WATCH_S, key="watch")(study, _stage(run))


def _stage(run: Run) -> tuple[RunState, bool]:
    """How far a run is: its state, and whether its final model is being made."""
    return run.state, final_models.is_being_built(shared.progress(run.run_name).read())


def _watch(study: str, before: tuple[RunState, bool]) -> None:
    """Draw the page anew when the search or the run is over."""
    try:
        now = _stage(shared.runs().get(study))
    except StorageError:
        st.rerun()  # the page says what is wrong
    if now != before:
        st.rerun()


def _options(names: list[str], finished: list[str], active: Run | None) -> list[str]:
    """Studies to choose from: the one asked for or the one that builds a model now, those with one, then the others."""
    first = [name for name in (st.query_params.get(PARAMETER), active.run_name if active else None) if name in names]
    running = [name for name in first[:1] if name not in finished]
    first = [*running, *finished]
    return [*first, *(name for name in names if name not in first)]


def _none(study: str, has_runs: bool) -> None:
    """Say why a run has no final model."""
    try:
        run: Run | None = shared.runs().get(study)
    except UnknownRunError:
        run = None
    running = shared.progress(study).read()
    # The rows of a runner that died stay until somebody cancels the run.
    if run is not None and not run.state.is_final and final_models.is_being_built(running):
        model_view.draw_building(study, running)
        return
    studies = shared.studies()
    exists = studies.exists(study)
    attributes = studies.attributes(study) if exists else {}
    summary = studies.summary(study) if exists else None
    complete = summary.n("complete") if summary is not None else 0
    st.info(final_models.why_none(run, attributes, complete), icon=":material/deployed_code:")
    searching = study if run is not None and not run.state.is_final else None
    stopped = study if final_models.can_be_resumed(run, attributes) else None
    best = (study, summary.best_trial) if run is not None and summary and summary.best_trial is not None else None
    model_view.nothing_yet(has_runs=has_runs, searching=searching, stopped=stopped, best=best)


_page()
