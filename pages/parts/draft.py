"""What a visitor has set on Optimize so far. It is kept for the session, whatever of the form is on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

import datasets
from hpo_core.backends import RUNPOD
from hpo_core.optimization_config import DEFAULTS, OptimizationConfig
from hpo_core.parameters import Architecture, Value
from hpo_core.presets import PRESETS
from hpo_core.trial_config import TrialConfig

# What a first visitor finds: good results on the embedded digits within a few minutes.
FIRST_DATASET, FIRST_PRESET = "digits", "quick"
KEY = "draft"
REMOTE_WORKERS = "remote_workers"
"""Trials at once on RunPod: another number than on this machine, and both are kept."""


@dataclass
class Draft:
    """A configuration that is being made, valid or not.

    Attributes:
        fields: every field of the configuration but `space`, and `REMOTE_WORKERS`.
        spaces: what was changed in the search space of each architecture.
        preset: the one that was applied last; None after an import.
    """

    fields: dict[str, object]
    spaces: dict[Architecture, dict[str, object]] = field(default_factory=dict)
    preset: str | None = None

    @classmethod
    def first(cls) -> Draft:
        """What a new visitor finds."""
        draft = cls({**DEFAULTS, "run_name": None, REMOTE_WORKERS: None, "dataset": FIRST_DATASET})
        draft.apply_preset(FIRST_PRESET)
        return draft

    @property
    def dataset(self) -> str:
        return str(self.fields["dataset"])

    @property
    def architecture(self) -> Architecture:
        return Architecture(datasets.dataset_info(self.dataset).architecture)

    @property
    def space(self) -> dict[str, object]:
        """What is searched otherwise than by default; to be changed in place."""
        return self.spaces.setdefault(self.architecture, {})

    def configuration(self) -> dict[str, object]:
        """All fields as `OptimizationConfig.from_mapping` takes them."""
        values = {name: value for name, value in self.fields.items() if name != REMOTE_WORKERS}
        if values["backend"] == RUNPOD:
            values["workers"] = self.fields[REMOTE_WORKERS]
        return values | {"space": dict(self.space)}

    def base(self) -> dict[str, object]:
        """What the fields would be had nobody touched them: the preset, and declared defaults beside it."""
        preset = PRESETS[self.preset].values(self.dataset) if self.preset else {}
        return {**DEFAULTS, "run_name": None, "space": {}, **preset}

    @property
    def base_space(self) -> dict[str, object]:
        """What the preset searches otherwise than by default."""
        space = self.base()["space"]
        return dict(space) if isinstance(space, Mapping) else {}

    def changed(self) -> set[str]:
        """Fields that differ from `base`; the data and where they train are no changes but the choice itself."""
        now, base = self.configuration(), self.base()
        return {name for name, value in now.items() if value != base[name]} - {"dataset", "mode", "backend"}

    def apply_preset(self, name: str) -> None:
        """Set what the preset is about, and leave all other fields as they are."""
        self.preset = name
        for each in datasets.CATALOGUE.values():
            space = PRESETS[name].values(each.name).get("space", {})
            assert isinstance(space, Mapping)
            self.spaces[Architecture(each.architecture)] = dict(space)
        self.fields.update({key: value for key, value in self._of_preset().items() if key != "space"})

    def choose_dataset(self, name: str) -> None:
        """Choose data; what a preset set and nobody changed becomes what the preset means for these data."""
        before = self._of_preset()
        self.fields["dataset"] = name
        for key, value in self._of_preset().items():
            if key != "space" and self.fields[key] == before[key]:
                self.fields[key] = value

    def fix(self, dataset: str, values: Mapping[str, Value]) -> None:
        """Choose data and fix all hyperparameters of its networks; everything else stays as it is."""
        self.choose_dataset(dataset)
        self.spaces[self.architecture] = dict(values)
        self.fields["max_epochs_per_trial"] = values["epochs"]

    def fix_alone(self, config: TrialConfig, **fields: object) -> None:
        """Fix the network of a trial, for one training that gets a final model; `fields` as well."""
        self.fix(config.dataset, config.hyperparameters)
        self.fields |= {"trials": 1, "final_model": True, "run_name": None, **fields}

    def load(self, config: OptimizationConfig) -> None:
        """Take over a whole configuration."""
        values = config.as_dict()
        self.spaces[config.architecture] = dict(config.space)
        self.fields.update({key: value for key, value in values.items() if key not in ("space", "workers")})
        self.fields[REMOTE_WORKERS if config.backend == RUNPOD else "workers"] = config.workers
        self.preset = None

    def reset(self) -> None:
        """Back to the preset, or to the declared defaults where there is none; data, mode and place stay."""
        kept = {key: self.fields[key] for key in ("dataset", "mode", "backend")}
        self.fields.update({**DEFAULTS, "run_name": None, REMOTE_WORKERS: None, **kept})
        self.spaces.clear()
        if self.preset:
            self.apply_preset(self.preset)

    def _of_preset(self) -> dict[str, object]:
        return PRESETS[self.preset].values(self.dataset) if self.preset else {}


def current() -> Draft:
    """The draft of this visitor."""
    draft = st.session_state.setdefault(KEY, Draft.first())
    assert isinstance(draft, Draft)
    return draft
