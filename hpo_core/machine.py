"""This machine: how many trials it can train at once, and with how many threads each."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass

import psutil

from hpo_core.errors import UsageError

# A training process holds TensorFlow (some 500 MB), its data and its model.
WORKER_BYTES = 1_500_000_000
MIB = 2**20


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


@dataclass(frozen=True)
class Usage:
    """How busy this machine is.

    Attributes:
        memory_bytes, total_bytes: in use, and there.
        cores: that work for all programs of the machine.
        gpus: share and memory of each GPU; empty where there is none.
        received_bytes, sent_bytes: over all network cards since the machine was started.
        busy_s, counted_s: seconds of all cores together since the machine was started: that they worked, and in all.
        at: seconds of a clock that only grows.
    """

    memory_bytes: int
    total_bytes: int
    cores: int = 1
    gpus: tuple[GpuUsage, ...] = ()
    received_bytes: int = 0
    sent_bytes: int = 0
    busy_s: float = 0.0
    counted_s: float = 0.0
    at: float = 0.0

    @classmethod
    def now(cls) -> Usage:
        memory, network = psutil.virtual_memory(), psutil.net_io_counters()
        busy_s, counted_s = _processor_seconds()
        return cls(
            memory_bytes=memory.total - memory.available,
            total_bytes=memory.total,
            cores=os.cpu_count() or 1,
            gpus=_gpu_usage(),
            received_bytes=network.bytes_recv if network else 0,  # None where there is no card
            sent_bytes=network.bytes_sent if network else 0,
            busy_s=busy_s,
            counted_s=counted_s,
            at=time.monotonic(),
        )

    def processor_since(self, before: Usage) -> float | None:
        """Share of all cores that worked since an earlier reading, 0 to 1; None where no time has passed."""
        counted_s = self.counted_s - before.counted_s
        return min(max(0.0, (self.busy_s - before.busy_s) / counted_s), 1.0) if counted_s > 0 else None

    def traffic_since(self, before: Usage) -> tuple[float, float] | None:
        """Bytes received and sent in a second since an earlier reading; None where no time has passed."""
        seconds = self.at - before.at
        if seconds <= 0:
            return None
        received, sent = self.received_bytes - before.received_bytes, self.sent_bytes - before.sent_bytes
        return max(0, received) / seconds, max(0, sent) / seconds  # a card that went away takes its count along


def _processor_seconds() -> tuple[float, float]:
    """Seconds of all cores since the machine was started: at work, and in all.

    psutil's own share remembers the reading before for each thread, and a page is drawn by another one every time.
    """
    times = psutil.cpu_times()._asdict()
    in_all = sum(times.values()) - times.get("guest", 0.0) - times.get("guest_nice", 0.0)  # counted as the user's too
    return in_all - times["idle"] - times.get("iowait", 0.0), in_all


@dataclass(frozen=True)
class GpuUsage:
    """One GPU: share of the time it works, 0 to 1, and its memory."""

    share: float
    memory_bytes: int
    total_bytes: int


def parse_gpu_usage(text: str) -> tuple[GpuUsage, ...]:
    """From nvidia-smi's lines 'per cent, MiB in use, MiB there'; one that cannot be read is left out."""
    found = []
    for line in text.splitlines():
        try:
            share, used, total = (float(part) for part in line.split(","))
        except ValueError:
            continue  # "[N/A]", where the driver does not tell
        found.append(GpuUsage(share / 100, int(used * MIB), int(total * MIB)))
    return tuple(found)


def _gpu_usage() -> tuple[GpuUsage, ...]:
    query = "--query-gpu=utilization.gpu,memory.used,memory.total"
    return parse_gpu_usage(told_by_driver(query, "--format=csv,noheader,nounits", timeout_s=5))


def told_by_driver(*words: str, timeout_s: float = 20) -> str:
    """What nvidia-smi prints; '' where there is none, and where it fails or hangs, as it does when a card is lost."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ""
    try:
        told = subprocess.run([command, *words], capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout if told.returncode == 0 else ""


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _gpus() -> int:
    """GPUs as the NVIDIA driver lists them; asking TensorFlow would load it into this process."""
    return sum(line.startswith("GPU ") for line in told_by_driver("-L").splitlines())
