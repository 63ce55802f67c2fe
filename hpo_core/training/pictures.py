"""The pictures of a trial as records; needs neither TensorFlow nor Keras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpo_core.history import TrialHistory
from hpo_core.records import Artefact, Phase, Record
from hpo_core.training.plots.drawing import draw_pictures, pictures_of

PHASE = "making plots"


def picture_records(history: TrialHistory, folder: Path) -> Iterator[Record]:
    """Draw what the history has into `folder`, with a phase before each picture and a record of it; stop by not going
    on."""
    pictures = pictures_of(history)
    drawn = draw_pictures(history, folder, pictures)
    for number, _ in enumerate(pictures, start=1):
        yield Phase(name=f"{PHASE} {number} of {len(pictures)}", share=(number - 1) / len(pictures))
        result = next(drawn)
        yield Artefact(name=result.name, path=str(result.path) if result.path else None, note=result.note)
