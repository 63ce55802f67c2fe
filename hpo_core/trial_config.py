"""What one training is told: complete, frozen, and small enough to be sent anywhere."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hpo_core.errors import UsageError, nearest
from hpo_core.parameters import Architecture, Parameter, Value, parameters_of

MAX_BYTES = 800
# What a training is for.
TRIAL, FINAL = "trial", "final"


@dataclass(frozen=True)
class TrialConfig:
    """Everything that decides what a training does. Equal configurations on equal hardware: equal to the last bit.

    Attributes:
        dataset: name in the catalogue.
        architecture: 'cnn' or 'lstm'.
        seed: of the weights, the order of the samples and the dropout; 0 to 2**32 - 1.
        split_seed: of the split into parts and of the sample; the same for all trials of a run.
        sample_percentage: share of the training part that is used, 5 to 100.
        validation_split: share of that sample which is validated on, 0.05 to 0.5.
        test_split: share set aside for the test where the set has no test part of its own, 0.05 to 0.5.
        threads: processor threads of the training process; other numbers give other last bits.
        replicas: devices that share each batch.
        part: 'trial', or 'final' for the model that is trained on training and validation part together and tested.
        objective, health_weight: what the trial is scored by; no weight in mode 'simple'.
        health_interval: epochs from one reading of the layers to the next, 0 for none.
        plots: 'all', 'none', or 'best' for pictures only where the score is better than `draw_above`.
        draw_above: the best score when the trial began; None before there was one.
        hyperparameters: one value for each hyperparameter of the architecture.
    """

    dataset: str
    architecture: Architecture
    seed: int
    split_seed: int
    sample_percentage: float
    validation_split: float
    test_split: float
    threads: int
    replicas: int
    hyperparameters: Mapping[str, Value]
    part: str = TRIAL
    objective: str = "validation_accuracy"
    health_weight: float | None = None
    health_interval: int = 1
    plots: str = "none"
    draw_above: float | None = None

    def __post_init__(self) -> None:
        declared = {parameter.name: parameter for parameter in parameters_of(self.architecture)}
        _refuse_difference("hyperparameters", set(self.hyperparameters), set(declared))
        checked = {name: _exact(parameter, self.hyperparameters[name]) for name, parameter in declared.items()}
        object.__setattr__(self, "hyperparameters", MappingProxyType(checked))

    def __getitem__(self, name: str) -> Value:
        return self.hyperparameters[name]

    def __hash__(self) -> int:
        return hash(self.to_json())

    def number(self, name: str) -> int:
        """A hyperparameter that is a whole number."""
        value = self.hyperparameters[name]
        assert isinstance(value, int)
        return value

    def share(self, name: str) -> float:
        """A hyperparameter that is a real number."""
        value = self.hyperparameters[name]
        assert isinstance(value, float)
        return value

    def to_json(self) -> str:
        """One flat JSON object of at most 800 bytes, the fields of this architecture only."""
        fields = {field: getattr(self, field) for field in _OWN_FIELDS}
        return json.dumps({**fields, **self.hyperparameters}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> TrialConfig:
        """The configuration that `to_json` wrote. Raises UsageError for missing, unknown or impossible fields."""
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise UsageError("trial configuration", f"must be a JSON object, got {text[:80]}")
        known = [architecture.value for architecture in Architecture]
        if fields.get("architecture") not in known:
            raise UsageError("architecture", f"must be one of {', '.join(known)}, got {fields.get('architecture')!r}")
        architecture = Architecture(fields["architecture"])
        names = {parameter.name for parameter in parameters_of(architecture)}
        _refuse_difference("trial configuration", set(fields), names | set(_OWN_FIELDS))
        own = {field: _own(field, fields[field]) for field in _OWN_FIELDS if field != "architecture"}
        return cls(architecture=architecture, hyperparameters={name: fields[name] for name in names}, **own)


_OWN_FIELDS = tuple(field.name for field in dataclasses.fields(TrialConfig) if field.name != "hyperparameters")
_TYPES = {field.name: str(field.type) for field in dataclasses.fields(TrialConfig)}
_OPTIONAL = " | None"


def _own(field: str, value: Any) -> Any:
    """A field of the configuration itself, refused where its JSON type is not the declared one."""
    declared = _TYPES[field]
    if declared.endswith(_OPTIONAL):
        if value is None:
            return None
        declared = declared.removesuffix(_OPTIONAL)
    if declared == "float" and type(value) is int:
        return float(value)
    if type(value).__name__ != declared:
        raise UsageError(field, f"must be {declared}, got {value!r}")
    return value


def _exact(parameter: Parameter, value: Value) -> Value:
    """A hyperparameter's value, refused where JSON would carry it as another type than the one declared."""
    if parameter.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not parameter.type:
        raise UsageError(parameter.name, f"must be {parameter.type.__name__}, got {value!r}")
    return parameter.check(value)


def _refuse_difference(what: str, given: set[str], declared: set[str]) -> None:
    if missing := sorted(declared - given):
        raise UsageError(what, f"must have {', '.join(missing)}")
    if unknown := sorted(given - declared):
        near = nearest(unknown[0], declared)
        raise UsageError(what, f"must not have {', '.join(unknown)}", f"did you mean {near}?" if near else "")
