"""What a run on RunPod will probably cost, as HTML sentences for the panel that starts it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st

import datasets
from hpo_core.optimization_config import OptimizationConfig
from pages.parts import money, shared
from pages.parts.remote import Source
from storage.jobs import Job

LOOKED_AT = 200
KEEP_S = 10.0


def sentences(config: OptimizationConfig, workers: int) -> str:
    """The price of the time, and what earlier jobs on the same data let one expect. Raises StorageError."""
    title = datasets.dataset_info(config.dataset).title
    told = [money.rate(config, workers), money.estimate(config, money.execution_times(*_earlier(), config), title)]
    if shared.remote().source is Source.TWIN:
        told.append("The twin on this machine costs nothing: this is what RunPod would charge.")
    return "<br>".join(html.escape(sentence) for sentence in told)


@st.cache_data(show_spinner=False, ttl=KEEP_S)
def _earlier() -> tuple[list[Job], dict[str, Mapping[str, Any]]]:
    """The newest jobs, and what their runs were told."""
    jobs, studies = shared.jobs().newest(LOOKED_AT), shared.studies()
    configurations: dict[str, Mapping[str, Any]] = {}
    for name in {job.run_name for job in jobs}:
        config = studies.attributes(name).get("configuration") if studies.exists(name) else None
        configurations[name] = config if isinstance(config, Mapping) else {}
    return jobs, configurations
