"""Seeds of trials."""

from __future__ import annotations

from hpo_core.seeds import trial_seed


def test_neighbouring_trials_have_unrelated_seeds() -> None:
    seeds = {trial_seed(seed, number) for seed in range(10) for number in range(100)}
    assert len(seeds) == 1000 and all(0 <= seed < 2**32 for seed in seeds)
