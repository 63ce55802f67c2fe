"""The networks of two to four trials, layer by layer: what stands in one row does the same in each of them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from hpo_core.layer_difference import OWN
from hpo_core.layer_plan import LayerPlan, PlannedLayer
from hpo_core.parameters import PARAMETERS
from pages.parts import formats
from pages.parts.architecture_colours import type_colour
from pages.parts.architecture_layout import shape_text


@dataclass(frozen=True)
class LayerRow:
    """Layers of the same name.

    Attributes:
        name: of the layer.
        layers: one for each network; None where it has none of that name, or is not known.
    """

    name: str
    layers: tuple[PlannedLayer | None, ...]


def rows_of(plans: Sequence[LayerPlan | None]) -> list[LayerRow]:
    """All layers of all networks, each network's in its own order."""
    names: list[str] = []
    for plan in plans:
        names = _merged(names, [layer.name for layer in plan.layers] if plan is not None else [])
    return [LayerRow(name, tuple(plan.layer(name) if plan is not None else None for plan in plans)) for name in names]


def text_of(layer: PlannedLayer) -> tuple[str, str]:
    """The shape that a layer hands on, and what it learns and what makes it what it is."""
    made_by = dict(layer.made_by)
    settings = [f"{PARAMETERS[name].title.lower()} {formats.value(made_by[name])}" for name in OWN if name in made_by]
    weights = [formats.plural(layer.trainable, "weight")] if layer.trainable else []
    return shape_text(layer.output_shape), ", ".join(weights + settings)


def table_rows(plans: Sequence[LayerPlan | None]) -> str:
    """The rows of a table as HTML, one column for each network; those that differ stand out."""
    rows = [_row(row) for row in rows_of(plans)]
    counts = [formats.NOTHING if plan is None else f"<b>{formats.count(plan.trainable)}</b>" for plan in plans]
    cells = "".join(f"<td>{count}</td>" for count in counts)
    return "".join([*rows, f"<tr><th>Weights that learn</th>{cells}</tr>"])


def _row(row: LayerRow) -> str:
    colour = type_colour(next(layer for layer in row.layers if layer is not None))
    head = f'<th><i class="layer-dot" style="background:{colour}"></i>{html.escape(row.name)}</th>'
    told = [None if layer is None else text_of(layer) for layer in row.layers]
    apart = [len({None if text is None else text[part] for text in told}) > 1 for part in (0, 1)]
    return f"<tr>{head}{''.join(_cell(text, apart) for text in told)}</tr>"


def _cell(told: tuple[str, str] | None, apart: Sequence[bool]) -> str:
    """The two texts of a layer, each bold where it is not the same in all networks."""
    if told is None:
        return f"<td>{formats.NOTHING}</td>"
    shape, rest = (
        f"<b>{html.escape(text)}</b>" if strong else html.escape(text) for text, strong in zip(told, apart, strict=True)
    )
    return f"<td>{shape}<br><small>{rest}</small></td>"


def _merged(names: list[str], more: list[str]) -> list[str]:
    """Both lists in one, each in its own order; what stands in both stands there once."""
    merged: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, names, more, autojunk=False).get_opcodes():
        merged += names[i1:i2] if tag == "equal" else names[i1:i2] + more[j1:j2]
    return list(dict.fromkeys(merged))
