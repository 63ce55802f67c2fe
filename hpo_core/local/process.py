"""One training process, seen from its parent."""

from __future__ import annotations

import json
from dataclasses import dataclass

import psutil

from hpo_core.local.child import ChildProcess
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig

MODULE = "hpo_core.training.worker"


@dataclass(frozen=True)
class ProcessSpec:
    """What a training process is started with; a process serves only trials with the same.

    Attributes:
        threads: processor threads of its TensorFlow.
        gpus: numbers of the graphics processors that it sees, which are the devices of its trials; empty for none.
        logical_devices: as how many devices the processor shows itself, to train on several without a GPU; None for
            one.
    """

    threads: int
    gpus: tuple[int, ...] = ()
    logical_devices: int | None = None


class TrainingProcess(ChildProcess):
    """A child that trains one configuration after another."""

    def __init__(self, spec: ProcessSpec, settings: Settings, module: str = MODULE) -> None:
        self.spec = spec
        arguments = ["--threads", str(spec.threads), "--cache-dir", str(settings.cache_dir)]
        if settings.datasets_dir is not None:
            arguments += ["--datasets-dir", str(settings.datasets_dir)]
        if spec.logical_devices is not None:
            arguments += ["--logical-devices", str(spec.logical_devices)]
        super().__init__(module, arguments, _environment(spec), "training process")

    def train(self, config: TrialConfig) -> None:
        self._send({"train": config.to_json()})

    def stop(self) -> None:
        """Ask the running training to end; the process says so with a record and can be used again."""
        self._send({"stop": True})

    def memory_bytes(self) -> int:
        """Resident memory; 0 when the process has gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _send(self, command: dict[str, object]) -> None:
        try:
            self.send(json.dumps(command))
        except (BrokenPipeError, ValueError):
            return  # the process has gone, which `receive` tells


def _environment(spec: ProcessSpec) -> dict[str, str]:
    return {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": str(spec.threads),
        "CUDA_VISIBLE_DEVICES": ",".join(str(gpu) for gpu in spec.gpus) or "-1",
    }
