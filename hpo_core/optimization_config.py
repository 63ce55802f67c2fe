"""What a run is told. Each field is declared once, with its default, its limits and its explanation."""

from __future__ import annotations

import dataclasses
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

import datasets
from hpo_core.errors import UsageError, nearest
from hpo_core.health.score import DEFAULT_HEALTH_WEIGHT
from hpo_core.history import BIAS_CHANGE_LIMIT
from hpo_core.parameters import FLAG, PARAMETERS, Architecture, Choices, Domain, Range, convert, describe
from hpo_core.presets import preset_called
from hpo_core.prices import PRICES
from hpo_core.search_methods import PRUNERS, SAMPLERS
from hpo_core.search_space import SearchSpace, as_yaml, count
from hpo_core.yaml_text import parse_yaml, read_yaml

LONGEST_RUN_NAME = 80
RUN_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_RUN_NAME - 1}}}")


@dataclass(frozen=True)
class Option:
    """How one field is validated and explained; `optional` fields may be None, which the explanation names."""

    kind: type
    explanation: str
    allowed: Domain | None = None
    optional: bool = False

    def check(self, name: str, value: object) -> object:
        """`value` as this option's type. Raises UsageError where it cannot be used."""
        if self.optional and (value is None or str(value).lower() in ("", "none", "null", "auto")):
            return None
        if self.allowed is None:  # a name, which YAML may have read as a number
            return str(value)
        typed = convert(value, self.kind)
        if typed is None or not self.allowed.holds(typed):
            wanted = describe(self.allowed, self.kind)
            raise UsageError(name, f"must be {wanted}, got {value!r}", self._fix(name, value))
        return typed

    def _fix(self, name: str, value: object) -> str:
        if self.optional:
            return f"leave {name} out for its default"
        if isinstance(self.allowed, Range):
            number = convert(value, float)
            wish = number if isinstance(number, float) and math.isfinite(number) else self.allowed.low
            usable = min(max(wish, self.allowed.low), self.allowed.high)
            return f"for example {name}={round(usable) if self.kind is int else usable}"
        near = nearest(str(value), [str(known) for known in self.allowed.values]) if self.allowed else ""
        return f"did you mean {near}?" if near else ""


def _option(default: Any, explanation: str, allowed: Domain | None = None, kind: type | None = None) -> Any:
    """A dataclass field with its `Option`; without `kind` the default says the type."""
    option = Option(kind or type(default), explanation, allowed, optional=kind is not None)
    return dataclasses.field(default=default, metadata={"option": option})


def _explained(explanation: str) -> dict[str, str]:
    """What is declared of a field that has a check of its own."""
    return {"explanation": explanation}


OBJECTIVES = Choices(("validation_accuracy", "validation_loss", "macro_f1", "top5_accuracy"))


@dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """One run: which data, which search, how much of it, and where. Validated when it is made.

    Raises:
        UsageError: names the first field that cannot be used, its value and the fix.
    """

    dataset: str = _option("digits", "The data to learn.", Choices(tuple(datasets.CATALOGUE)))
    mode: str = _option(
        "simple",
        "What a trial is scored by: the objective alone, such as the accuracy, or also how sound the network is.",
        Choices(("simple", "health")),
    )  # fmt: skip
    health_weight: float = _option(
        DEFAULT_HEALTH_WEIGHT, "Share of health in the score of mode health; the rest is the objective.", Range(0, 1)
    )
    health_interval: int | None = _option(
        None, "Epochs from one reading of the layers to the next; by default at most 20 readings a trial, 0 is never.",
        Range(0, 1000), int,
    )  # fmt: skip
    bias_change_limit: float = _option(
        BIAS_CHANGE_LIMIT, "A bias that moves further than this in one epoch is diagnosed.", Range(1e-6, 1e9)
    )
    health_pruning: bool = _option(False, "Whether a trial with a fatal diagnosis ends at once.", FLAG)
    objective: str = _option(
        "validation_accuracy", "The number that makes a trial better, on the validation part.", OBJECTIVES
    )
    trials: int = _option(20, "How many configurations are tried.", Range(1, 100_000))
    max_epochs_per_trial: int = _option(
        5, "How often each network sees the training part; the upper bound where epochs are searched.", Range(1, 1000)
    )
    sample_percentage: float = _option(100.0, "Share of the training part that is used, in per cent.", Range(5, 100))
    validation_split: float = _option(0.2, "Share of the training part that is validated on.", Range(0.05, 0.5))
    test_split: float = _option(
        0.2, "Share set aside for the final test where the data come without a test part.", Range(0.05, 0.5)
    )
    sampler: str = _option("tpe", "The rule that chooses the next configuration.", Choices(tuple(SAMPLERS)))
    pruner: str = _option("median", "The rule that ends a trial which falls behind.", Choices(tuple(PRUNERS)))
    seed: int = _option(42, "The same seed and one worker give the same trials.", Range(0, 2**32 - 1))
    warm_start: str | None = _option(
        None, "A study whose best configurations are tried first, as far as they fit the search space.", kind=str
    )
    rerun_of: str | None = _option(
        None, "A study whose best configurations are trained again, each with several seeds; nothing is searched.",
        kind=str,
    )  # fmt: skip
    seeds: int = _option(5, "Seeds of each configuration that is trained again.", Range(2, 100))
    workers: int | None = _option(
        None, "Trials at once; by default as many as cores and memory allow, or three on RunPod.", Range(1, 64), int
    )
    backend: str = _option(
        "local", "Where trials train: on this machine, or on RunPod's serverless GPUs.", Choices(("local", "runpod"))
    )
    fallback_local: bool = _option(True, "Whether trials train on this machine when RunPod does not answer.", FLAG)
    gpu: str = _option("24gb", "What the endpoint's workers have; decides what a second costs.", Choices(tuple(PRICES)))
    max_cost: float | None = _option(
        None, "Dollars that a run on RunPod may cost; by default no limit.", Range(0.0001, 100_000), float
    )
    threads: int | None = _option(
        None, "Processor threads of each training; by default an equal share of the cores.", Range(1, 256), int
    )
    gpus_per_worker: int | None = _option(
        None, "GPUs that share each batch of a trial; by default as many as there are for it.", Range(1, 16), int
    )
    scale_batch: bool = _option(False, "Whether the batch grows with the number of GPUs that share it.", FLAG)
    max_parameters: int = _option(
        5_000_000, "Models with more trainable parameters are refused before training.", Range(100, 2_000_000_000)
    )
    timeout_minutes: float | None = _option(
        None,
        "The whole run ends after this time, with its final model if that is possible; by default when all is done.",
        Range(0.01, 100_000), float,
    )  # fmt: skip
    max_training_time_minutes: float = _option(60.0, "A trial that takes longer fails.", Range(0.01, 100_000))
    plots: str = _option(
        "best", "Which trials' pictures are drawn; best is each trial that is the best so far.",
        Choices(("best", "all", "none")),
    )  # fmt: skip
    final_model: bool = _option(
        True,
        "Whether the best configuration is trained again on all samples of the trials, tested, and made into files.",
        FLAG,
    )
    run_name: str | None = dataclasses.field(
        default=None,
        metadata=_explained("Name of the run, its study and its folder; by default made from data, mode and time."),
    )
    space: Mapping[str, object] = dataclasses.field(
        default_factory=dict,
        metadata=_explained("Per hyperparameter a value, a list, or low and high: what this run searches."),
    )

    def __post_init__(self) -> None:
        datasets.dataset_info(str(self.dataset))  # says which name was probably meant
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            object.__setattr__(self, name, option.check(name, value))
        if self.run_name is not None and not RUN_NAME.fullmatch(name := str(self.run_name)):
            got = repr(name) if len(name) <= LONGEST_RUN_NAME else f"{len(name)} of them"
            raise UsageError(
                "run_name",
                f"must be letters without accents, digits, '.', '_' or '-', at most {LONGEST_RUN_NAME}, got {got}",
                f"for example run_name={_usable(name)}",
            )  # fmt: skip
        if self.run_name is not None:
            object.__setattr__(self, "run_name", str(self.run_name))  # YAML reads 2024 as a number
        if not isinstance(self.space, Mapping):
            raise UsageError("space", f"must map hyperparameters to what they may be, got {self.space!r}")
        if self.mode == "health" and self.minimises:
            raise UsageError(
                "objective", f"must grow with quality in mode=health, got {self.objective!r}",
                "for example objective=validation_accuracy",
            )  # fmt: skip
        if self.mode == "health" and self.health_interval == 0:
            raise UsageError("health_interval", "must be at least 1 in mode=health, got 0", "leave it out")
        if self.rerun_of is not None and self.trials % self.seeds:
            raise UsageError(
                "trials", f"must be a multiple of seeds={self.seeds} where trials are repeated, got {self.trials}",
                f"for example trials={max(1, self.trials // self.seeds) * self.seeds}",
            )  # fmt: skip
        self.search_space()

    @property
    def score_weight(self) -> float | None:
        """Share of health in the score; None in mode simple."""
        return self.health_weight if self.mode == "health" else None

    @property
    def score_name(self) -> str:
        """What the score is called: the objective's name, or that of both."""
        name = self.objective.replace("_", " ")
        return f"{name} and health" if self.mode == "health" else name

    @property
    def architecture(self) -> Architecture:
        return Architecture(datasets.dataset_info(self.dataset).architecture)

    @property
    def minimises(self) -> bool:
        """Whether a smaller score is the better one."""
        return self.objective == "validation_loss"

    def search_space(self) -> SearchSpace:
        return SearchSpace.build(self.architecture, self.space, max_epochs=self.max_epochs_per_trial)

    def one_trial(self) -> OptimizationConfig:
        """A run of a single trial: what the search space fixes, and declared defaults for all that it searches."""
        fixed = {
            name: as_yaml(domain) if count(domain, PARAMETERS[name].type) == 1 else PARAMETERS[name].default
            for name, domain in self.search_space().domains.items()
        }
        fixed = {name: value["low"] if isinstance(value, Mapping) else value for name, value in fixed.items()}
        fixed["epochs"] = min(int(str(fixed["epochs"])), self.max_epochs_per_trial)
        return dataclasses.replace(
            self, trials=1, space=fixed, sampler="tpe", pruner="none", warm_start=None, rerun_of=None
        )

    def as_dict(self) -> dict[str, object]:
        """Plain values that YAML and JSON can hold and `from_mapping` accepts."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)} | {
            "space": dict(self.space)
        }

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.as_dict(), sort_keys=False, allow_unicode=True)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> OptimizationConfig:
        """Raises UsageError for an unknown field, with the nearest known one."""
        for name in values:
            if name not in FIELDS:
                raise unknown_field(str(name), values[name])
        return cls(**values)  # type: ignore[arg-type]

    @classmethod
    def from_yaml(cls, content: bytes, source: str = "the text") -> OptimizationConfig:
        """The configuration that a text in YAML holds, as `to_yaml` writes it; what is left out has its default.

        Raises:
            UsageError: the text cannot be read, or names the first field that cannot be used.
            UnknownDatasetError: no such data set.
        """
        return cls.from_mapping(parse_yaml("config", content, source))

    @classmethod
    def from_words(cls, words: Sequence[str]) -> OptimizationConfig:
        """The configuration that `key=value` words describe, whatever their order.

        `config=FILE` is read first, `preset=NAME` says what differs from it, and each other word is about one field.
        """
        given = split_words(words)
        values: dict[str, object] = {}
        if "config" in given:
            values.update(read_yaml("config", given.pop("config")))
        if "preset" in given:
            preset = preset_called(given.pop("preset"))
            values.update(preset.values(str(given.get("dataset", values.get("dataset", DEFAULTS["dataset"])))))
        if "space" in given:
            values["space"] = read_yaml("space", given.pop("space"))
        return cls.from_mapping(values | given)


FIELDS = tuple(field.name for field in dataclasses.fields(OptimizationConfig))
OPTIONS: Mapping[str, Option] = {
    field.name: field.metadata["option"]
    for field in dataclasses.fields(OptimizationConfig)
    if "option" in field.metadata
}
DEFAULTS: Mapping[str, Any] = {
    field.name: field.default for field in dataclasses.fields(OptimizationConfig) if "option" in field.metadata
}
EXPLANATIONS: Mapping[str, str] = {
    field.name: OPTIONS[field.name].explanation if field.name in OPTIONS else field.metadata["explanation"]
    for field in dataclasses.fields(OptimizationConfig)
}


def split_words(words: Sequence[str]) -> dict[str, str]:
    """Words of a command line as a mapping. Raises UsageError for a word without '=' and for a key given twice."""
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            near = nearest(key, FIELDS)
            raise UsageError(repr(word), "must be key=value", f"for example {near or 'trials'}=...")
        if key in given:
            raise UsageError(key, "must be given once", f"got {given[key]!r} and {value!r}")
        given[key] = value
    return given


# Words of earlier tools, and what is said here instead. A callable turns the old value into the new one.
_EARLIER_WORDS: Mapping[str, Callable[[object], str]] = {
    "use_runpod_service": lambda value: "backend=runpod" if convert(value, bool) else "backend=local",
    "concurrent_workers": lambda value: f"workers={value}",
    "gpu_proxy_sample_percentage": lambda value: f"sample_percentage={float(convert(value, float) or 1) * 100:g}",
    "plot_generation": lambda value: f"plots={value}",
    "timeout_hours": lambda value: f"timeout_minutes={float(convert(value, float) or 1) * 60:g}",
    "use_multi_gpu": lambda value: "gpus_per_worker=auto" if convert(value, bool) else "gpus_per_worker=1",
    "target_gpus_per_worker": lambda value: f"gpus_per_worker={value}",
}


def _usable(name: str) -> str:
    """A name of a run that is as near to `name` as can be: letters without their accents, dashes between words."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub("[^A-Za-z0-9]+", "-", letters)[:40].strip("-") or "run"


def unknown_field(name: str, value: object) -> UsageError:
    """The message for a key that is no field: what an earlier tool called it, or the nearest field."""
    if name in _EARLIER_WORDS:
        return UsageError(f"{name}={value}", "is not the word used here", f"write {_EARLIER_WORDS[name](value)}")
    if name in PARAMETERS:
        return UsageError(f"{name}={value}", "is a hyperparameter, no field of a run", "put it into a file: space=FILE")
    near = nearest(name, FIELDS)
    return UsageError(f"{name}={value}", "has an unknown key", f"did you mean {near}?" if near else _known())


def _known() -> str:
    return "known keys are " + ", ".join(FIELDS)
