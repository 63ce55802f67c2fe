"""What a run on RunPod will probably cost, as HTML sentences for the panel that starts it."""

from __future__ import annotations

import html

import streamlit as st

import datasets
from hpo_core.optimization_config import OptimizationConfig
from pages.parts import money, shared
from pages.parts.remote import Source

LOOKED_AT = 200
KEEP_S = 10.0


def sentences(config: OptimizationConfig, workers: int) -> str:
    """The price of the time, and what earlier jobs on the same data let one expect. Raises StorageError."""
    title = datasets.dataset_info(config.dataset).title
    told = [money.rate(config, workers), money.estimate(config, _earlier(config.dataset), title)]
    if shared.remote().source is Source.TWIN:
        told.append("The twin on this machine costs nothing: this is what RunPod would charge.")
    return "<br>".join(html.escape(sentence) for sentence in told)


@st.cache_data(show_spinner=False, ttl=KEEP_S)
def _earlier(dataset: str) -> list[float]:
    jobs, studies = shared.jobs().newest(LOOKED_AT), shared.studies()
    dataset_of: dict[str, object] = {}
    for name in {job.run_name for job in jobs}:
        config = studies.attributes(name).get("configuration") if studies.exists(name) else None
        dataset_of[name] = config.get("dataset") if isinstance(config, dict) else None
    return money.execution_times(jobs, dataset_of, dataset)
