"""YAML that people hand in: read strictly, and within limits, because it may come from anybody."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from hpo_core.errors import UsageError

MAX_BYTES = 1_000_000
"""A configuration has some 2,000; more than this is no configuration."""
MAX_ENTRIES = 10_000
"""Values, lists and mappings together; so reading ends in about a second whatever the text holds."""

LONGEST_NUMBER = 40
"""Characters; YAML's own reading of 1:1:1:... takes time that grows with the square of its length."""
KINDS = {type(None): "nothing", list: "a list", int: "a number", float: "a number"}
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_yaml(field: str, path: str) -> Mapping[str, object]:
    """A YAML file that holds a mapping. Raises UsageError naming the field, the file and the line."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(field, f"must be a readable file, got {path!r} ({error})") from error
    return parse_yaml(field, content, path)


def parse_yaml(field: str, content: bytes, source: str) -> Mapping[str, object]:
    """A YAML text in UTF-8 that holds a mapping.

    Args:
        field: what the text is for.
        content: the text; refused unread where it has more than `MAX_BYTES`.
        source: what a message calls it.

    Raises:
        UsageError: too large, not YAML, a key given twice, an alias, or no mapping.
    """
    if len(content) > MAX_BYTES:
        limit = f"{MAX_BYTES / 1e6:g} MB"
        raise UsageError(field, f"must be at most {limit}, {source} is larger", "give the configuration alone")
    try:
        data = yaml.load(content.decode("utf-8"), Loader=_StrictLoader)
    except UnicodeDecodeError as error:
        raise UsageError(field, f"must be a text in UTF-8, {source} is not ({error.reason})") from error
    except RecursionError as error:
        raise UsageError(field, f"must be YAML of a few levels, {source} is nested without end") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        # The loader raises the last four for values that a tag, such as !!int, does not fit.
        raise UsageError(field, f"must be YAML, {source} is not: {_where(error)}") from error
    if not isinstance(data, Mapping):
        held = KINDS.get(type(data), "a word")
        raise UsageError(field, f"must hold 'name: value' lines, {source} holds {held}")
    return {str(key): value for key, value in data.items()}


def _where(error: Exception) -> str:
    """What is wrong and in which line, without the parser's picture of the place."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses what would be lost silently or grow without limit.

    That is a key given twice, of which the first would be lost, an alias, with which a few lines stand for billions of
    values, and more than `MAX_ENTRIES` values.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._entries = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases (*name) are not used here")
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise ValueError(f"it holds more than {MAX_ENTRIES:,} values")
        return super().compose_node(parent, index)

    def compose_scalar_node(self, anchor: dict[Any, yaml.Node]) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if node.tag in NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise ValueError(f"it holds a number of {len(node.value):,} characters")
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)
