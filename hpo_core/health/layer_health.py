"""How healthy each layer of a network is, from the newest reading of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo_core.health.metrics import gradient_nearness, living_share
from hpo_core.health.readings import SPARSE, LayerReading


@dataclass(frozen=True)
class LayerHealth:
    """Health of one layer, both parts in 0..1; None where a part means nothing there.

    Attributes:
        living: share of its units that are neither dead nor saturated.
        gradient: how near its gradient is to the largest of all layers: 1 within two powers of ten, 0 at six.
    """

    living: float | None
    gradient: float | None

    @property
    def value(self) -> float | None:
        """The worse of both parts: a layer is as healthy as what ails it most."""
        known = [part for part in (self.living, self.gradient) if part is not None]
        return min(known) if known else None


def layer_health(readings: Sequence[LayerReading]) -> dict[str, LayerHealth]:
    """Health by layer name; `readings` are of all layers that were read after one epoch."""
    sizes = {reading.name: reading.gradient_rms for reading in readings if reading.type != SPARSE}
    largest = max((size for size in sizes.values() if size), default=0.0)
    return {
        reading.name: LayerHealth(living_share(reading), _gradient(sizes.get(reading.name), largest, reading))
        for reading in readings
    }


def _gradient(size: float | None, largest: float, reading: LayerReading) -> float | None:
    if reading.type == SPARSE:
        return None
    return gradient_nearness(size, largest) if size is not None and largest else 0.0
