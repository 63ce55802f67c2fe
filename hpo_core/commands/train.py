"""`train`: one configuration, without a study."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import datasets
from hpo_core.commands.exit_codes import CANCELLED, FAILED, FINISHED
from hpo_core.errors import TrialFailedError, UsageError, nearest
from hpo_core.formats import count, percent
from hpo_core.layer_plan import trainable_parameters
from hpo_core.local.pool import WorkerPool
from hpo_core.local.process import ProcessSpec
from hpo_core.local.trainer import LocalTrainer
from hpo_core.machine import Machine
from hpo_core.optimization_config import DEFAULTS, OPTIONS, split_words
from hpo_core.parameters import PARAMETERS, Architecture, defaults, parameters_of, text
from hpo_core.records import Epoch, Failed, Phase, Started
from hpo_core.settings import Settings
from hpo_core.trial_config import TrialConfig

# Fields of a training besides its hyperparameters; their declarations are those of a run.
_SHARED = ("dataset", "seed", "sample_percentage", "validation_split", "test_split")
# In a study the split has the run's seed and each trial another one of its own.
_SPLIT_SEED = "split_seed"
# As in a run, all that there are by default; other numbers of threads give other last bits.
_THREADS = "threads"


def train(words: Sequence[str], as_json: bool, environ: Mapping[str, str]) -> int:
    """Train what the words say; the complete configuration is shown before it starts."""
    settings = Settings.from_environment(environ)
    machine = Machine.detect()
    config = trial_config(split_words(words), machine.threads(1))
    print(_shown(config, split_words(words)), file=sys.stderr)
    datasets.prepare(config.dataset, folder=settings.datasets_dir, cache=settings.cache_dir, progress=_once())
    pool = WorkerPool(settings, ProcessSpec(config.threads), workers=1, gpus=machine.gpus)
    began, last = time.monotonic(), None
    try:
        last = _follow(LocalTrainer(pool), config)
    except TrialFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return CANCELLED
    finally:
        pool.close()
    if as_json:
        print(json.dumps(_result(config, last, time.monotonic() - began)))
    return FINISHED


def trial_config(given: Mapping[str, str], threads: int) -> TrialConfig:
    """The configuration that the words describe, completed with declared defaults; `threads` where they name none.

    Raises:
        UsageError: a word is unknown, or its value cannot be used.
    """
    dataset = datasets.dataset_info(given.get("dataset", DEFAULTS["dataset"]))
    architecture = Architecture(dataset.architecture)
    values = defaults(architecture)
    own: dict[str, Any] = {name: DEFAULTS[name] for name in _SHARED} | {_THREADS: threads}
    for name, value in given.items():
        if name in values:
            values[name] = PARAMETERS[name].check(value)
        elif name == _SPLIT_SEED:
            own[name] = OPTIONS["seed"].check(name, value)
        elif name == _THREADS:
            own[name] = OPTIONS[name].check(name, value) or threads
        elif name in _SHARED:
            own[name] = OPTIONS[name].check(name, value)
        else:
            known = [*_SHARED, _SPLIT_SEED, _THREADS, *(parameter.name for parameter in parameters_of(architecture))]
            near = nearest(name, known)
            fix = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"{name}={value}", f"has a key that training a {architecture.upper()} does not know", fix)
    own.setdefault(_SPLIT_SEED, own["seed"])
    return TrialConfig(architecture=architecture, replicas=1, hyperparameters=values, **own)


def _follow(trainer: LocalTrainer, config: TrialConfig) -> Epoch:
    """Print what happens; the last epoch. Raises TrialFailedError."""
    last: Epoch | None = None
    with closing(trainer(config)) as records:
        for record in records:
            if isinstance(record, Failed):
                raise TrialFailedError(f"{record.error_type}: {record.message}")
            if isinstance(record, Phase):
                _say(record.name)
            if isinstance(record, Started):
                _say(f"{count(record.n_train)} samples to learn, {count(record.n_validation)} to validate on")
            if isinstance(record, Epoch):
                last = record
                _say(
                    f"epoch {record.epoch} of {record.epochs}: accuracy {percent(record.accuracy)}, "
                    f"on validation {percent(record.validation_accuracy)}, {record.seconds:.1f} s"
                )
    if last is None:
        raise TrialFailedError("the training ended without a result")
    return last


def _shown(config: TrialConfig, given: Mapping[str, str]) -> str:
    lines = [f"training on {config.dataset}, {count(trainable_parameters(config))} trainable parameters"]
    for name, value in json.loads(config.to_json()).items():
        lines.append(f"  {name} = {text(value)}{'' if name in given else '  (default)'}")
    return "\n".join(lines)


def _result(config: TrialConfig, last: Epoch, seconds: float) -> dict[str, object]:
    return {
        "accuracy": last.validation_accuracy,
        "validation_loss": last.validation_loss,
        "macro_f1": last.validation_f1,
        "top5_accuracy": last.validation_top5,
        "parameters": trainable_parameters(config),
        "epochs": last.epoch,
        "duration_s": round(seconds, 3),
        "configuration": json.loads(config.to_json()),
    }


def _once() -> Callable[[str, float], None]:
    """Says each message once, however often the share that is done changes."""
    said = set[str]()

    def tell(message: str, _share: float) -> None:
        if message not in said:
            said.add(message)
            _say(message)

    return tell


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
