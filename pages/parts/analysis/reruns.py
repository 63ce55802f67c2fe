"""Where a leaderboard comes from: training the best configurations of a study again with several seeds."""

from __future__ import annotations

import html
import time
from collections.abc import Mapping

import streamlit as st

from datasets import DatasetError
from hpo_core.backends import RUNPOD
from hpo_core.errors import OneginError
from hpo_core.reruns import SEEDS, TOP, rerun_config, title_of
from pages.parts import formats, refusals, shared
from pages.parts.launch import DOUBLE_PRESS_S, say
from storage.errors import StorageError

MOST_TOP, MOST_SEEDS = 20, 20


def draw(study: str) -> None:
    """Links between a study and its reruns, and the form that starts one."""
    configuration = shared.studies().attributes(study).get("configuration")
    if not isinstance(configuration, Mapping):
        st.html('<div class="quiet">Only configurations of runs that were made here can be trained again.</div>')
        return
    if origin := configuration.get("rerun_of"):
        _link(f"Where these configurations come from: {origin}", str(origin), "origin")
        return
    for name in shared.studies().names():
        if name.startswith(title_of(study)) and _is_rerun(name, study):
            _link(f"Trained again in {name}", name, name)
    with st.container(border=True, key="rerun_card"):
        st.subheader("Train the best again", anchor=False)
        with st.container(horizontal=True, vertical_alignment="bottom", key="rerun_form"):
            top = st.number_input("Configurations", 1, MOST_TOP, TOP, key="rerun_top", width=160)
            seeds = st.number_input(
                "Seeds of each", 2, MOST_SEEDS, SEEDS, key="rerun_seeds", width=160,
                help="Each seed has other first weights and another order of the samples. Few seeds only show large "
                "differences; five are a good start.",
            )  # fmt: skip
        st.html(f'<div class="quiet">{html.escape(_what(configuration, int(top) * int(seeds)))}</div>')
        reason = _why_not(configuration)
        st.button(
            "Start", key="rerun_start", type="primary", icon=":material/leaderboard:", disabled=bool(reason),
            on_click=_start, args=(study, int(top), int(seeds)),
        )  # fmt: skip
        if reason:
            st.html(f'<div class="quiet">{html.escape(reason)}</div>')
        if error := refusals.of("rerun", study):
            say(error)
    if name := st.session_state.pop("rerun_started", None):
        st.switch_page("pages/monitor.py", query_params={"study": name})


def _is_rerun(name: str, study: str) -> bool:
    configuration = shared.studies().attributes(name).get("configuration")
    return isinstance(configuration, Mapping) and configuration.get("rerun_of") == study


def _what(configuration: Mapping[str, object], trainings: int) -> str:
    epochs = configuration.get("max_epochs_per_trial")
    length = f" of up to {formats.plural(epochs, 'epoch')}" if isinstance(epochs, int) else ""
    busy = shared.busy_here()
    turn = f" It waits its turn: {busy.run_name} is running." if busy else ""
    return f"{formats.plural(trainings, 'training')}{length}, as a run of its own on the same data.{turn}"


def _why_not(configuration: Mapping[str, object]) -> str:
    if configuration.get("backend") == RUNPOD and not shared.remote().settings.complete:
        return "This run trains on RunPod, which is not set up: see “Where trials train” in Optimize."
    return ""


def _link(label: str, study: str, key: str) -> None:
    with st.container(key=f"rerun_{key}"):
        st.page_link(
            "pages/analysis.py", label=formats.as_markdown(label), icon=":material/leaderboard:",
            query_params={"study": study, "chart": "leaderboard"},
        )  # fmt: skip


def _start(study: str, top: int, seeds: int) -> None:
    state = st.session_state
    if time.monotonic() - state.get("rerun_at", -DOUBLE_PRESS_S) < DOUBLE_PRESS_S:
        return  # the second half of a double press
    refusals.forget("rerun")
    try:
        config = rerun_config(shared.studies(), study, top, seeds)
        state["rerun_started"] = shared.manager().start(config, shared.run_settings(), shared.visitor())
    except (OneginError, DatasetError, StorageError) as error:
        refusals.keep("rerun", error, study)
        return
    state["rerun_at"] = time.monotonic()
