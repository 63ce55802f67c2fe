"""Which samples of a data set a run trains on, validates on and tests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

import datasets

if TYPE_CHECKING:
    from hpo_core.trial_config import TrialConfig


def split_of(config: TrialConfig, prepared: datasets.PreparedDataset) -> datasets.Split:
    """The parts of the training samples, as `config` says: the same for all trials of a run and its final model."""
    return datasets.stratified_split(
        np.asarray(prepared.y_train),
        sample_percentage=config.sample_percentage,
        validation_split=config.validation_split,
        test_split=config.test_split,
        has_test_part=prepared.n_test > 0,
        seed=config.split_seed,
    )


def test_indices(
    config: TrialConfig, prepared: datasets.PreparedDataset
) -> tuple[Literal["test", "train"], NDArray[np.int64]]:
    """Which part of the set the test samples lie in, and where: its own test part, or what `test_split` set aside."""
    if prepared.n_test:
        return "test", np.arange(prepared.n_test)
    chosen = split_of(config, prepared).test
    assert chosen is not None
    return "train", chosen
