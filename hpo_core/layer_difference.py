"""What two networks have in common, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from hpo_core.layer_plan import LayerPlan, PlannedLayer, Shape
from hpo_core.parameters import PARAMETERS, Value

# Hyperparameters that change a layer itself; the others only decide how many layers there are, or how large.
OWN = ("kernel_size", "activation", "hidden_activation", "dropout", "recurrent_dropout")

HANDS_ON = "hands on"

Told = Value | Shape


class Change(StrEnum):
    """What became of a layer from the first network to the second."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True)
class LayerDifference:
    """One layer of either network, or of both.

    Attributes:
        change: what became of it.
        left, right: the layer in both networks, None where it is missing.
        facts: (what, left, right) of what differs.
    """

    change: Change
    left: PlannedLayer | None
    right: PlannedLayer | None
    facts: tuple[tuple[str, Told, Told], ...] = ()

    @property
    def only_shape(self) -> bool:
        """Whether nothing changed but the shape, which follows from layers before."""
        return bool(self.facts) and all(what == HANDS_ON for what, _, _ in self.facts)


def layer_differences(left: LayerPlan, right: LayerPlan) -> list[LayerDifference]:
    """Every layer of both networks, in their order; layers of the same name are compared with each other."""
    matcher = SequenceMatcher(
        None, [layer.name for layer in left.layers], [layer.name for layer in right.layers], autojunk=False
    )
    found: list[LayerDifference] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found += [_compared(*pair) for pair in zip(left.layers[i1:i2], right.layers[j1:j2], strict=True)]
        else:
            found += [LayerDifference(Change.REMOVED, layer, None) for layer in left.layers[i1:i2]]
            found += [LayerDifference(Change.ADDED, None, layer) for layer in right.layers[j1:j2]]
    return found


def setting_differences(left: LayerPlan, right: LayerPlan) -> list[tuple[str, Value | None, Value | None]]:
    """(name, left, right) of the hyperparameters that differ; None for one that the other kind of network lacks."""
    sides = left.config.hyperparameters, right.config.hyperparameters
    pairs = [(name, sides[0].get(name), sides[1].get(name)) for name in PARAMETERS]
    return [(name, one, other) for name, one, other in pairs if one != other]


def _compared(left: PlannedLayer, right: PlannedLayer) -> LayerDifference:
    told: list[tuple[str, Told, Told]] = [
        (HANDS_ON, left.output_shape, right.output_shape),
        ("weights", left.trainable, right.trainable),
    ]
    settings = dict(left.made_by), dict(right.made_by)
    told += [(PARAMETERS[name].title.lower(), settings[0][name], settings[1][name])
             for name in OWN if name in settings[0] and name in settings[1]]  # fmt: skip
    facts = tuple(fact for fact in told if fact[1] != fact[2])
    return LayerDifference(Change.CHANGED if facts else Change.SAME, left, right, facts)
