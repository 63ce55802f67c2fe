"""Choices of the form as people say them, and sentences made from a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping

import datasets
from hpo_core.analysis.targets import SCORE, Target, plain
from hpo_core.backends import RUNPOD
from hpo_core.errors import UsageError
from hpo_core.health.metrics import METRICS
from hpo_core.health.score import score_formula, weights_in_words
from hpo_core.objective import CANCELLED, INTERRUPTED, STOPPED
from hpo_core.optimization_config import EXPLANATIONS, FIELDS, OptimizationConfig
from hpo_core.parameters import PARAMETERS
from hpo_core.prices import PRICES
from hpo_core.references import LEARNING
from pages.parts import formats

CHOICES: Mapping[str, str] = {
    "simple": "Accuracy",
    "health": "Accuracy and health",
    "best": "Of each best trial",
    "all": "Of every trial",
    "tpe": "TPE",
    "cmaes": "CMA-ES",
    "qmc": "QMC",
    "gp": "Gaussian process",
    "halving": "Successive halving",
    "hyperband": "Hyperband",
    "macro_f1": "Macro F1",
    "top5_accuracy": "Top-5 accuracy",
    "local": "This machine",
    "runpod": "RunPod",
    **{price.key: f"{price.title}, {formats.dollars(price.per_second * 3600)} an hour" for price in PRICES.values()},
}

# How a trial ended, where that is recorded in another word than the button's.
OUTCOMES: Mapping[str, str] = {
    CANCELLED: "stopped with its run", STOPPED: "stopped alone", INTERRUPTED: "interrupted with its run"
}  # fmt: skip

# As a switch of the form says it.
ON_OFF: Mapping[str, str] = {"true": "on", "false": "off"}


def choice(value: object) -> str:
    """A choice as it stands on the screen."""
    return CHOICES.get(str(value), formats.label(str(value)))


def networks(dataset: str, number: int) -> str:
    """The kind of network that fits a data set, in the plural unless there is one."""
    kind = datasets.dataset_info(dataset).architecture.upper()
    return kind if number == 1 else f"{kind}s"


def score_name(study_attributes: Mapping[str, object]) -> str:
    """What the score of a study is, such as 'validation accuracy'; 'score' where that is not recorded.

    With health in it, it is one number made of two, and called so: the names of both would read like both.
    """
    config = study_attributes.get("configuration")
    objective = config.get("objective") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not objective:
        return "score"
    return "score with health" if config.get("mode") == "health" else choice(objective).lower()


def is_accuracy_alone(study_attributes: Mapping[str, object]) -> bool:
    """Whether the score of a study is the validation accuracy and nothing else: shown once, not under two names."""
    config = study_attributes.get("configuration")
    if not isinstance(config, Mapping):
        return False
    return config.get("objective") == "validation_accuracy" and config.get("mode") != "health"


def score(study_attributes: Mapping[str, object]) -> Target:
    """The score of a study as charts need it: accuracy alone is drawn in per cent, as it stands everywhere else."""
    return Target(SCORE, score_name(study_attributes), None, 0, is_share=is_accuracy_alone(study_attributes))


def score_in_words(study_attributes: Mapping[str, object], more: str = "") -> str:
    """How the score of a study comes about, with its weights, then `more`, then what to read on, as Markdown."""
    config = study_attributes.get("configuration")
    name = score_name(study_attributes)
    if not isinstance(config, Mapping) or config.get("mode") != "health":
        return f"What the search makes better: {name}.{more}"
    return (
        f"What the search makes better: {formula(config)}. Health is the weighted mean of {weights_in_words()}.{more} "
        f"{LEARNING.markdown}"
    )


def formula(values: Mapping[str, object]) -> str:
    """How a trial's score comes about, from the values of the form."""
    weight = values.get("health_weight") if values["mode"] == "health" else None
    return score_formula(str(values["objective"]), float(str(weight)) if weight is not None else None)


def refusal(error: UsageError, *, of_file: bool = False) -> str:
    """What cannot be used, and what to do: field, problem and fix, as sentences without any markup.

    Fields and limits are called as the form calls them, for `write workers=2` is for a command line; what is wrong in a
    file is called as the file calls it.
    """
    problem, fix = (text if of_file else _as_in_form(text, error.field) for text in (error.problem, error.fix or ""))
    return f"{field_title(error.field)} {problem}." + (f" {formats.sentence(fix)}" if fix else "")


_WORD = re.compile(rf"\b(write |set |for example )?({'|'.join([*EXPLANATIONS, *PARAMETERS])})=([\w.-]*\w)")
_LIMIT = re.compile(r"(?<![\w'])'?(low|high|step)\b(?!'?:)'?")
LIMITS: Mapping[str, str] = {"low": "“Lowest”", "high": "“Highest”", "step": "“Step”"}


def _as_in_form(text: str, field: str) -> str:
    text = _WORD.sub(_field_set, text)
    return _LIMIT.sub(lambda found: LIMITS[found[1]], text) if field in PARAMETERS else text


def _field_set(found: re.Match[str]) -> str:
    told, name, value = found.groups()
    shown = CHOICES.get(value) or (formats.label(value) if name == "objective" else value)
    title = field_title(name)
    if told == "for example ":
        return f"{told}{shown}"
    return f"set “{title}” to {shown}" if told else f"“{title}” {shown}"


def in_form(text: str) -> str:
    """A message that begins with a field: the field as the form calls it."""
    first, space, rest = text.partition(" ")
    return f"{field_title(first)}{space}{rest}" if first in FIELDS else text


def field_title(name: str) -> str:
    """A field or a hyperparameter as the form calls it."""
    return PARAMETERS[name].title if name in PARAMETERS else formats.label(name)


def recorded_title(name: str) -> str:
    """What was recorded about a trial, as every page calls it: a metric, a hyperparameter, or a figure."""
    if name in METRICS:
        return METRICS[name].title
    if name == "health":  # among the choices of a form it is a mode
        return "Health"
    return PARAMETERS[name].title if name in PARAMETERS else choice(name)


def recorded_value(name: str, content: object) -> str:
    """The value of it by its meaning: shares in per cent, a seed as the number that one types."""
    if isinstance(content, float) and 0 <= content <= 1 and (name.endswith("accuracy") or name == "macro_f1"):
        return formats.percent(content)
    if (name in METRICS or name == "health") and isinstance(content, int | float):
        return formats.score(content)
    if name.endswith("loss") and isinstance(content, float):
        return plain(content)
    if name == "outcome":
        return OUTCOMES.get(str(content), str(content))
    if name == "objective":
        return str(content).replace("_", " ")
    return str(content) if name.endswith("seed") else formats.value(content)


def suggested(content: object) -> object:
    """What the sampler suggested; None, which a study of plain Optuna may choose from, is a value and no gap."""
    return "none" if content is None else content


def advice(text: str) -> str:
    """Advice as a sentence that calls hyperparameters and their values as the form does."""
    return formats.sentence(_NAMED.sub(_called, text))


_NAMED = re.compile(rf"\b({'|'.join(PARAMETERS)}|sample_percentage)(?:=(\w+))?\b")


def _called(found: re.Match[str]) -> str:
    name, value = found.groups()
    title = field_title(name)
    if value is None:
        return title if title.startswith("LSTM") else title.lower()
    return f"“{ON_OFF.get(value) or value.replace('_', ' ')}” for “{title}”"


def summary(config: OptimizationConfig, workers: int) -> str:
    """One sentence about what a run will do, for example '20 trials of CNNs on MNIST, 2 at a time on this machine'."""
    title = datasets.dataset_info(config.dataset).title
    if config.rerun_of is not None:
        top = formats.plural(config.trials // config.seeds, "configuration")
        return f"{top} of {config.rerun_of} on {title}, each trained with {config.seeds} seeds"
    at_once = min(workers, config.trials)
    pace = "" if config.trials == 1 else ", one after the other" if at_once == 1 else f", {at_once} at a time"
    trials = formats.plural(config.trials, "trial")
    place = "RunPod" if config.backend == RUNPOD else "this machine"
    network = networks(config.dataset, config.trials)
    return f"{trials} of {'a ' if config.trials == 1 else ''}{network} on {title}{pace} on {place}"
