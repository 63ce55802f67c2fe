"""A training process: `python -m hpo_core.training.worker`.

Reads one command per line from standard input and writes one record per line to standard output. Commands are
`{"train": <TrialConfig>}` and `{"stop": true}`, which ends the training that runs. The process ends when its standard
input does, so it never outlives its parent.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import TextIO

from hpo_core.errors import OneginError
from hpo_core.records import READY, SCRATCH_PREFIX, STOPPED, Failed, Phase, Record, to_json
from hpo_core.trial_config import FINAL, TrialConfig


class Output:
    """Numbers the records of a trial and writes them, one per line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = 0

    def begin(self) -> None:
        self._next = 0

    def emit(self, record: Record) -> None:
        self._stream.write(to_json(dataclasses.replace(record, number=self._next)) + "\n")
        self._stream.flush()
        self._next += 1


class Commands:
    """Reads commands in a thread of its own, so that a stop is heard while a training runs."""

    def __init__(self, stream: TextIO) -> None:
        self._trials: queue.Queue[str] = queue.Queue()
        self._stop = threading.Event()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def next_trial(self) -> str:
        """JSON of the next configuration; waits for it."""
        text = self._trials.get()
        self._stop.clear()
        return text

    def should_stop(self) -> bool:
        return self._stop.is_set()

    def _read(self, stream: TextIO) -> None:
        for line in stream:
            command = json.loads(line)
            if "train" in command:
                self._trials.put(command["train"])
            else:
                self._stop.set()
        # The parent has gone. Nothing here is worth finishing, and TensorFlow may be busy for minutes.
        _remove_scratch()
        os._exit(0)


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--datasets-dir", type=Path)
    parser.add_argument("--logical-devices", type=int, default=1, help="as how many devices the processor shows itself")
    arguments = parser.parse_args()
    output, commands = Output(private_stdout()), Commands(sys.stdin)

    _prepare_tensorflow(arguments.threads, arguments.logical_devices)
    output.emit(Phase(name=READY))
    while True:
        text = commands.next_trial()
        output.begin()
        _run_trial(text, arguments, output, commands)


def _run_trial(text: str, arguments: argparse.Namespace, output: Output, commands: Commands) -> None:
    """Train one configuration; whatever goes wrong becomes a record, and the process lives on."""
    import keras

    import datasets
    from hpo_core.training.final import train_final
    from hpo_core.training.loop import train
    from hpo_core.training.reporter import TrainingStopped

    try:
        config = TrialConfig.from_json(text)
        prepared = datasets.prepare(config.dataset, folder=arguments.datasets_dir, cache=arguments.cache_dir)
        work = train_final if config.part == FINAL else train
        work(config, prepared, output.emit, commands.should_stop, _empty_folder())
    except TrainingStopped:
        output.emit(Phase(name=STOPPED))
    except (OneginError, datasets.DatasetError) as error:
        output.emit(Failed(error_type=type(error).__name__, message=str(error), traceback=""))
    except Exception as error:  # noqa: BLE001 - a trial may fail in any way; the parent decides what it means
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        output.emit(Failed(error_type=type(error).__name__, message=message, traceback=traceback.format_exc()))
    finally:
        keras.backend.clear_session()
        gc.collect()


def _remove_scratch() -> None:
    """Remove the folder for temporary files that a parent gave this process alone, and can no longer remove itself."""
    folder = Path(tempfile.gettempdir())
    if folder.name.startswith(SCRATCH_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _empty_folder() -> Path:
    """Where a trial leaves its files. The parent has taken those of the trial before by now."""
    folder = Path(tempfile.gettempdir()) / f"onegin-files-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def private_stdout() -> TextIO:
    """Standard output for records alone; what libraries print goes to standard error from here on."""
    private = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return private


def _prepare_tensorflow(threads: int, logical_devices: int) -> None:
    """Set what can be set only once per process: threads, devices, determinism, memory growth."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if logical_devices > 1:
        (processor,) = tf.config.list_physical_devices("CPU")
        shares = [tf.config.LogicalDeviceConfiguration() for _ in range(logical_devices)]
        tf.config.set_logical_device_configuration(processor, shares)
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    import hpo_core.training.final  # noqa: F401 - loads Keras now, while nobody waits

    # What is loaded so far stays: the collection after each trial need not look through it, which took half a second.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    main()
