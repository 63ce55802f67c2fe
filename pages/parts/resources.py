"""What a run takes of the machine while it trains: processor, memory, GPUs; of remote workers what they tell."""

from __future__ import annotations

import socket

import streamlit as st

from hpo_core.machine import Usage
from pages.parts import formats, reading
from pages.parts.figures_of_run import RunFigures

# A reading is about the time since the one before; all open pages share it.
SHARED_S = 2.0
# A mean over a longer time says nothing about now.
LONG_S = 60.0
MEGABYTE = 10**6
GPU = "GPU"


def draw(figures: RunFigures) -> None:
    """One row of figures; nothing for a run that does not train."""
    run = figures.run
    if run is None or run.state.is_final or not figures.running:
        return
    facts = []
    if run.owner.startswith(f"{socket.gethostname()}:"):
        facts += of_machine(*_readings())
    held = [trial.memory_mb for trial in figures.running if trial.memory_mb is not None]
    used = [trial.processor_percent for trial in figures.running if trial.processor_percent is not None]
    # One that has just begun has not told yet.
    training = "training" if len(used) == len(figures.running) else f"{len(used)} of {len(figures.running)} trainings"
    if used:
        facts.append((f"{training}, processor", f"{sum(used) / 100:.1f} cores"))
    if held:
        facts.append((f"{training}, memory", formats.file_size(int(sum(held) * MEGABYTE))))
    if facts:
        cells = "".join(f"<span><small>{name}</small>{value}</span>" for name, value in facts)
        st.html(f'<div class="facts resources">{cells}</div>')
        reading.of_resources(gpu=any(name.startswith(GPU) for name, _ in facts))


def of_machine(usage: Usage, before: Usage | None = None) -> list[tuple[str, str]]:
    """The figures of this machine, by name; what is a mean since an earlier reading, where there is one."""
    facts = []
    if before is not None and (share := usage.processor_since(before)) is not None:
        # In cores, as the trainings' part of it is told.
        facts.append(("machine, processor", f"{share * usage.cores:.1f} of {formats.plural(usage.cores, 'core')}"))
    facts.append(("machine, memory", f"{_gigabytes(usage.memory_bytes)} of {_gigabytes(usage.total_bytes)} GB"))
    for number, gpu in enumerate(usage.gpus):
        memory = f"{_gigabytes(gpu.memory_bytes)} of {_gigabytes(gpu.total_bytes)} GB"
        facts.append((f"{GPU} {number}", f"{gpu.share * 100:.0f} %, {memory}"))
    if before is not None and (traffic := usage.traffic_since(before)) is not None:
        received, sent = (formats.file_size(int(rate)) for rate in traffic)
        facts.append(("data, in and out", f"{received}/s, {sent}/s"))
    return facts


@st.cache_data(show_spinner=False, ttl=SHARED_S, max_entries=1)
def _readings() -> tuple[Usage, Usage | None]:
    """The present reading, and the one before where there was one not long ago."""
    kept = _last()
    usage, before = Usage.now(), kept.pop("usage", None)
    kept["usage"] = usage
    return usage, before if before is not None and usage.at - before.at < LONG_S else None


@st.cache_resource(show_spinner=False)
def _last() -> dict[str, Usage]:
    return {}


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f}"
