"""The panel that sums a run up and starts it."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from datasets import DatasetError
from hpo_core.backends import RUNPOD
from hpo_core.errors import OneginError, UsageError
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.shares import share_of
from pages.parts import expected_cost, formats, shared, words
from storage.errors import StorageError

LOOK_S = 2.0
# Presses within this time of a start are the second half of a double press.
DOUBLE_PRESS_S = 2.0


@contextmanager
def explained() -> Iterator[None]:
    """Show what cannot be used in place: the field, its value and the fix."""
    try:
        yield
    except UsageError as error:
        fix = f" {error.fix[0].upper()}{error.fix[1:]}." if error.fix else ""
        st.error(f"**{formats.label(error.field)}** {error.problem}.{fix}", icon=":material/edit:")
    except (OneginError, DatasetError, StorageError) as error:
        st.error(str(error), icon=":material/error:")


def panel(config: OptimizationConfig) -> None:
    """Draw the summary of a run and the button that starts it; stays up to date by itself."""
    st.fragment(_panel, run_every=LOOK_S, key="start_panel")(config)


def _panel(config: OptimizationConfig) -> None:
    if name := st.session_state.pop("go_to", None):
        st.switch_page("pages/monitor.py", query_params={"study": name})
    with st.container(border=True, key="start_card"), explained():
        workers = share_of(config, shared.machine()).workers
        st.html(f'<div class="summary">{words.summary(config, workers)}</div>')
        epochs = formats.plural(config.max_epochs_per_trial, "epoch")
        share = "" if config.sample_percentage == 100 else f", {config.sample_percentage:g} % of the training part"
        st.html(f'<div class="quiet">Up to {epochs} each{share}. Everything is kept, also when you stop early.</div>')
        if config.backend == RUNPOD:
            st.html(f'<div class="quiet">{expected_cost.sentences(config, workers)}</div>')
        with shared.database_errors(retry=False):
            _button(config)


def _button(config: OptimizationConfig) -> None:
    busy = shared.busy_here(shared.runs().list(limit=20))
    nowhere = config.backend == RUNPOD and not shared.remote().settings.complete
    st.button(
        "Start optimisation", key="start", type="primary", icon=":material/play_arrow:", width="stretch",
        disabled=busy is not None or nowhere, on_click=_start, args=(config,),
    )  # fmt: skip
    if nowhere:
        st.html('<div class="quiet">RunPod is not set up: see “Where trials train”.</div>')
    if busy is not None:
        st.html(f'<div class="quiet">One run trains at a time, and {html.escape(busy.run_name)} is running.</div>')
        st.page_link(
            "pages/monitor.py", label="Watch it in Monitor", icon=":material/monitoring:",
            query_params={"study": busy.run_name},
        )  # fmt: skip
    if error := st.session_state.pop("start_error", None):
        with explained():
            raise error


def _start(config: OptimizationConfig) -> None:
    """Start the run, once for a double press."""
    state, manager = st.session_state, shared.manager()
    name, at = state.get("started", ("", -DOUBLE_PRESS_S))
    if time.monotonic() - at < DOUBLE_PRESS_S or (name and manager.active == name):
        state["go_to"] = name
        return
    try:
        name = manager.start(config, shared.run_settings())
    except (OneginError, DatasetError, StorageError) as error:
        state["start_error"] = error
        return
    state["started"], state["go_to"] = (name, time.monotonic()), name
