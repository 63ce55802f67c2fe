"""Tests of the final model's card; the second implementation of the interval is SciPy's."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from hpo_core import VERSION
from hpo_core.model_card import ModelCard, model_card, most_confused, wilson_interval
from hpo_core.parameters import PARAMETERS, Value
from hpo_core.records import Artefact, Finished, Record, Started
from storage.studies import TrialRow
from tests.stubs import make_config

EXACT = "its probabilities are those of the trained model"
NAMES = [str(digit) for digit in range(10)]
CONFUSION = [[36 if right == predicted else 0 for predicted in range(10)] for right in range(10)]
CONFUSION[9][4], CONFUSION[9][9] = 3, 33
CONFUSION[1][8], CONFUSION[1][1] = 5, 31
CONFUSION[8][1], CONFUSION[8][8] = 3, 33


def make_card(
    folder: Path, dataset: str = "digits", note: str = "", finished: dict[str, Any] | None = None, **changes: Value
) -> ModelCard:
    (folder / "model.keras").write_bytes(b"x" * 2_345_678)
    records: list[Record] = [
        Started(layers=[], parameters=12_345, n_train=1437, n_validation=0, process=1),
        Artefact(name="model.keras", path=str(folder / "model.keras"), note=EXACT),
        Artefact(name="model.onnx", path=None, note="could not be made: a package is missing (tf2onnx | onnx)"),
        Finished(
            epochs=5, duration_s=1.0, **({"confusion": CONFUSION, "test_accuracy": 349 / 360, "test_loss": 0.125,
                                          "n_test": 360} | (finished or {}))
        ),
    ]  # fmt: skip
    best = TrialRow(
        number=3, state="complete", score=0.9412, duration_s=2.0,
        attributes={"configuration": make_config(dataset, **changes).to_json(), "accuracy": 0.9791, "health": 0.85,
                    "gradient_health": 0.75, "architecture": "Conv 16"},
    )  # fmt: skip
    study = {"dataset fingerprint": "ab" * 32, "dataset note": note}
    return model_card(
        "digits-run", study, best, records, "score = 0.7 × accuracy + 0.3 × health", ["gradient_health", "absent"]
    )


@pytest.mark.parametrize(("right", "n"), [(349, 360), (0, 10), (10, 10), (1, 2), (9_921, 10_000)])
def test_the_interval_equals_scipy(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_samples_nothing_is_known() -> None:
    assert wilson_interval(0.5, 0) == (0.0, 1.0)


def test_mistakes_are_told_in_the_right_direction() -> None:
    assert most_confused(CONFUSION, NAMES) == [
        "1 taken for 8: 5 of 36 (13.89 %)", "8 taken for 1: 3 of 36 (8.33 %)", "9 taken for 4: 3 of 36 (8.33 %)",
    ]  # fmt: skip
    assert most_confused(CONFUSION, NAMES, limit=1) == ["1 taken for 8: 5 of 36 (13.89 %)"]
    assert most_confused([[3, 0], [0, 4]], ["a", "b"]) == []


@pytest.mark.parametrize(
    ("counts", "last"),
    [
        ([1, 1, 1, 1], "and 1 other mistake, once"),
        ([5, 2, 2, 2, 2, 1], "and 2 other mistakes, twice each"),
        ([1_500] * 6, "and 3 other mistakes, 1\u202f500 times each"),
        ([3, 2, 2, 1], "1 taken for 0: 2 of 3 (66.67 %)"),
        ([3, 2], "0 taken for 2: 2 of 5 (40.00 %)"),
    ],
)
def test_mistakes_that_are_as_frequent_as_the_last_one_are_counted(counts: list[int], last: str) -> None:
    places = [(right, predicted) for right in range(3) for predicted in range(3) if right != predicted]
    confusion = [[0] * 3 for _ in range(3)]
    for (right, predicted), counted in zip(places, counts, strict=False):
        confusion[right][predicted] = counted
    assert most_confused(confusion, NAMES)[-1] == last
    assert len(most_confused(confusion, NAMES)) <= 4


def test_the_page_says_what_the_model_is_worth(tmp_path: Path) -> None:
    page = make_card(tmp_path).as_markdown()
    low, high = wilson_interval(349 / 360, 360)
    for words in (
        f"96.94 % of 360 samples (95 % interval {low * 100:.2f} % to {high * 100:.2f} %)",
        "| validation accuracy of the best trial | 97.91 % |",
        "| score of the best trial | 0.941 (score = 0.7 × accuracy + 0.3 × health) |",
        "| health of the best trial | 0.850 |",
        "| gradient health | 0.750 |",
        "| test loss (cross-entropy, 0 is best) | 0.125 |",
        "1 taken for 8: 5 of 36",
        "`" + "ab" * 32 + "`",
        "CC BY 4.0",
        "https://scikit-learn.org",
        "Trial 3",
        "| Seed | 7 |",
        f"onegin {VERSION}",
        "360 test samples are few",
    ):
        assert words in page
    same = dataclasses.replace(make_card(tmp_path), score=0.9791, validation_accuracy=0.9791).as_markdown()
    assert "score of the best trial" not in same and "| validation accuracy of the best trial | 97.91 % |" in same
    assert "| fact | value |" in page and "| measure | value |" in page and "|  |" not in page
    assert "absent" not in page and "| note |" not in page and "About the data" not in page
    config = make_config()
    for name in config.hyperparameters:
        assert f"| {PARAMETERS[name].title} | " in page


def test_files_and_what_is_missing(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    assert [(file.name, file.size_bytes) for file in card.files] == [("model.keras", 2_345_678), ("model.onnx", None)]
    page = card.as_markdown()
    assert f"| `model.keras` | 2.3 MB | {EXACT} |" in page
    assert r"| `model.onnx` | missing | could not be made: a package is missing (tf2onnx \| onnx) |" in page
    assert "Not available: model.onnx" in page


def test_files_that_are_handed_out_one_by_one_have_the_name_of_their_run(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    assert 'load_model("model.keras")' in card.as_markdown()
    page = card.as_markdown(prefix="digits-run-")
    assert 'load_model("digits-run-model.keras")' in page and "| `digits-run-model.keras` | 2.3 MB |" in page
    assert "| `model.onnx` | missing |" in page  # nobody gets it


def test_limits_tell_of_subsets(tmp_path: Path) -> None:
    card = make_card(tmp_path, note="Trained on a subset of 2,000 pictures.")
    card = dataclasses.replace(card, config=dataclasses.replace(card.config, sample_percentage=25.0))
    limits = card.as_markdown().split("## Limits")[1]
    assert "Trained on a subset of 2,000 pictures." in limits and "a sample of 25 %" in limits


@pytest.mark.parametrize("share", [100.0, 5.0])
def test_what_it_was_trained_on_is_a_number_of_samples(share: float, tmp_path: Path) -> None:
    card = make_card(tmp_path)
    page = dataclasses.replace(card, config=dataclasses.replace(card.config, sample_percentage=share)).as_markdown()
    assert "trained again on all 1\u202f437 samples that its trials trained or validated on." in page
    assert "all training and validation data" not in page


def test_pixels_of_the_source_are_brought_to_those_of_the_model(tmp_path: Path) -> None:
    loading = make_card(tmp_path).as_markdown().split("## How to load it")[1].split("##")[0]
    assert "pixels are 0 to 16, the model's 0 to 255: multiply them by 255 / 16 and round." in loading
    assert "source's pixels" not in make_card(tmp_path, "mnist").as_markdown()


def test_how_to_load_texts(tmp_path: Path) -> None:
    page = make_card(tmp_path, "generated_text", sequence_length=30, finished={"confusion": []}).as_markdown()
    assert 'samples = np.zeros((1, 30), dtype="int32")' in page and "keeps its last 30 ids" in page
    assert (
        "\nAn LSTM network with 12\u202f345 trainable" in page
        and "(samples, 4)" in page
        and "Most frequent mistakes" not in page
    )


def test_a_model_without_a_test_is_no_tested_model(tmp_path: Path) -> None:
    card = make_card(tmp_path, finished={"test_accuracy": None, "test_loss": None, "n_test": 0, "confusion": []})
    assert "**Accuracy on the test part: not measured**" in card.as_markdown() and card.test_interval is None


def test_json_both_ways(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    data = card.as_dict()
    assert data["test_interval"] == pytest.approx(wilson_interval(349 / 360, 360))
    assert data["class_names"] == list(card.info.class_names)
    again = ModelCard.from_dict(json.loads(json.dumps(data)))
    assert again == card and again.as_markdown() == card.as_markdown()


def test_a_training_without_an_end_has_no_card() -> None:
    best = TrialRow(number=0, state="complete", score=1.0, duration_s=1.0, attributes={})
    with pytest.raises(ValueError, match="one Started and one Finished"):
        model_card("run", {}, best, [], "")
