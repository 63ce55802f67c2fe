"""A search space: for each hyperparameter of an architecture, what a run may choose from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hpo_core.errors import UsageError, nearest
from hpo_core.parameters import (
    PARAMETERS,
    Architecture,
    Choices,
    Domain,
    Parameter,
    Range,
    Value,
    convert,
    describe,
    parameters_of,
    text,
)

RANGE_KEYS = ("low", "high", "step", "log")
MOST_STEPS = 1_000_000


class Suggests(Protocol):
    """What this module needs of an Optuna trial."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = ..., log: bool = ...) -> int: ...
    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = ..., log: bool = ...
    ) -> float: ...
    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


class Replay:
    """Suggests what was suggested before. Raises KeyError for what was not."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._params[name])

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._params[name])

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._params[name]


@dataclass(frozen=True)
class SearchSpace:
    """What each hyperparameter of one architecture may be; a domain of one value is fixed and not searched."""

    architecture: Architecture
    domains: Mapping[str, Domain]

    @classmethod
    def build(
        cls, architecture: Architecture, overrides: Mapping[str, object] | None = None, *, max_epochs: int
    ) -> SearchSpace:
        """The default space with a user's changes.

        Args:
            architecture: which network.
            overrides: per hyperparameter a value (fixed), a list (choices) or a mapping with low, high and optionally
                step and log (a range), as in the YAML file.
            max_epochs: value of `epochs`, and its upper bound where `overrides` searches it.

        Raises:
            UsageError: unknown hyperparameter, a value outside what is allowed, an impossible range.
        """
        parameters = {parameter.name: parameter for parameter in parameters_of(architecture)}
        domains: dict[str, Domain] = {name: parameter.searched for name, parameter in parameters.items()}
        domains["epochs"] = Choices((max_epochs,))
        for name, given in (overrides or {}).items():
            if name not in parameters:
                raise _unknown(name, architecture)
            domains[name] = parse_domain(parameters[name], given)
        _check_epochs(domains["epochs"], max_epochs)
        return cls(architecture, domains)

    def suggest(self, trial: Suggests) -> dict[str, Value]:
        """A value for every hyperparameter: suggested where searched, else the fixed one.

        A hyperparameter that has no effect beside the others (the width of a hidden layer where there is none) is
        not suggested, so that the sampler learns nothing false from it, and has its declared default.
        """
        values: dict[str, Value] = {}
        for parameter in parameters_of(self.architecture):
            if parameter.active(values):
                values[parameter.name] = _suggest(trial, parameter, self.domains[parameter.name])
            else:
                values[parameter.name] = parameter.default
        return values

    @property
    def searched(self) -> list[str]:
        """Names of the hyperparameters that have more than one value and can have an effect."""
        return [
            name
            for name, domain in self.domains.items()
            if count(domain, PARAMETERS[name].type) != 1 and self._can_matter(PARAMETERS[name])
        ]

    @property
    def combinations(self) -> float:
        """How many configurations the space holds at most; infinite as soon as one range is continuous."""
        return math.prod(count(self.domains[name], PARAMETERS[name].type) for name in self.searched)

    def _can_matter(self, parameter: Parameter) -> bool:
        """Whether some value of the hyperparameter that this one needs gives it an effect."""
        if parameter.needs is None:
            return True
        needed = self.domains[parameter.needs[0]]
        highest = needed.high if isinstance(needed, Range) else max(int(value) for value in needed.values)
        return highest >= parameter.needs[1]

    def as_yaml_data(self) -> dict[str, object]:
        """What `build` accepts as overrides, for every hyperparameter."""
        return {name: as_yaml(domain) for name, domain in self.domains.items()}


def parse_domain(parameter: Parameter, given: object) -> Domain:
    """What a user wrote for one hyperparameter: a value, a list of values, or a mapping with low and high."""
    if isinstance(given, Mapping):
        return _parse_range(parameter, given)
    if isinstance(given, list | tuple):
        if not given:
            raise UsageError(parameter.name, "must not be an empty list", f"for example [{text(parameter.default)}]")
        return Choices(tuple(dict.fromkeys(parameter.check(value) for value in given)))
    return Choices((parameter.check(given),))


def _parse_range(parameter: Parameter, given: Mapping[Any, object]) -> Range:
    name = parameter.name
    if isinstance(parameter.allowed, Choices):
        raise UsageError(name, "has no range", f"write a list such as {as_yaml(parameter.searched)}")
    for key in given:
        if key not in RANGE_KEYS:
            near = nearest(str(key), RANGE_KEYS)
            raise UsageError(name, f"has no {key!r}", f"did you mean {near}?" if near else "use low, high, step, log")
    for key in ("low", "high"):
        if key not in given:
            raise UsageError(name, f"needs {key!r}", f"for example {as_yaml(parameter.searched)}")
    low, high = parameter.check(given["low"]), parameter.check(given["high"])
    assert not isinstance(low, str) and not isinstance(high, str)
    if low > high:
        raise UsageError(name, f"must have low at most high, got {text(low)} and {text(high)}", "exchange the two")
    step, log = _parse_scale(parameter, given, low)
    return Range(low, high, step, log)


def _parse_scale(
    parameter: Parameter, given: Mapping[Any, object], low: int | float
) -> tuple[int | float | None, bool]:
    name = parameter.name
    log = convert(given.get("log", False), bool)
    if log is None:
        raise UsageError(name, f"must have log true or false, got {given['log']!r}")
    step = convert(given["step"], parameter.type) if given.get("step") is not None else None
    width = parameter.check(given["high"]) - low  # type: ignore[operator]
    if given.get("step") is not None and not (isinstance(step, int | float) and 0 < step <= max(width, 0)):
        problem = f"must have a step above 0 and at most high - low ({text(width)}), got {given['step']!r}"
        raise UsageError(name, problem, "leave step out")
    if isinstance(step, int | float) and width / step > MOST_STEPS:
        raise UsageError(
            name, f"must have at most {MOST_STEPS:,} steps, got {given['step']!r} for each", "leave step out"
        )
    if log and step is not None:
        raise UsageError(name, "cannot have both log and step", "leave one of them out")
    if log and low <= 0:
        raise UsageError(name, f"must have low above 0 on a logarithmic scale, got {text(low)}", "raise low")
    return step if isinstance(step, int | float) else None, bool(log)


def count(domain: Domain, kind: type) -> float:
    """How many values a domain holds; infinite for a continuous range."""
    if isinstance(domain, Choices):
        return len(domain.values)
    if domain.low == domain.high:
        return 1
    if domain.step is not None:
        return math.floor((domain.high - domain.low) / domain.step + 1e-9) + 1
    return domain.high - domain.low + 1 if kind is int else math.inf


def round_significant(value: float) -> float:
    """`value` with at most six significant digits, so that a configuration stays short and exact as JSON."""
    return float(f"{value:.6g}")


def _suggest(trial: Suggests, parameter: Parameter, domain: Domain) -> Value:
    if count(domain, parameter.type) == 1:
        return domain.values[0] if isinstance(domain, Choices) else domain.low
    if isinstance(domain, Choices):
        value: Value = trial.suggest_categorical(parameter.name, list(domain.values))
        return value
    if parameter.type is int:
        step = 1 if domain.step is None else int(domain.step)
        return trial.suggest_int(parameter.name, int(domain.low), int(domain.highest), step=step, log=domain.log)
    value = trial.suggest_float(parameter.name, domain.low, domain.highest, step=domain.step, log=domain.log)
    return round_significant(value)


def _check_epochs(domain: Domain, max_epochs: int) -> None:
    highest = domain.high if isinstance(domain, Range) else max(int(value) for value in domain.values)
    if highest > max_epochs:
        raise UsageError(
            "epochs", f"must be at most max_epochs_per_trial ({max_epochs}), got {highest}",
            f"set max_epochs_per_trial={highest}",
        )  # fmt: skip


def as_yaml(domain: Domain) -> object:
    """A domain as a user writes it: a value, a list, or a mapping with low and high. `parse_domain` reads it."""
    if isinstance(domain, Choices):
        return domain.values[0] if len(domain.values) == 1 else list(domain.values)
    plain: dict[str, object] = {"low": domain.low, "high": domain.high}
    if domain.step is not None:
        plain["step"] = domain.step
    if domain.log:
        plain["log"] = True
    return plain


def _unknown(name: str, architecture: Architecture) -> UsageError:
    if name in PARAMETERS:
        return UsageError(name, f"is no hyperparameter of a {architecture.upper()}", "leave it out")
    near = nearest(name, PARAMETERS)
    fix = f"did you mean {near}?" if near else f"known are {', '.join(p.name for p in parameters_of(architecture))}"
    return UsageError(name, "is no hyperparameter", fix)


__all__ = ["SearchSpace", "as_yaml", "count", "describe", "parse_domain", "round_significant"]
