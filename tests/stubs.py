"""What tests put in the place of real training: scripted records, without a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from hpo_core.parameters import Architecture, Value, defaults
from hpo_core.records import Batch, Epoch, Finished, Record, Started, Tick
from hpo_core.trial_config import TrialConfig


def make_config(dataset: str = "digits", **changes: Value) -> TrialConfig:
    """A complete configuration: declared defaults, and `changes` among the hyperparameters."""
    from datasets import dataset_info

    architecture = Architecture(dataset_info(dataset).architecture)
    return TrialConfig(
        dataset=dataset,
        architecture=architecture,
        seed=7,
        split_seed=7,
        sample_percentage=100.0,
        validation_split=0.2,
        test_split=0.2,
        threads=1,
        replicas=1,
        hyperparameters=defaults(architecture) | changes,
    )


def epoch(number: int, epochs: int, accuracy: float = 0.9, loss: float | None = 0.5) -> Epoch:
    return Epoch(
        epoch=number,
        epochs=epochs,
        loss=loss,
        accuracy=accuracy,
        validation_loss=loss,
        validation_accuracy=accuracy,
        validation_f1=accuracy - 0.01,
        validation_top5=min(1.0, accuracy + 0.05),
        learning_rate=0.001,
        seconds=0.1,
    )


def records_of(config: TrialConfig, accuracy: float = 0.9) -> list[Record]:
    """A whole training without any trouble; its accuracy grows to `accuracy`."""
    epochs = config.number("epochs")
    started = Started(layers=[], parameters=10, n_train=100, n_validation=20, process=1)
    middle = [epoch(number, epochs, accuracy * number / epochs) for number in range(1, epochs + 1)]
    batch = Batch(epoch=1, batch=1, batches=2, loss=1.0, accuracy=0.1)
    return [started, batch, *middle, Finished(epochs=epochs, duration_s=0.1)]


class ScriptedTrainer:
    """A `Trainer` that yields what `script` makes of each configuration; an exception in the script is raised.

    Attributes:
        seen: the configurations trained.
        closed: how often an iterator was closed or ran out.
    """

    def __init__(self, script: Callable[[TrialConfig], Sequence[Record | Exception]] = records_of) -> None:
        self._script = script
        self.seen: list[TrialConfig] = []
        self.closed = 0

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        self.seen.append(config)
        try:
            for record in self._script(config):
                if isinstance(record, Exception):
                    raise record
                yield record
        finally:
            self.closed += 1


class EndlessTrainer:
    """A `Trainer` that starts and then only ticks, until it is closed."""

    def __init__(self) -> None:
        self.started = 0
        self.closed = 0

    def __call__(self, config: TrialConfig) -> Iterator[Record]:
        self.started += 1
        try:
            yield Started(layers=[], parameters=10, n_train=100, n_validation=20, process=1)
            while True:
                time.sleep(0.02)
                yield Tick()
        finally:
            self.closed += 1
