"""What the Health page computes before it draws: bars, series, tables and the comparison. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo_core.health.metrics import METRICS, measure
from hpo_core.health.readings import LayerReading
from hpo_core.health.score import health_score
from hpo_core.history import TrialHistory
from hpo_core.records import Epoch
from pages.parts import formats
from storage.studies import TrialRow

NOT_MEASURED = "not measured"
NEED_LAYERS = ("neuron_utilisation", "gradient_health")
UPDATE_RATIO = "update_ratio"
# Schedules at whose end the learning rate is a small share of what it began with.
FALLING = ("cosine", "exponential")
SCALE, LOG, SHARE = "plain", "log", "share"


@dataclass(frozen=True)
class Values:
    """Health of a trial: the score and the six metrics by name; None where it was not measured."""

    score: float | None
    metrics: Mapping[str, float | None]

    @property
    def measured(self) -> dict[str, float]:
        return {name: value for name, value in self.metrics.items() if value is not None}


@dataclass(frozen=True)
class Quantity:
    """Something that is read from each layer after an epoch.

    Attributes:
        name, title: of the quantity; `axis` is what its axis says.
        of: its value in a reading, None where the layer has no such thing.
        kind: 'log', 'share' (drawn in per cent) or 'plain'.
        reading: what a learner looks for in its curve.
        healthy: range of healthy values, drawn as a band.
    """

    name: str
    title: str
    axis: str
    of: Callable[[LayerReading], float | None]
    kind: str
    reading: str
    healthy: tuple[float, float] | None = None


def _share(count: int | None, units: int) -> float | None:
    return None if count is None or not units else count / units


QUANTITIES: Mapping[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "gradient", "Gradient", "root mean square of the gradient", lambda r: r.gradient_rms, LOG,
            "Lines that stay within a few powers of ten of each other are healthy. A line near the input that lies far "
            "below the others: the gradient vanishes on its way back.",
        ),
        Quantity(
            UPDATE_RATIO, "Update ratio", "size of a step / size of the weights", lambda r: r.update_ratio, LOG,
            "How far one step moves the weights. In the shaded band the layer learns at a good pace. Lines often begin "
            "above it, where a training is short too; those that stay there have too large a learning rate, those far "
            "below it too small a one.",
            healthy=(1e-4, 1e-2),
        ),
        Quantity(
            "weight_change", "Weight change", "change in the epoch / size of the weights", lambda r: r.weight_change,
            LOG, "How much of the layer is new after an epoch. It falls while a training settles; a layer that is far "
            "below all others hardly takes part.",
        ),
        Quantity(
            "dead", "Dead units", "dead units in %", lambda r: _share(r.dead, r.units), SHARE,
            "Units that tell samples nothing. A few are normal with ReLU; a line that climbs means capacity is lost, "
            "often to a learning rate that is too large.",
        ),
        Quantity(
            "saturated", "Saturated units", "saturated units in %", lambda r: _share(r.saturated, r.units), SHARE,
            "Units of tanh, sigmoid or LSTM that sit at an end of their range, where they pass on almost no gradient.",
        ),
        Quantity(
            "output", "Output spread", "standard deviation of the output", lambda r: r.output_std, LOG,
            "How different the outputs of a layer are. A line that falls to nearly nothing: the layer puts out the "
            "same for every sample.",
        ),
        Quantity(
            "weights", "Weight norm", "Euclidean norm of the weights", lambda r: r.weight_norm, SCALE,
            "A slow rise is normal. A line that shoots up comes before divergence; weight decay holds it back.",
        ),
    )
}  # fmt: skip


# How the numbers of the table of layers are written, by column.
CELLS: Mapping[str, Callable[[Any], str]] = {
    **dict.fromkeys(("Units", "Dead", "Saturated", "Weights"), formats.whole),
    **dict.fromkeys(("Gradient", "Update ratio", "Bias change"), "{:.1e}".format),
    "Weight change": "{:.2f} %".format,
    "Weight norm": "{:.3g}".format,
}


def values_of(trial: TrialRow, history: TrialHistory | None) -> Values:
    """Health as it was recorded; where it was not, as it follows from the history."""
    recorded = {name: _number(trial.attributes.get(name)) for name in METRICS}
    if all(value is None for value in recorded.values()) and history is not None and history.epochs:
        recorded = {name: measure(history).get(name) for name in METRICS}
    score = _number(trial.attributes.get("health"))
    return Values(score if score is not None else health_score(recorded), recorded)


def why_absent(name: str, history: TrialHistory | None) -> str:
    """Why a metric has no value, in a few words."""
    if history is None or not history.epochs:
        return "no epoch was recorded"
    if name in NEED_LAYERS:
        return "no hidden unit was read" if history.read_epochs else "no layer was read"
    if name == "accuracy_consistency":
        return "the validation part is too small for five folds"
    return "the training gave nothing to measure it by"


def series(history: TrialHistory, quantity: Quantity) -> dict[str, list[tuple[int, float]]]:
    """(epoch, value) of a quantity by layer, input first; layers that never have it are left out."""
    found: dict[str, list[tuple[int, float]]] = {}
    for epoch in history.read_epochs:
        for reading in epoch.layers or []:
            value = quantity.of(reading)
            if value is not None and (quantity.kind != LOG or value > 0):
                found.setdefault(reading.name, []).append((epoch.epoch, value))
    return {name: found[name] for name in history.layer_names() if name in found}


def reading_of(quantity: Quantity, schedule: object) -> str:
    """What to look for in the curves of a trial; `schedule` is what becomes of its learning rate."""
    if quantity.name != UPDATE_RATIO or schedule not in FALLING:
        return quantity.reading
    return (
        f"{quantity.reading} This trial lowers its learning rate to almost nothing by the end ({schedule} schedule): "
        "lines that fall below the band towards the end are meant to."
    )


def always_zero(history: TrialHistory, quantity: Quantity) -> list[str]:
    """Layers that have no place on a logarithmic axis, because the quantity is zero whenever it was read."""
    if quantity.kind != LOG:
        return []
    drawn = series(history, quantity)
    return [
        name
        for name in history.layer_names()
        if name not in drawn and any(quantity.of(reading) == 0 for _, reading in history.layer(name))
    ]


def layer_table(epoch: Epoch) -> list[dict[str, Any]]:
    """One row per layer that was read after an epoch."""
    return [
        {
            "Layer": reading.name,
            "Type": reading.type,
            "Units": reading.units,
            "Dead": reading.dead,
            "Saturated": reading.saturated,
            "Gradient": reading.gradient_rms,
            "Update ratio": reading.update_ratio,
            "Weight change": None if reading.weight_change is None else reading.weight_change * 100,
            "Bias change": reading.bias_change,
            "Weight norm": reading.weight_norm,
            "Activation": reading.activation or formats.NOTHING,
            "Weights": reading.weights,
        }
        for reading in epoch.layers or []
    ]


@dataclass(frozen=True)
class Compared:
    """One row of a comparison of two trials.

    Attributes:
        title: of the quantity.
        left, right: as text.
        healths: both as health of 0 to 1, where the row is one.
        better: 'left', 'right' or '' where they are equal or cannot be compared.
    """

    title: str
    left: str
    right: str
    healths: tuple[float | None, float | None] | None = None
    better: str = ""


def compare(left: TrialRow, right: TrialRow) -> list[Compared]:
    """What two trials have in common and what not: results first, then the six metrics, then size and make."""
    rows = [_compared("Accuracy", left.accuracy, right.accuracy, formats.percent)]
    rows.append(_health_row("Health", "health", left, right))
    rows += [_health_row(metric.title, name, left, right) for name, metric in METRICS.items()]
    sizes = [_number(trial.attributes.get("parameters")) for trial in (left, right)]
    rows.append(_compared("Parameters", sizes[0], sizes[1], formats.whole, smaller=True))
    # Neither is better: trials at the same time slow each other down.
    rows.append(Compared("Duration", formats.duration(left.duration_s), formats.duration(right.duration_s)))
    makes = [str(trial.attributes.get("architecture") or formats.NOTHING) for trial in (left, right)]
    return [*rows, Compared("Architecture", makes[0], makes[1])]


def trade_off(by_accuracy: TrialRow, by_health: TrialRow) -> str:
    """One sentence about what the healthier trial costs and what it gives."""
    accurate, healthy = f"Trial {by_accuracy.number}", f"Trial {by_health.number}"
    if accurate == healthy:
        return f"{healthy} is the best by accuracy and by health alike."
    cost = _cost(by_accuracy.accuracy, by_health.accuracy)
    before, after = (_number(trial.attributes.get("health")) for trial in (by_accuracy, by_health))
    if before is None or after is None:
        return f"Compared with {accurate}, whose health was not measured, {healthy} has {cost}."
    return f"Compared with {accurate}, {healthy} has {after - before:.3f} more health and {cost}."


def _cost(most_accurate: float | None, healthiest: float | None) -> str:
    if most_accurate is None or healthiest is None:
        return "an accuracy that was not recorded"
    lost = most_accurate - healthiest
    return f"{lost * 100:.2f} percentage points less accuracy" if lost >= 5e-5 else "the same accuracy"


def _health_row(title: str, name: str, left: TrialRow, right: TrialRow) -> Compared:
    pair = (_number(left.attributes.get(name)), _number(right.attributes.get(name)))
    row = _compared(title, pair[0], pair[1], _score)
    return Compared(title, row.left, row.right, pair, row.better)


def _compared(
    title: str, left: float | None, right: float | None, text: Callable[[float | None], str], *, smaller: bool = False
) -> Compared:
    shown = text(left), text(right)
    better = ""
    if left is not None and right is not None and shown[0] != shown[1]:
        better = "left" if (left < right) == smaller else "right"
    return Compared(title, *shown, better=better)


def _score(value: float | None) -> str:
    return NOT_MEASURED if value is None else formats.score(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
