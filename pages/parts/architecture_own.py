"""A configuration of one's own on the Architecture page: each change redraws the network, nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

import datasets
from hpo_core.layer_plan import TRAINING_ONLY, layer_plan
from hpo_core.optimization_config import DEFAULTS
from hpo_core.parameters import Architecture, Choices, Parameter, Range, Value, defaults, describe, parameters_of
from hpo_core.trial_config import TrialConfig
from pages.parts import architecture_source, architecture_view, draft, formats, own_address, own_difference
from pages.parts.draft import FIRST_DATASET
from pages.parts.form import limits_style

DATASET = "own_dataset"
FIELD_WIDTH = 190
GO, VISITED = "own_to_optimize", "own_visited"


def draw() -> None:
    """Draw the fields and the network that they describe."""
    if st.session_state.pop(GO, False):
        st.switch_page("pages/optimize.py")
    _begin()
    with st.container(border=True, key="own_configuration"):
        plan = layer_plan(_configuration())
        own_address.write(plan.config)
        st.button(
            "Train it", key="own_train", icon=":material/model_training:", on_click=_to_optimize, args=(plan.config,),
            help="Opens Optimize with these values fixed, to train this network alone; widen some of them there under "
            "“Search space”, and it is searched around it.",
        )  # fmt: skip
    limit = DEFAULTS["max_parameters"]
    if plan.trainable > limit:
        st.warning(
            f"This network has {formats.plural(plan.trainable, 'weight')}. A run refuses more than "
            f"{formats.count(limit)}, unless its field “{formats.label('max_parameters')}” is raised.",
            icon=":material/weight:",
        )
    own_difference.draw(plan)
    title = f"A network for {datasets.dataset_info(plan.config.dataset).title}"
    architecture_view.draw(plan, key="own", name=f"{plan.config.dataset}_own_architecture", title=title)


def _begin() -> None:
    """A visit begins with what the address says; afterwards the fields say it."""
    if VISITED in st.session_state:
        return
    st.session_state[VISITED] = True
    config = own_address.given()
    if config is not None:
        take_over(config)


def _to_optimize(config: TrialConfig) -> None:
    """Fix every hyperparameter in the form of Optimize, which trains it alone."""
    draft.current().fix_alone(config)
    st.session_state[GO] = True


def take_over(config: TrialConfig) -> None:
    """Begin with the configuration of a trial."""
    st.session_state[DATASET] = config.dataset
    _fill(config.hyperparameters)


def _configuration() -> TrialConfig:
    names = list(datasets.CATALOGUE)
    st.session_state.setdefault(DATASET, FIRST_DATASET)
    with st.container(horizontal=True, vertical_alignment="bottom", key="own_head"):
        dataset = str(
            st.selectbox(
                "Data set", names, key=DATASET, format_func=lambda name: datasets.dataset_info(name).title,
                persist_state="session", width=280,
                help="Its kind decides between convolutions and LSTMs, its classes are the units of the last layer.",
            )
        )  # fmt: skip
        architecture = Architecture(datasets.dataset_info(dataset).architecture)
        st.button(
            "Back to the defaults", key="own_defaults", icon=":material/restart_alt:", on_click=_fill,
            args=(defaults(architecture),),
        )  # fmt: skip
    declared = parameters_of(architecture)
    st.html(limits_style({
        f"own_{parameter.name}": describe(parameter.allowed, parameter.type)
        for parameter in declared if isinstance(parameter.allowed, Range)
    }))  # fmt: skip
    values: dict[str, Value] = {}
    _fields((parameter for parameter in declared if parameter.name not in TRAINING_ONLY), values, "own_network")
    with st.expander("How it learns: does not change the diagram", key="own_training"):
        _fields((parameter for parameter in declared if parameter.name in TRAINING_ONLY), values, "own_learning")
    return architecture_source.make_config(dataset, values)


def _fields(parameters: Iterable[Parameter], values: dict[str, Value], key: str) -> None:
    """Draw a widget for each hyperparameter and note its value."""
    grid = st.grid("auto", min_column_width=FIELD_WIDTH, key=key)
    for parameter in parameters:
        with grid.cell():
            values[parameter.name] = _field(parameter, disabled=not parameter.active(values))


def _field(parameter: Parameter, *, disabled: bool) -> Value:
    key = f"own_{parameter.name}"
    st.session_state.setdefault(key, parameter.default)
    allowed, help_text = parameter.allowed, f"{parameter.explanation} {parameter.reference.markdown}"
    if isinstance(allowed, Range):
        number: Any = parameter.type  # all limits of a field must be of one type
        step: Any = _step(parameter)
        given: Value = number(st.number_input(
            parameter.title, min_value=number(allowed.low), max_value=number(allowed.high), value=None, step=step,
            format="%g" if number is float else None, key=key, help=help_text, disabled=disabled,
            persist_state="session", on_change=_keep, args=(parameter,),
        ))  # fmt: skip
        _kept()[parameter.name] = given
        return given
    assert isinstance(allowed, Choices)
    if parameter.type is bool:
        return st.toggle(parameter.title, key=key, help=help_text, disabled=disabled, persist_state="session")
    chosen: Value = st.selectbox(
        parameter.title, allowed.values, key=key, format_func=_word, help=help_text, disabled=disabled,
        persist_state="session",
    )  # fmt: skip
    return chosen


def _kept() -> dict[str, Value]:
    """The numbers that were there last."""
    found = st.session_state.setdefault("own_kept", {})
    assert isinstance(found, dict)
    return found


def _keep(parameter: Parameter) -> None:
    """A field that is emptied has its number again: a network needs all of them."""
    key = f"own_{parameter.name}"
    if st.session_state[key] is None:
        st.session_state[key] = _kept().get(parameter.name, parameter.default)


def _step(parameter: Parameter) -> int | float:
    """A tenth of what a rate usually is, a twentieth of a share, one of what is counted."""
    assert isinstance(parameter.allowed, Range)
    if parameter.type is int:
        return 1
    return 0.05 if parameter.allowed.high <= 1 and parameter.name != "weight_decay" else float(parameter.default) / 10


def _word(value: Value) -> str:
    return str(value).replace("_", " ")


def _fill(values: Mapping[str, Value]) -> None:
    for name, value in values.items():
        st.session_state[f"own_{name}"] = value
