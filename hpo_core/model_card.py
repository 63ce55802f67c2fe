"""What there is to know about the final model, as a page for people and as data for programs."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
from hpo_core import VERSION
from hpo_core.formats import count, percent, score
from hpo_core.model_size import vocabulary
from hpo_core.parameters import PARAMETERS, Architecture, Value, text
from hpo_core.records import Artefact, Finished, Record, Started
from hpo_core.trial_config import TrialConfig
from storage.studies import TrialRow

KERAS_FILE = "model.keras"
# Standard deviations on either side that hold 95 % of a normal distribution.
Z_95 = 1.959963984540054
MOST_CONFUSED = 3
PACKAGES = ("tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class ModelFile:
    """A file of the model, or a format in which there is none.

    Attributes:
        name: such as 'model.tflite'.
        size_bytes: None where the file could not be offered.
        note: what was checked, or why it is missing.
    """

    name: str
    size_bytes: int | None
    note: str


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The final model of a run.

    Attributes:
        run_name, trial: which run, and the number of its best trial.
        config: the configuration it was trained with.
        fingerprint: sha256 of the decoded data; equal content has equal fingerprints.
        dataset_note: what people should know about the data, such as that they are a subset; may be empty.
        score, score_formula: of the best trial, and how it is calculated, in words.
        validation_accuracy, health, metrics: of the best trial; None and empty where they were not measured.
        test_accuracy, test_loss, n_test: of the final model on the test part, measured once.
        confusion: of the test part, row per right class, column per predicted one; empty where it was not counted.
        n_train: samples the final model was trained on.
        parameters: trainable ones.
        files: what was exported.
        versions: of what made it, by name.
    """

    run_name: str
    trial: int
    config: TrialConfig
    fingerprint: str
    dataset_note: str
    score: float | None
    score_formula: str
    validation_accuracy: float | None
    health: float | None
    metrics: Mapping[str, float]
    test_accuracy: float | None
    test_loss: float | None
    n_test: int
    confusion: list[list[int]]
    n_train: int
    parameters: int
    files: list[ModelFile]
    versions: Mapping[str, str]

    @property
    def info(self) -> datasets.DatasetInfo:
        return datasets.dataset_info(self.config.dataset)

    @property
    def test_interval(self) -> tuple[float, float] | None:
        """Where the accuracy on endless data of the same kind lies with 95 % confidence; None without a test."""
        return wilson_interval(self.test_accuracy, self.n_test) if self.test_accuracy is not None else None

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; `from_dict` reads them back."""
        own = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return own | {
            "config": self.config.to_json(),
            "files": [dataclasses.asdict(file) for file in self.files],
            "metrics": dict(self.metrics),
            "versions": dict(self.versions),
            "test_interval": list(self.test_interval) if self.test_interval else None,
            "class_names": list(self.info.class_names),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelCard:
        """Raises TypeError or UsageError where `data` is no card."""
        values = {name: value for name, value in data.items() if name not in ("test_interval", "class_names")}
        values["config"] = TrialConfig.from_json(values["config"])
        values["files"] = [ModelFile(**file) for file in values["files"]]
        return cls(**values)

    def as_markdown(self, prefix: str = "") -> str:
        """The card as a page; `prefix` begins the names of its files where each is handed out by itself."""
        sections = (
            _summary(self), _data(self), _quality(self), _files(self, prefix), _loading(self, prefix), _making(self),
            _limits(self),
        )  # fmt: skip
        return "\n\n".join("\n".join(section) for section in sections) + "\n"


def model_card(
    run_name: str,
    study_attributes: Mapping[str, Any],
    best: TrialRow,
    records: Iterable[Record],
    score_formula: str,
    metric_names: Sequence[str] = (),
) -> ModelCard:
    """The card of a final model.

    Args:
        run_name: of the run.
        study_attributes: of its study: 'dataset fingerprint' and 'dataset note' are read.
        best: its best trial.
        records: of the final training, to its end.
        score_formula: how the score is calculated, in words.
        metric_names: attributes of the trial that are health metrics.

    Raises:
        ValueError: the records have no beginning or no end.
    """
    attributes, kept = best.attributes, list(records)
    started = next((record for record in kept if isinstance(record, Started)), None)
    finished = next((record for record in kept if isinstance(record, Finished)), None)
    if started is None or finished is None:
        raise ValueError("records must hold one Started and one Finished")
    return ModelCard(
        run_name=run_name,
        trial=best.number,
        config=TrialConfig.from_json(attributes["configuration"]),
        fingerprint=study_attributes.get("dataset fingerprint", ""),
        dataset_note=study_attributes.get("dataset note", ""),
        score=best.score,
        score_formula=score_formula,
        validation_accuracy=attributes.get("accuracy"),
        health=attributes.get("health"),
        metrics={name: attributes[name] for name in metric_names if attributes.get(name) is not None},
        test_accuracy=finished.test_accuracy,
        test_loss=finished.test_loss,
        n_test=finished.n_test,
        confusion=finished.confusion,
        n_train=started.n_train,
        parameters=started.parameters,
        files=[model_file(record) for record in kept if isinstance(record, Artefact)],
        versions=installed_versions(),
    )


def model_file(artefact: Artefact) -> ModelFile:
    """The file as it lies on this machine."""
    size = Path(artefact.path).stat().st_size if artefact.path is not None else None
    return ModelFile(artefact.name, size, artefact.note)


def installed_versions() -> dict[str, str]:
    """Of Python, the libraries and this program; read from their metadata, so that nothing is imported."""
    found = {"python": platform.python_version(), "onegin": VERSION}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share that was measured on `n` samples (Wilson 1927): in 0..1, wide where `n` is small.

    Unlike share ± 1.96 standard errors it stays within 0 and 1 and does not shrink to nothing at either end.
    """
    if n <= 0:
        return 0.0, 1.0
    square = Z_95**2 / n
    centre = (share + square / 2) / (1 + square)
    half = Z_95 / (1 + square) * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def most_confused(confusion: Sequence[Sequence[int]], names: Sequence[str], limit: int = MOST_CONFUSED) -> list[str]:
    """The most frequent mistakes in words, the most frequent first: 'nine taken for four: 3 of 36 (8.33 %)'.

    Where others are as frequent as the last one, it is said how many: 'and 2 other mistakes, once each'.
    """
    mistakes = [
        (counted, right, predicted)
        for right, row in enumerate(confusion)
        for predicted, counted in enumerate(row)
        if right != predicted and counted
    ]
    mistakes.sort(key=lambda mistake: (-mistake[0], mistake[1:]))
    shown = [
        f"{names[right]} taken for {names[predicted]}: {counted} of {sum(confusion[right])} "
        f"({percent(counted / sum(confusion[right]))})"
        for counted, right, predicted in mistakes[:limit]
    ]
    level = sum(counted == mistakes[limit - 1][0] for counted, _, _ in mistakes[limit:])
    if level:
        times = mistakes[limit - 1][0]
        often = {1: "once", 2: "twice"}.get(times, f"{count(times)} times")
        shown.append(
            f"and {count(level)} other mistake{'s' if level > 1 else ''}, {often}{' each' if level > 1 else ''}"
        )
    return shown


def _summary(card: ModelCard) -> list[str]:
    info, config = card.info, card.config
    if info.shape is not None:
        height, width, channels = info.shape
        colours = "grey" if channels == 1 else "colour"
        sample = f"a {colours} picture of {height} x {width} pixels"
    else:
        sample = f"a text of at most {config['sequence_length']} words"
    article, network = {Architecture.CNN: ("A", "convolutional network"), Architecture.LSTM: ("An", "LSTM network")}[
        config.architecture
    ]
    return [
        f"# {info.title}: {network}",
        "",
        f"{article} {network} with {count(card.parameters)} trainable parameters. It puts {sample} into one of "
        f"{info.n_classes} classes. Best trial of the run `{card.run_name}`: Trial {card.trial}, trained again on all "
        f"{count(card.n_train)} samples that its trials trained or validated on.",
        "",
        f"**Accuracy on the test part: {_tested(card)}**",
    ]


def _tested(card: ModelCard) -> str:
    if card.test_interval is None:
        return "not measured"
    low, high = card.test_interval
    return (
        f"{percent(card.test_accuracy)} of {count(card.n_test)} samples "
        f"(95 % interval {percent(low)} to {percent(high)})"
    )


def _data(card: ModelCard) -> list[str]:
    info, config = card.info, card.config
    rows = {
        "data set": f"{info.title} (`{info.name}`)",
        "source": info.url or "comes with Onegin",
        "licence": info.licence,
        "fingerprint (sha256)": f"`{card.fingerprint}`" if card.fingerprint else "",
        "trained on": f"{count(card.n_train)} samples, {text(config.sample_percentage)} % of what may be trained on",
        "tested on": f"{count(card.n_test)} samples that no trial saw",
        "note": card.dataset_note,
    }
    return ["## Data", "", *_table(("fact", "value"), [(name, value) for name, value in rows.items() if value])]


def _scored(card: ModelCard) -> str:
    """The score with its formula; empty where it is the validation accuracy, which stands above it."""
    if card.score == card.validation_accuracy:
        return ""
    return score(card.score) + (f" ({card.score_formula})" if card.score_formula else "")


def _quality(card: ModelCard) -> list[str]:
    rows = [
        ("test accuracy", _tested(card)),
        ("test loss (cross-entropy, 0 is best)", score(card.test_loss)),
        ("validation accuracy of the best trial", percent(card.validation_accuracy)),
        ("score of the best trial", _scored(card)),
        ("health of the best trial", score(card.health) if card.health is not None else ""),
        *((name.replace("_", " "), score(value)) for name, value in card.metrics.items()),
    ]
    lines = ["## Quality", "", *_table(("measure", "value"), [row for row in rows if row[1]])]
    if card.confusion:
        mistakes = most_confused(card.confusion, card.info.class_names)
        lines += ["", "Most frequent mistakes on the test part: " + ("; ".join(mistakes) if mistakes else "none") + "."]
    return lines


def _files(card: ModelCard, prefix: str) -> list[str]:
    rows = [
        (f"`{prefix if file.size_bytes is not None else ''}{file.name}`", _size(file.size_bytes), file.note)
        for file in card.files
    ]
    return ["## Files", "", *_table(("file", "size", "checked, or why it is missing"), rows)]


def _loading(card: ModelCard, prefix: str) -> list[str]:
    info, config = card.info, card.config
    shape: tuple[int, ...]
    if info.shape is not None:
        shape, kind, meaning = info.shape, "uint8", "raw pixels 0 to 255: (samples, height, width, channels)"
    else:
        shape, kind, meaning = (config.number("sequence_length"),), "int32", "token ids: (samples, words)"
    named = [f"{number} is {name}" for number, name in enumerate(info.class_names) if name != str(number)]
    lines = [
        "## How to load it",
        "",
        "```python",
        "import keras",
        "import numpy as np",
        "",
        f'model = keras.models.load_model("{prefix}{KERAS_FILE}")',
        f'samples = np.zeros({(1, *shape)}, dtype="{kind}")  # {meaning}',
        f"probabilities = model.predict(samples)  # (samples, {info.n_classes})",
        "print(probabilities.argmax(axis=1))",
        "```",
        "",
    ]
    if info.from_source:
        lines += [info.from_source, ""]
    if info.vocabulary_size is not None:
        known = vocabulary(config, info.vocabulary_size)
        lines += [
            "Ids as in Keras: 0 padding, 1 start of the text, 2 any word that is not known, 3 + rank of the word in "
            f"the data set otherwise; ids from {known} on count as 2. A longer text keeps its last {shape[0]} ids, a "
            "shorter one ends in zeros.",
            "",
        ]
    return [*lines, "Output i is the probability of class i" + (f": {', '.join(named)}." if named else ".")]


def _making(card: ModelCard) -> list[str]:
    config = card.config
    values: dict[str, Value] = {PARAMETERS[name].title: value for name, value in config.hyperparameters.items()}
    values |= {"Seed": config.seed, "Seed of the split": config.split_seed}
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    rows = [(name, text(value)) for name, value in values.items()]
    return ["## How it was made", "", *_table(("hyperparameter", "value"), rows), "", f"Versions: {versions}."]


def _limits(card: ModelCard) -> list[str]:
    config = card.config
    limits = [
        "It always answers with one of its classes, also for something that is none of them, and a high probability is "
        "no proof: probabilities are not calibrated.",
        "The test part comes from the same source as the training data; other cameras, pens or writers may give lower "
        "accuracy.",
    ]
    if card.dataset_note:
        limits.append(f"About the data: {card.dataset_note}")
    if config.sample_percentage < 100:
        limits.append(f"It was trained on a sample of {text(config.sample_percentage)} % of the training data.")
    if card.test_interval is not None and card.test_interval[1] - card.test_interval[0] > 0.02:
        limits.append(f"{count(card.n_test)} test samples are few: read the interval, not the figure alone.")
    missing = [file.name for file in card.files if file.size_bytes is None]
    if missing:
        limits.append(f"Not available: {', '.join(missing)}; the table of files says why.")
    return ["## Limits", "", *(f"- {limit}" for limit in limits)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["--"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "missing"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))} kB"
