"""What a visitor says about one hyperparameter, as YAML would say it: a value, a list or a range. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from hpo_core.errors import UsageError
from hpo_core.parameters import Choices, Parameter, Range, Value, convert, text
from hpo_core.search_space import as_yaml, parse_domain


class Shape(StrEnum):
    """How a hyperparameter is searched; the value is the word on the screen."""

    FIXED = "Fixed value"
    RANGE = "Range"
    LIST = "List"


def shape_of(given: object) -> Shape:
    """What was written."""
    if isinstance(given, Mapping):
        return Shape.RANGE
    return Shape.LIST if isinstance(given, list | tuple) else Shape.FIXED


def reshaped(parameter: Parameter, given: object, shape: Shape, highest: int | float | None = None) -> object:
    """What is proposed when another shape is chosen: as near as possible to what was written.

    Args:
        parameter: of the search space.
        given: what was written.
        shape: what it shall be.
        highest: an upper bound beside the declared one.
    """
    low, high = _bounds(parameter, given, highest)
    if shape is Shape.RANGE:
        log = isinstance(parameter.searched, Range) and parameter.searched.log and low > 0
        return {"low": low, "high": high} | ({"log": True} if log else {})
    if shape is Shape.LIST:
        searched = _numbers(parameter, as_yaml(parameter.searched)) if isinstance(parameter.searched, Choices) else []
        return searched if len(searched) > 1 and low <= min(searched) and max(searched) <= high else [low, high]
    if isinstance(given, list | tuple) and (numbers := _numbers(parameter, given)):
        return numbers[0]
    inside = not isinstance(parameter.default, str) and low <= parameter.default <= high
    return parameter.default if inside else low


def _bounds(parameter: Parameter, given: object, highest: int | float | None) -> tuple[int | float, int | float]:
    """Smallest and largest number that were written; those of the default search where that is a single one."""
    numbers = _numbers(parameter, given)
    if len(set(numbers)) < 2:
        numbers = [*numbers, *_numbers(parameter, as_yaml(parameter.searched))]
    if highest is not None:
        numbers = [min(number, highest) for number in numbers]
    return min(numbers), max(numbers)


def _numbers(parameter: Parameter, given: object) -> list[int | float]:
    values: Sequence[object] = (
        [given.get("low"), given.get("high")] if isinstance(given, Mapping)
        else list(given) if isinstance(given, list | tuple) else [given]
    )  # fmt: skip
    typed = [convert(value, parameter.type) for value in values]
    return [value for value in typed if isinstance(value, int | float) and parameter.allowed.holds(value)]


def words_of_list(given: object) -> str:
    """A list as it stands in a text field."""
    return ", ".join(text(value) for value in given) if isinstance(given, list | tuple) else text_of(given)


def list_of_words(parameter: Parameter, words: str) -> list[object]:
    """What was typed into that field; a word that is no number stays one, for the validation to speak of."""
    found: list[object] = []
    for word in re.split(r"[,;\s]+", words.strip()):
        if word:
            typed = convert(word, parameter.type)
            found.append(word if typed is None else typed)
    return found


def text_of(given: object) -> str:
    """A single value as people write it."""
    return text(given) if isinstance(given, bool | int | float | str) else str(given)


def normal(parameter: Parameter, given: object) -> object:
    """The one way to write what was given; as it is where it cannot be used."""
    try:
        return as_yaml(parse_domain(parameter, given))
    except UsageError:
        return given


def in_words(given: object) -> str:
    """What is searched, for example '12 to 24 in steps of 4', 'relu or elu', '16, fixed'."""
    if isinstance(given, Mapping):
        step = f" in steps of {text_of(given['step'])}" if given.get("step") is not None else ""
        log = ", on a logarithmic scale" if given.get("log") else ""
        return f"{text_of(given.get('low'))} to {text_of(given.get('high'))}{step}{log}"
    if isinstance(given, list | tuple):
        shown = [choice(value) for value in given]
        return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown) or "nothing"
    return f"{choice(given)}, fixed"


def unreached(parameter: Parameter, given: object) -> str:
    """What is to be said of a range whose steps do not lead to its highest number; '' of all others."""
    try:
        domain = parse_domain(parameter, given)
    except UsageError:  # which is said elsewhere
        return ""
    if not isinstance(domain, Range) or domain.step is None or domain.highest == domain.high:
        return ""
    step, low, highest = (text_of(number) for number in (domain.step, domain.low, domain.highest))
    return f"In steps of {step} from {low} the highest that is tried is {highest}."


def choice(value: object) -> str:
    """A value on the screen."""
    return ("yes" if value else "no") if isinstance(value, bool) else text_of(value).replace("_", " ")


def allowed_values(parameter: Parameter) -> tuple[Value, ...] | None:
    """All that a hyperparameter of a few values may be; None for numbers."""
    return parameter.allowed.values if isinstance(parameter.allowed, Choices) else None
