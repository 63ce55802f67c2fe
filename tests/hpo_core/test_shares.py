"""Tests of what each trial of a run gets."""

from __future__ import annotations

import dataclasses

import pytest

from hpo_core.errors import UsageError
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.settings import RunPodSettings, Settings
from hpo_core.shares import ALL, REMOTE_THREADS, REMOTE_WORKERS, Share, require_variables, share_of

CPU = Machine(cores=4, memory_bytes=64_000_000_000)
GPUS = dataclasses.replace(CPU, gpus=4)


def share(machine: Machine = CPU, **fields: object) -> Share:
    return share_of(OptimizationConfig(**fields), machine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("machine", "fields", "expected"),
    [
        (CPU, {}, Share(4, 1, 1)),
        (CPU, {"workers": 2}, Share(2, 2, 1)),
        (CPU, {"workers": 2, "threads": 3}, Share(2, 3, 1)),
        (GPUS, {}, Share(4, 1, 1)),
        (GPUS, {"workers": 2}, Share(2, 2, 2)),
        (GPUS, {"workers": 3}, Share(3, 1, 1)),
        (GPUS, {"workers": 1, "gpus_per_worker": 3}, Share(1, 4, 3)),
        (CPU, {"workers": 1, "gpus_per_worker": 1}, Share(1, 4, 1)),
    ],
)
def test_of_this_machine(machine: Machine, fields: dict[str, object], expected: Share) -> None:
    assert share(machine, **fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Share(REMOTE_WORKERS, REMOTE_THREADS, ALL)),
        ({"workers": 64, "threads": 8}, Share(64, 8, ALL)),  # more than this machine has cores
        ({"gpus_per_worker": 2, "scale_batch": True}, Share(REMOTE_WORKERS, REMOTE_THREADS, 2)),
    ],
)
def test_on_runpod(fields: dict[str, object], expected: Share) -> None:
    assert share(backend="runpod", **fields) == expected


@pytest.mark.parametrize(("machine", "most"), [(CPU, 1), (GPUS, 4)])
def test_more_gpus_than_there_are(machine: Machine, most: int) -> None:
    with pytest.raises(UsageError, match=f"gpus_per_worker must be at most {most}, .* got 8; leave it out"):
        share(machine, gpus_per_worker=8)


def test_more_workers_than_cores() -> None:
    with pytest.raises(UsageError, match="workers must be at most 4"):
        share(workers=5)


def test_a_batch_cannot_grow_with_an_unknown_number() -> None:
    with pytest.raises(UsageError, match=r"scale_batch must know how many GPUs.*write gpus_per_worker=2"):
        share(backend="runpod", scale_batch=True)


@pytest.mark.parametrize(
    ("fields", "name"),
    [({}, "RUNPOD_API_KEY"), ({"endpoint_id": "e"}, "RUNPOD_API_KEY"), ({"api_key": "k"}, "RUNPOD_ENDPOINT_ID")],
)
def test_a_variable_that_is_missing(settings: Settings, fields: dict[str, str], name: str) -> None:
    incomplete = dataclasses.replace(settings, runpod=RunPodSettings(**fields))
    with pytest.raises(UsageError, match=f"{name} must be set for backend=runpod; set it, or write backend=local"):
        require_variables(OptimizationConfig(backend="runpod"), incomplete)


@pytest.mark.parametrize("address", ["ftp://x", "localhost:8765", "https://", "https:///v2"])
def test_an_address_that_is_none(settings: Settings, address: str) -> None:
    wrong = dataclasses.replace(settings, runpod=RunPodSettings(api_key="k", endpoint_id="e", base_url=address))
    with pytest.raises(UsageError, match=rf"RUNPOD_ENDPOINT_BASE_URL must be an address such as .*got '{address}'"):
        require_variables(OptimizationConfig(backend="runpod"), wrong)
    require_variables(OptimizationConfig(), wrong)


def test_no_variable_is_missing(settings: Settings) -> None:
    require_variables(OptimizationConfig(), settings)
    whole = dataclasses.replace(settings, runpod=RunPodSettings(api_key="k", endpoint_id="e"))
    require_variables(OptimizationConfig(backend="runpod"), whole)
