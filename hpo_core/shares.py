"""What each trial of a run gets: how many run at once, with how many threads and devices."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hpo_core.backends import RUNPOD
from hpo_core.errors import UsageError
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.settings import Settings

# A new RunPod endpoint has three workers; each has at least these processor threads.
REMOTE_WORKERS, REMOTE_THREADS = 3, 2
# Replicas of a remote trial whose worker takes all its GPUs.
ALL = 0


@dataclass(frozen=True)
class Share:
    """Trials at once, and what each has.

    Attributes:
        workers: trials at once.
        threads: processor threads of each training.
        replicas: devices that share each batch; 0 for all that a remote worker has.
    """

    workers: int
    threads: int
    replicas: int


def share_of(config: OptimizationConfig, machine: Machine) -> Share:
    """What the configuration asks for, completed with what suits the machine.

    Raises:
        UsageError: more workers or GPUs than there are.
    """
    if config.backend == RUNPOD:
        if config.scale_batch and config.gpus_per_worker is None:
            raise UsageError(
                "scale_batch", "must know how many GPUs a worker of the endpoint has",
                "write gpus_per_worker=2, or what the endpoint has",
            )  # fmt: skip
        workers = config.workers or REMOTE_WORKERS
        return Share(workers, config.threads or REMOTE_THREADS, config.gpus_per_worker or ALL)
    workers = machine.workers(config.workers)
    replicas = config.gpus_per_worker or max(1, machine.gpus // workers)
    if replicas > max(1, machine.gpus):
        raise UsageError(
            "gpus_per_worker", f"must be at most {max(1, machine.gpus)}, what this machine has, got {replicas}",
            "leave it out",
        )  # fmt: skip
    return Share(workers, config.threads or machine.threads(workers), replicas)


def require_variables(config: OptimizationConfig, settings: Settings) -> None:
    """Raises UsageError where trials shall go to RunPod and nothing usable says to which endpoint."""
    if config.backend != RUNPOD:
        return
    if "@" in settings.runpod.base_url.partition("//")[2].partition("/")[0]:
        raise UsageError(
            "RUNPOD_ENDPOINT_BASE_URL", "must hold no user and password: addresses are shown and kept",
            "take them out; RUNPOD_API_KEY is what signs",
        )  # fmt: skip
    if not re.match(r"https?://[^/]", settings.runpod.base_url):
        raise UsageError(
            "RUNPOD_ENDPOINT_BASE_URL", f"must be an address such as https://..., got {settings.runpod.base_url!r}",
            "correct it, or leave it out for RunPod's own",
        )  # fmt: skip
    if not settings.runpod.complete:
        name = "RUNPOD_ENDPOINT_ID" if settings.runpod.api_key else "RUNPOD_API_KEY"
        raise UsageError(name, "must be set for backend=runpod", "set it, or write backend=local")
