"""The search space: what each hyperparameter may be, one of them at a time to be changed, all of them in sight."""

from __future__ import annotations

import html
import math
from typing import Any

import streamlit as st

from hpo_core.parameters import PARAMETERS, Parameter, Range, describe, parameters_of
from hpo_core.search_space import SearchSpace
from pages.parts import draft, formats
from pages.parts import space_shapes as shapes
from pages.parts.checked import Checked
from pages.parts.form import Form
from pages.parts.space_shapes import Shape

CHOSEN, SHAPE, LIST, PICKED = "space_parameter", "space_shape", "space_list", "space_values"
LOW, HIGH, STEP, LOG, FIXED = "space_low", "space_high", "space_step", "space_log", "space_fixed"
EPOCHS, MAX_EPOCHS = "epochs", "max_epochs_per_trial"


def draw(form: Form, checked: Checked) -> None:
    """Draw how large the space is, the editor of one hyperparameter, and the list of all."""
    st.html(f'<div class="quiet">{html.escape(size(checked.space, once=checked.is_one_training))}</div>')
    changed = _changed(form.draft)
    wrong = form.problem.field if form.problem else ""
    names = [parameter.name for parameter in parameters_of(form.draft.architecture)]
    if st.session_state.get(CHOSEN) not in names:
        st.session_state[CHOSEN] = wrong if wrong in names else names[0]
    with st.container(border=True, key="space_card"):
        # No mark for changed ones here: an option with another text is another one, and the choice would be lost.
        chosen = st.selectbox(
            "Hyperparameter to change", names, key=CHOSEN, format_func=lambda name: PARAMETERS[name].title,
            persist_state="session",
        )  # fmt: skip
        _editor(form, PARAMETERS[chosen])
        form.say("space", *PARAMETERS)
        with st.container(horizontal=True):
            st.button(
                "Reset this one", key="space_reset", icon=":material/undo:", on_click=_reset, args=(chosen,),
                disabled=chosen not in changed,
            )  # fmt: skip
            st.button("Reset all", key="space_reset_all", on_click=_reset_all, disabled=not changed)
    st.html(_table(form.draft, changed))


def size(space: SearchSpace | None, *, once: bool = False) -> str:
    """How many hyperparameters are searched, and how many combinations that makes; `once`: for a single trial."""
    if space is None:
        return "The number of combinations is known when every entry of the form can be used."
    n_searched = len(space.searched)
    if n_searched == 0 and once:
        return "Everything is fixed: nothing is searched."
    if n_searched == 0:
        return "Everything is fixed: all trials have the same configuration and differ in their seed alone."
    searched = (
        f"{n_searched} of {len(space.domains)} hyperparameters, the settings of network and training, are searched"
    )
    if math.isinf(space.combinations):
        return f"{searched}. Some may have any value in their range, so there are endlessly many combinations."
    return f"{searched}: {formats.count(round(space.combinations))} combinations."


def _editor(form: Form, parameter: Parameter) -> None:
    """What the hyperparameter does, what it may be, and the fields that say what it shall be."""
    given = _given(form.draft, parameter.name)
    bounds = describe(parameter.allowed, parameter.type)
    st.html(
        f'<div class="card-text">{html.escape(parameter.explanation)} {formats.link(parameter.reference)}</div>'
        f'<div class="card-small">Allowed: {html.escape(bounds)}. Default in training: '
        f"{html.escape(shapes.choice(parameter.default))}.</div>"
    )
    values = shapes.allowed_values(parameter)
    if values is not None:
        st.session_state[PICKED] = [value for value in values if value in _as_list(given)]
        st.pills(
            "Values to choose from; a single one is fixed", values, selection_mode="multi", key=PICKED,
            format_func=shapes.choice, on_change=_take, args=(parameter.name, PICKED),
        )  # fmt: skip
        return
    shape = shapes.shape_of(given)
    st.session_state[SHAPE] = shape.value
    st.segmented_control(
        "What is tried", [item.value for item in Shape], required=True, key=SHAPE, on_change=_reshape,
        args=(parameter.name,),
    )  # fmt: skip
    if shape is Shape.LIST:
        st.session_state[LIST] = shapes.words_of_list(given)
        st.text_input(
            "Values, with commas between", key=LIST, on_change=_take, args=(parameter.name, LIST),
            help="Each of these values may be chosen, and no other.",
        )  # fmt: skip
    elif shape is Shape.FIXED:
        _number(parameter, "Value of every trial", FIXED, given)
    else:
        _range(parameter, given)


def _range(parameter: Parameter, given: Any) -> None:
    grid = st.grid(3, min_column_width=130, key="space_range")
    with grid.cell():
        _number(parameter, "Lowest", LOW, given.get("low"))
    with grid.cell():
        _number(parameter, "Highest", HIGH, given.get("high"))
    with grid.cell():
        _number(parameter, "Step", STEP, given.get("step"), optional=True)
    if unreached := shapes.unreached(parameter, given):
        st.html(f'<div class="card-small">{html.escape(unreached)}</div>')
    st.session_state[LOG] = bool(given.get("log"))
    st.toggle(
        "Logarithmic scale", key=LOG, on_change=_take, args=(parameter.name, LOG),
        help="Small and large values are tried equally often: right for numbers such as a learning rate, of which "
        "0.001 and 0.01 differ as much as 0.01 and 0.1.",
    )  # fmt: skip


def _number(parameter: Parameter, label: str, key: str, value: object, *, optional: bool = False) -> None:
    """A number of the hyperparameter's type; an optional one may be left empty."""
    assert isinstance(parameter.allowed, Range)
    kind: Any = float if parameter.type is float else int
    st.session_state[key] = None if value is None else kind(value)
    low, high = kind(parameter.allowed.low), kind(parameter.allowed.high)
    st.number_input(
        label, min_value=kind(0) if optional else low, max_value=high, value=None if optional else "min",
        step=_press(value, parameter.type), format="%g" if kind is float else None, key=key, on_change=_take,
        args=(parameter.name, key), placeholder="none" if optional else None,
    )  # fmt: skip


def _press(value: object, kind: type) -> int | float:
    """What the buttons of a number field add: a step that suits the number's size."""
    if kind is int:
        return 1
    size_of = abs(float(str(value))) if isinstance(value, int | float) else 0.0
    return float(f"1e{math.floor(math.log10(size_of))}") if size_of else 0.1


def _given(values: draft.Draft, name: str) -> object:
    """What is searched of a hyperparameter now, in the one way to write it."""
    return shapes.normal(PARAMETERS[name], values.space.get(name, _declared(values)[name]))


def _as_list(given: object) -> list[object]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _base(values: draft.Draft) -> dict[str, object]:
    """What is searched where nobody changed anything: the declared space, and what the preset widens."""
    return _declared(values) | values.base_space


def _declared(values: draft.Draft) -> dict[str, object]:
    epochs = int(float(str(values.fields[MAX_EPOCHS])))
    return SearchSpace.build(values.architecture, max_epochs=epochs).as_yaml_data()


def _changed(values: draft.Draft) -> set[str]:
    base = _base(values)
    return {
        name for name in base
        if _given(values, name) != shapes.normal(PARAMETERS[name], base[name])
    }  # fmt: skip


def _take(name: str, key: str) -> None:
    """Take one widget's value into the draft."""
    values, value = draft.current(), st.session_state[key]
    given = _given(values, name)
    if key == LIST:
        _put(values, name, shapes.list_of_words(PARAMETERS[name], value))
    elif key == PICKED:
        _put(values, name, value[0] if len(value) == 1 else list(value))
    elif key == FIXED:
        _put(values, name, value)
    else:
        changed = {**(given if isinstance(given, dict) else {}), key.removeprefix("space_"): value}
        _put(values, name, {key: part for key, part in changed.items() if part is not None and part is not False})


def _reshape(name: str) -> None:
    values = draft.current()
    highest = int(float(str(values.fields[MAX_EPOCHS]))) if name == EPOCHS else None
    shape = Shape(st.session_state[SHAPE] or Shape.FIXED)
    _put(values, name, shapes.reshaped(PARAMETERS[name], _given(values, name), shape, highest))


def _put(values: draft.Draft, name: str, given: object) -> None:
    """Write it down; what is as declared is not written, so that a configuration holds only what was changed."""
    values.space[name] = given
    if shapes.normal(PARAMETERS[name], given) == _declared(values)[name]:
        del values.space[name]


def _reset(name: str) -> None:
    values = draft.current()
    values.space.pop(name, None)
    if name in values.base_space:
        values.space[name] = values.base_space[name]


def _reset_all() -> None:
    values = draft.current()
    for name in _base(values):
        _reset(name)


def _table(values: draft.Draft, changed: set[str]) -> str:
    """All hyperparameters with what is tried of each, as HTML."""
    rows = []
    for parameter in parameters_of(values.architecture):
        mark = ' <span class="card-mark">changed</span>' if parameter.name in changed else ""
        rows.append(
            f"<tr><th><b>{html.escape(parameter.title)}</b>{mark}<br><small>{html.escape(parameter.explanation)}</small>"
            f"</th><td>{html.escape(shapes.in_words(_given(values, parameter.name)))}</td></tr>"
        )
    return f'<table class="facts-table space-table">{"".join(rows)}</table>'
