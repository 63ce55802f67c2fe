"""What a measurement returns, and how it is written down."""

from __future__ import annotations

import datetime
import platform
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Table:
    """One measurement.

    Attributes:
        name: of its file in benchmarks/results/.
        title: what was measured, in a sentence.
        goal: the limit it is held against.
        met: whether the limit was kept; None where there is none.
        columns, rows: the figures.
        notes: how they were taken.
    """

    name: str
    title: str
    goal: str
    met: bool | None
    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]
    notes: list[str] = field(default_factory=list)

    def as_markdown(self) -> str:
        verdict = {True: " **Met.**", False: " **Missed.**", None: ""}[self.met]
        lines = [f"# {self.title}", "", f"Goal: {self.goal}.{verdict}", ""]
        lines += [_row(self.columns), _row(["--"] * len(self.columns)), *(_row(row) for row in self.rows), ""]
        lines += [*(f"{note}" for note in self.notes), "", f"{_machine()}. Made by `make bench`.", ""]
        return "\n".join(lines)

    def write(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.md").write_text(self.as_markdown(), encoding="utf-8")


def spread(values: list[float], unit: str = "") -> str:
    """Median with the smallest and the largest value."""
    return f"{median(values):.3g}{unit} ({min(values):.3g} to {max(values):.3g})"


def _row(cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"  # type: ignore[attr-defined]


def _machine() -> str:
    import psutil

    return (
        f"{datetime.date.today():%Y-%m-%d}, {platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}"
    )
