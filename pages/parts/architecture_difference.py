"""Two networks side by side: what differs first, what is the same in one line."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from hpo_core.layer_difference import Change, LayerDifference, layer_differences, setting_differences
from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.parameters import PARAMETERS
from pages.parts import formats, palette, state
from pages.parts.architecture_layout import shape_text, subtitle

COLOURS: Mapping[Change, str] = {
    Change.ADDED: palette.COMPLETE,
    Change.REMOVED: palette.FAILED,
    Change.CHANGED: palette.PRUNED,
}


def draw(left: tuple[str, LayerPlan], right: tuple[str, LayerPlan]) -> None:
    """Draw what changes from one network to another; each with what it is called, such as 'Trial 7'."""
    names, plans = (left[0], right[0]), (left[1], right[1])
    st.html(f'<div class="quiet">{html.escape(summary(names, plans))}</div>')
    settings = setting_differences(*plans)
    if settings:
        rows = [(PARAMETERS[name].title, _setting(one), _setting(other)) for name, one, other in settings]
        st.html(_table("Setting", names, rows))
    found = layer_differences(*plans)
    different = [item for item in found if item.change is not Change.SAME and not item.only_shape]
    if different:
        st.html(_table("Layer", names, [_row(item) for item in different]))
    for words, items in (
        ("Only the shape differs", [item for item in found if item.only_shape]),
        ("The same in both", [item for item in found if item.change is Change.SAME]),
    ):
        if items:
            named = ", ".join(item.left.name for item in items if item.left is not None)
            st.html(f'<div class="quiet">{words}: {html.escape(named)}.</div>')


def summary(names: tuple[str, str], plans: tuple[LayerPlan, LayerPlan]) -> str:
    """How different two networks are, in one sentence."""
    items = layer_differences(*plans)
    found = [item.change for item in items if not item.only_shape]
    counts = [f"{number} {change}" for change in COLOURS if (number := found.count(change))]
    if shapes := sum(item.only_shape for item in items):
        counts.append(f"{shapes} in shape only")
    what = ", ".join(counts) or "none differs"
    weights = plans[1].trainable - plans[0].trainable
    more = f"{formats.plural(abs(weights), 'weight')} {'more' if weights > 0 else 'fewer'}" if weights else (
        "as many weights"
    )  # fmt: skip
    return f"Layers from {names[0]} to {names[1]}: {what}. {_capital(names[1])} has {more}."


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _row(item: LayerDifference) -> tuple[str, str, str]:
    layer = item.right or item.left
    assert layer is not None
    head = f"{html.escape(layer.name)}<br>{state.badge(str(item.change), COLOURS[item.change])}"
    if item.change is not Change.CHANGED:
        return head, _whole(item.left), _whole(item.right)
    return head, _facts(item, 1), _facts(item, 2)


def _whole(layer: PlannedLayer | None) -> str:
    if layer is None:
        return formats.NOTHING
    return f"<span>{html.escape(subtitle(layer))}</span><small>hands on {shape_text(layer.output_shape)}</small>"


def _facts(item: LayerDifference, side: int) -> str:
    return "".join(f"<small>{html.escape(fact[0])}</small> {_setting(fact[side])}" for fact in item.facts)


def _setting(value: object) -> str:
    if isinstance(value, tuple):
        return shape_text(value)
    return f"{value:.3g}" if isinstance(value, float) else html.escape(formats.value(value))


def _table(what: str, names: tuple[str, str], rows: list[tuple[str, str, str]]) -> str:
    head = f"<tr><th>{what}</th>{''.join(f'<td><b>{html.escape(_capital(name))}</b></td>' for name in names)}</tr>"
    body = "".join(f"<tr><th>{name}</th><td>{one}</td><td>{other}</td></tr>" for name, one, other in rows)
    return f'<table class="facts-table compared differences">{head}{body}</table>'
