"""What is set on Optimize, in its address: a reload, a bookmark, or somebody who was sent it, finds the same form.

The address speaks as the command line does: `dataset=mnist`, `preset=quick`, `trials=30`, `space={dropout: 0.1}`. It
holds what differs from the form of a first visitor, and only what can be used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import streamlit as st
import yaml

from datasets import DatasetError
from hpo_core.errors import UsageError, nearest
from hpo_core.optimization_config import FIELDS, OptimizationConfig
from hpo_core.presets import preset_called
from hpo_core.yaml_text import parse_yaml
from pages.parts import draft, formats, study_choice, trial_choice, words
from pages.parts.draft import FIRST_DATASET, FIRST_PRESET, Draft

PRESET, OWN = "preset", "own"
NAMES = (PRESET, *FIELDS)
# An address may have them on every page; this one shows neither.
OF_ALL_PAGES = (study_choice.PARAMETER, trial_choice.PARAMETER)


def take_over() -> None:
    """Begin a visit with what the address says; where that cannot be used it is said, and nothing is taken over."""
    if draft.KEY in st.session_state:
        return
    if unknown := [name for name in st.query_params if name not in (*NAMES, *OF_ALL_PAGES)]:
        st.warning(formats.as_markdown(unknown_words(unknown)), icon=":material/link_off:")
    given = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    if not given:
        return
    try:
        st.session_state[draft.KEY] = read(given)
    except (UsageError, DatasetError) as error:
        said = words.refusal(error, of_file=True) if isinstance(error, UsageError) else formats.sentence(str(error))
        st.warning(
            f"The address holds what cannot be used: {formats.as_markdown(said)} The form begins afresh.",
            icon=":material/link_off:",
        )


def unknown_words(names: Sequence[str]) -> str:
    """What to say of names in the address that are no fields: a typing error must not start another run unnoticed."""
    said = ", ".join(f"“{name}”" for name in names)
    near = [field for name in names if (field := nearest(name, NAMES))]
    hint = f" Did you mean “{'”, “'.join(near)}”?" if near else ""
    return f"The address names {said}, which this form does not have, so nothing was set by it.{hint}"


def read(given: dict[str, str]) -> Draft:
    """The draft that an address describes. Raises UsageError, UnknownDatasetError."""
    values: dict[str, object] = {"dataset": FIRST_DATASET, **given}
    preset = str(values.pop(PRESET, FIRST_PRESET))
    found = Draft.first()
    if preset != OWN:
        found.apply_preset(preset_called(preset).name)
        values = preset_called(preset).values(str(values["dataset"])) | values
    if "space" in given:
        values["space"] = parse_yaml("space", given["space"].encode(), "the address")
    found.load(OptimizationConfig.from_mapping(values))
    found.preset = None if preset == OWN else preset
    return found


def told(values: Draft, config: OptimizationConfig) -> dict[str, str]:
    """What the address says of a draft; `config` is the run that it describes."""
    base = {**values.base(), "dataset": FIRST_DATASET, "space": values.base_space}
    said = {name: value for name, value in config.as_dict().items() if value is not None and value != base.get(name)}
    if values.preset != FIRST_PRESET:
        said[PRESET] = values.preset or OWN
    return {name: _text(value) for name, value in said.items()}


def write(values: Draft, config: OptimizationConfig | None) -> None:
    """Keep the address up to date; while something cannot be used it stays as it was."""
    if config is None:
        return
    now = st.query_params.to_dict()
    others = {name: value for name, value in now.items() if name not in NAMES}
    if now != (wanted := others | told(values, config)):
        st.query_params.from_dict(wanted)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return str(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf)).strip()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
