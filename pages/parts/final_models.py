"""The final models as they lie in the folders of their runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo_core.errors import OneginError
from hpo_core.final_model import FOLDER, tested_accuracy
from hpo_core.housekeeping import run_folder
from hpo_core.model_card import ModelCard, ModelFile, most_confused
from hpo_core.records import is_of_final_model
from hpo_core.results import BEST_FILE, CARD_DATA_FILE, CARD_FILE, TRIALS_FILE
from pages.parts import formats
from storage.progress import TrialProgress
from storage.runs import Run, RunState

CONFIG_FILE = "config.yaml"
FORMAT_NAMES = {
    "model.keras": "Keras",
    "model.tflite": "TensorFlow Lite",
    "model.onnx": "ONNX",
    "architecture.json": "Architecture",
}
FORMAT_USES = {
    "model.keras": "For Python with Keras, to use or to train further: larger, for it keeps the optimizer's state too.",
    "model.tflite": "For telephones and small boards.",
    "model.onnx": "For other tools and languages.",
    "architecture.json": "To read, or to build the same network anew.",
}
RUN_FILES = {
    BEST_FILE: "Best hyperparameters",
    TRIALS_FILE: "All trials as a table",
    CONFIG_FILE: "Configuration of the run",
}


@dataclass(frozen=True)
class FinalModel:
    """A final model with its files.

    Attributes:
        folder: where the files lie.
        card: what is known about the model.
        page: the card for people as it lies beside the files, as Markdown.
    """

    folder: Path
    card: ModelCard
    page: str

    @property
    def mistakes(self) -> list[str]:
        """The most frequent mistakes in words."""
        return most_confused(self.card.confusion, self.card.info.class_names) if self.card.confusion else []


def with_model(results_dir: Path, names: Iterable[str]) -> list[str]:
    """The runs that have a final model here, in their order."""
    folders = ((name, run_folder(results_dir, name)) for name in names)
    return [name for name, folder in folders if folder is not None and (folder / FOLDER / CARD_DATA_FILE).is_file()]


def read(results_dir: Path, run_name: str) -> FinalModel | None:
    """The final model of a run, None where there is none. Raises ValueError where its card cannot be read."""
    folder = run_folder(results_dir, run_name)
    if folder is None or not (folder / FOLDER / CARD_DATA_FILE).is_file():
        return None
    model = folder / FOLDER
    try:
        card = ModelCard.from_dict(json.loads((model / CARD_DATA_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, OneginError) as error:
        raise ValueError(f"the card of {run_name} cannot be read: {error}") from error
    page = model / CARD_FILE
    return FinalModel(model, card, page.read_text(encoding="utf-8") if page.is_file() else card.as_markdown())


def made_of(results_dir: Path, run_name: str) -> int | None:
    """Number of the trial that the final model of a run was made of; None where there is no model that can be read."""
    try:
        model = read(results_dir, run_name)
    except ValueError:
        return None
    return model.card.trial if model is not None else None


def download_name(study: str, name: str) -> str:
    """What a file of a run is called where it is handed out by itself: files of several runs lie in one folder."""
    return f"{study}-{name}"


def tested(model: FinalModel) -> str:
    """What the test says, and what the search had promised."""
    card = model.card
    if card.test_interval is None:
        return "This model was not tested."
    low, high = (formats.percent(bound) for bound in card.test_interval)
    promised = (
        f" In the search the same configuration had {formats.percent(card.validation_accuracy)} on validation; the "
        "final model learnt from the validation part too, and its test has other samples, so either may be higher."
    )
    return f"With 95 % confidence the accuracy on new samples of the same kind lies between {low} and {high}." + (
        promised if card.validation_accuracy is not None else ""
    )


def is_available(model: FinalModel, file: ModelFile) -> bool:
    """Whether a file can be handed out: it was made, and still lies in the model's folder."""
    is_plain = Path(file.name).name == file.name
    return is_plain and file.size_bytes is not None and (model.folder / file.name).is_file()


def files_of_run(results_dir: Path, run_name: str) -> dict[str, Path]:
    """Files beside the model that exist, by name."""
    folder = run_folder(results_dir, run_name)
    if folder is None:
        return {}
    return {name: folder / name for name in RUN_FILES if (folder / name).is_file()}


def is_being_built(running: Iterable[TrialProgress]) -> bool:
    """Whether the final training goes on, by the phases of what trains."""
    return any(is_of_final_model(item.phase) for item in running)


def can_be_resumed(run: Run | None, attributes: dict[str, Any]) -> bool:
    """Whether a run was ended before its time, knows what it was told, and was to make a final model."""
    config = attributes.get("configuration")
    if run is None or run.state not in (RunState.CANCELLED, RunState.INTERRUPTED, RunState.FAILED):
        return False
    return isinstance(config, dict) and config.get("final_model") is not False


def why_none(run: Run | None, attributes: dict[str, Any], n_complete: int) -> str:
    """Why a run has no final model here, in a sentence."""
    if run is None:
        return "This study was made outside Onegin: no final model is trained for it."
    if (accuracy := tested_accuracy(attributes)) is not None:
        tested = formats.percent(accuracy)
        return f"The final model of this run has a test accuracy of {tested}; its files are not on this machine."
    config = attributes.get("configuration")
    if isinstance(config, dict) and config.get("final_model") is False:
        return "This run was started without a final model."
    if not run.state.is_final:
        return "This run is still searching; the final model is trained after the last trial."
    if not n_complete:
        return "No trial of this run was trained to its end, so there is nothing to make a final model of."
    ended = {
        RunState.CANCELLED: "was stopped",
        RunState.FAILED: "failed",
        RunState.INTERRUPTED: "was interrupted",
    }.get(run.state, "ended")
    return f"This run {ended} before a final model was made."
