"""This machine: how many trials it can train at once, and with how many threads each."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

import psutil

from hpo_core.errors import UsageError

# A training process holds TensorFlow (some 500 MB), its data and its model.
WORKER_BYTES = 1_500_000_000


@dataclass(frozen=True)
class Machine:
    """What trials share.

    Attributes:
        cores: processor cores this process may use.
        memory_bytes: memory that is free for trials.
        gpus: graphics processors that TensorFlow could use.
    """

    cores: int
    memory_bytes: int
    gpus: int = 0

    @classmethod
    def detect(cls) -> Machine:
        return cls(cores=_cores(), memory_bytes=psutil.virtual_memory().available, gpus=_gpus())

    @property
    def default_workers(self) -> int:
        """One per GPU where there are any, else one per core, as far as the memory reaches; at least one."""
        wanted = self.gpus or self.cores
        return max(1, min(wanted, self.memory_bytes // WORKER_BYTES))

    def workers(self, asked: int | None) -> int:
        """The number of trials at once. Raises UsageError for more than there are cores."""
        if asked is None:
            return self.default_workers
        if asked > self.cores:
            raise UsageError(
                "workers", f"must be at most {self.cores}, the cores of this machine, got {asked}",
                f"write workers={self.cores}",
            )  # fmt: skip
        return asked

    def threads(self, workers: int) -> int:
        """Processor threads for each of `workers` training processes."""
        return max(1, self.cores // workers)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _gpus() -> int:
    """GPUs as the NVIDIA driver lists them; asking TensorFlow would load it into this process."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return 0
    listed = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=20, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0
