"""A network of one's own in the address of Architecture: a reload, or somebody who was sent it, finds it again.

`network={dataset: mnist, conv_layers: 2}` holds its data set and each hyperparameter that differs from its default.
"""

from __future__ import annotations

import math
from typing import Any

import streamlit as st
import yaml

import datasets
from datasets import DatasetError
from hpo_core.errors import UsageError
from hpo_core.parameters import PARAMETERS, Architecture, defaults
from hpo_core.trial_config import TrialConfig
from hpo_core.yaml_text import parse_yaml
from pages.parts import architecture_source, formats, words
from pages.parts.draft import FIRST_DATASET

NETWORK = "network"


def is_given() -> bool:
    """Whether the address holds a network."""
    return NETWORK in st.query_params


def given() -> TrialConfig | None:
    """The network of the address; where it cannot be used it is said, and None."""
    try:
        return read(st.query_params[NETWORK])
    except (UsageError, DatasetError) as error:
        said = words.refusal(error, of_file=True) if isinstance(error, UsageError) else formats.sentence(str(error))
        st.warning(
            f"The address holds a network that cannot be used: {formats.as_markdown(said)} Its fields begin with the "
            "defaults.", icon=":material/link_off:",
        )  # fmt: skip
        return None


def read(text: str) -> TrialConfig:
    """The configuration that an address describes. Raises UsageError, UnknownDatasetError."""
    values = dict(parse_yaml(NETWORK, text.encode(), "the address"))
    dataset = str(values.pop("dataset", FIRST_DATASET))
    architecture = Architecture(datasets.dataset_info(dataset).architecture)
    usual = defaults(architecture)
    for name in sorted(values.keys() & (PARAMETERS.keys() - usual.keys())):
        title = datasets.dataset_info(dataset).title
        raise UsageError(name, f"is no hyperparameter of {words.networks(dataset, 2)}, which learn {title}")
    # Written by hand, 1e-4 is a word for YAML.
    checked: dict[str, Any] = {
        name: PARAMETERS[name].check(value) if name in PARAMETERS else value for name, value in values.items()
    }
    return architecture_source.make_config(dataset, usual | checked)


def told(config: TrialConfig) -> str:
    """What the address says of a configuration."""
    usual = defaults(config.architecture)
    values = {name: value for name, value in config.hyperparameters.items() if value != usual[name]}
    said = {"dataset": config.dataset, **values}
    return str(yaml.safe_dump(said, default_flow_style=True, sort_keys=False, width=math.inf)).strip()


def begin() -> None:
    """Let the address hold a network; which one, the fields say."""
    st.query_params[NETWORK] = "{}"


def write(config: TrialConfig) -> None:
    """Keep the address up to date."""
    if st.query_params.get(NETWORK) != (said := told(config)):
        st.query_params[NETWORK] = said


def forget() -> None:
    """Take the network out of the address."""
    st.query_params.pop(NETWORK, None)
