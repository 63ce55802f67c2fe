"""Draws the pictures of a trial that trained elsewhere, from its numbers alone, in a child process."""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Generator
from pathlib import Path

from hpo_core.history import FILE_NAME, TrialHistory
from hpo_core.local.child import ChildProcess
from hpo_core.pictures import wants_pictures
from hpo_core.records import SCRATCH_PREFIX, Artefact, Record, Tick
from hpo_core.trial_config import TrialConfig

MODULE = "hpo_core.training.draw"
TICK_S = 0.25


def draw(
    history: TrialHistory, folder: Path, config: TrialConfig, *, module: str = MODULE
) -> Generator[Record, None, None]:
    """Draw what `config` wants drawn of a training, as far as its history reaches.

    A fault is a record with its reason, not an error: a trial that was trained is worth more than its pictures. Closing
    the iterator ends the child process.

    Args:
        history: of the training, `finished` included: the confusion matrix is drawn from that.
        folder: where the pictures go; made if need be. They belong to the caller.
        config: of the trial; its `plots` and `draw_above` decide whether there are pictures.
        module: the program that draws.

    Yields:
        A phase before each picture and the picture as an `Artefact`; a tick while nothing arrives.
    """
    if not wants_pictures(config, history):
        return
    try:
        with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True) as scratch:
            file = Path(scratch) / FILE_NAME
            file.write_text(history.to_json(), encoding="utf-8")
            process = ChildProcess(module, [str(file), str(folder.absolute())], {}, "drawing process")
            try:
                yield from _records(process)
            finally:
                process.kill()
    except OSError as error:
        yield _not_drawn(error.strerror or str(error))


def _records(process: ChildProcess) -> Generator[Record, None, None]:
    """All that the process says until it has gone, and why it has gone where that was too early."""
    while True:
        try:
            record = process.receive(TICK_S)
        except queue.Empty:
            yield Tick()
            continue
        if record is None:
            break
        yield record
    if process.exit_code() != 0:
        yield _not_drawn(process.obituary())


def _not_drawn(reason: str) -> Artefact:
    return Artefact(name="pictures", path=None, note=f"not all pictures could be drawn: {reason}")
