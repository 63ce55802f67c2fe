"""One thing that is wrong with a training."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnosis matters."""

    FATAL = "fatal"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong.

    Attributes:
        code: for filters and scripts, for example DEAD_UNITS.
        severity: fatal ends a trial where health_pruning is on.
        epoch: after which it was seen, 1-based; 0 before the training.
        layer: where, None where it concerns the whole network.
        evidence: what was seen, in numbers.
        advice: what to change, naming the hyperparameter.
    """

    code: str
    severity: Severity
    epoch: int
    layer: str | None
    evidence: str
    advice: str

    def in_words(self) -> str:
        """One line for logs and reasons."""
        where = f" in {self.layer}" if self.layer else ""
        return f"{self.code}{where}: {self.evidence}; {self.advice}"
