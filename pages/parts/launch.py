"""The panel that sums a run up and starts it."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping

import streamlit as st

import datasets
from datasets import DatasetError
from hpo_core.analysis.association import FEWEST
from hpo_core.backends import RUNPOD
from hpo_core.errors import OneginError, UsageError
from hpo_core.optimization_config import OptimizationConfig
from pages.parts import expected_cost, expected_time, formats, refusals, shared, sharing, space_editor, tour, words
from pages.parts.checked import Checked
from storage.errors import NameTakenError, StorageError

LOOK_S = 2.0
# Presses within this time of a start are the second half of a double press.
DOUBLE_PRESS_S = 2.0


def say(error: Exception) -> None:
    """Show what cannot be used: the field, its value and the fix."""
    if isinstance(error, UsageError):
        st.error(formats.plain(words.refusal(error)), icon=":material/error:")
    else:
        where = f" The name is set in “{sharing.TITLE}”." if isinstance(error, NameTakenError) else ""
        st.error(formats.plain(formats.sentence(words.in_form(str(error))) + where), icon=":material/error:")


def panel(checked: Checked, values: Mapping[str, object]) -> None:
    """Draw the summary of a run and the button that starts it; stays up to date by itself.

    Args:
        checked: what came of the form.
        values: of the form, for what can be said of it although it is not valid.
    """
    st.fragment(_panel, run_every=LOOK_S, key="start_panel")(checked, values)


def _panel(checked: Checked, values: Mapping[str, object]) -> None:
    if name := st.session_state.pop("go_to", None):
        st.switch_page("pages/monitor.py", query_params=tour.carried() | {"study": name})
    with st.container(border=True, key="start_card"):
        if checked.config is not None:
            with shared.database_errors(retry=False):
                _summary(checked.config, checked)
        else:
            title = datasets.dataset_info(str(values["dataset"])).title
            st.html(f'<div class="summary">A run on {html.escape(title)}</div>')
        if checked.problem is not None:
            say(checked.problem)
        with shared.database_errors(retry=False):
            _button(checked.config, "Train this network" if checked.is_one_training else "Start optimisation")


def _summary(config: OptimizationConfig, checked: Checked) -> None:
    """What will be done, by what it is judged, how long it may take and what it may cost."""
    expected_s = expected_time.seconds(config, checked.workers)
    about = f", about {formats.about(expected_s)}" if expected_s is not None else ""
    st.html(f'<div class="summary">{html.escape(words.summary(config, checked.workers) + about)}</div>')
    epochs = formats.plural(config.max_epochs_per_trial, "epoch")
    share = "" if config.sample_percentage == 100 else f", {config.sample_percentage:g} % of the training part"
    each = "" if config.trials == 1 else " each"
    lines = [f"Up to {epochs}{each}{share}. Everything is kept, also when you stop early."]
    lines.append(f"{html.escape(words.formula(config.as_dict()).capitalize())}.")
    if checked.space is not None:
        lines.append(space_editor.size(checked.space, once=checked.is_one_training))
    if 1 < config.trials < FEWEST and config.rerun_of is None:
        lines.append(f"Analysis can tell which hyperparameter matters from {FEWEST} complete trials on.")
    if about:
        lines.append("The time is judged by those earlier runs on these data here that were most like this one.")
    if config.backend == RUNPOD:
        lines.append(expected_cost.sentences(config, checked.workers))
    st.html("".join(f'<div class="quiet">{line}</div>' for line in lines))


def _button(config: OptimizationConfig | None, label: str) -> None:
    busy = shared.busy_here()
    nowhere = config is not None and config.backend == RUNPOD and not shared.remote().settings.complete
    st.button(
        label if busy is None else "Add to the queue", key="start", type="primary",
        icon=":material/play_arrow:" if busy is None else ":material/playlist_add:", width="stretch",
        disabled=config is None or nowhere, on_click=start, args=(config, busy is not None),
    )  # fmt: skip
    if config is None:
        st.html('<div class="quiet">Correct the entry that is marked; then the run can start.</div>')
    if nowhere:
        st.html('<div class="quiet">RunPod is not set up: see “Where it runs”.</div>')
    if busy is not None:
        st.html(
            f'<div class="quiet">One run trains at a time, and {html.escape(busy.run_name)} is running: this one waits '
            "its turn.</div>"
        )
        st.page_link(
            "pages/monitor.py", label="Watch it in Monitor", icon=":material/monitoring:",
            query_params={"study": busy.run_name},
        )  # fmt: skip
    # Of the run, or of the single trial that the form offers too.
    for asked in (config, config.one_trial()) if config is not None else ():
        if error := refusals.of("start", asked):
            say(error)


def start(config: OptimizationConfig, may_wait: bool = False) -> None:
    """Start the run, once for a double press; the panel then leads to Monitor, or says why not.

    Args:
        config: of the run.
        may_wait: whether the visitor knows that another run trains, and wants this one to wait its turn.
    """
    state, manager = st.session_state, shared.manager()
    name, at = state.get("started", ("", -DOUBLE_PRESS_S))
    if time.monotonic() - at < DOUBLE_PRESS_S or (not may_wait and name and manager.active == name):
        state["go_to"] = name
        return
    refusals.forget("start")
    try:
        name = manager.start(config, shared.run_settings(), shared.visitor())
    except (OneginError, DatasetError, StorageError) as error:
        refusals.keep("start", error, config)
        return
    state["started"], state["go_to"] = (name, time.monotonic()), name
