"""Whether sick trainings are named, and healthy ones left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tables import Table

Result = Mapping[str, Any]


def measure() -> Table:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.sick_trainings"], env=environment, stdout=subprocess.PIPE, text=True,
        check=True,
    )  # fmt: skip
    return table([json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")])


def table(results: Sequence[Result]) -> Table:
    by_name: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_name[result["name"]].append(result)
    faults = {name: found for name, found in by_name.items() if found[0]["expected"]}
    healthy = {name: found for name, found in by_name.items() if not found[0]["expected"]}
    rows = [_fault(name, found) for name, found in faults.items()] + [
        _healthy(name, found) for name, found in healthy.items()
    ]
    named = all(result["expected"] in result["codes"] for found in faults.values() for result in found)
    spared = not any(result["fatal"] for found in healthy.values() for result in found)
    return Table(
        name="planted_faults",
        title="Trainings that are sick on purpose, and healthy ones",
        goal="every fault named by its code with each of three seeds, no fatal diagnosis on a healthy training",
        met=named and spared,
        columns=("training", "expected", "named", "what else was named"),
        rows=rows,
        notes=[
            "Named: with how many of the seeds. Fatal diagnoses are counted after every epoch, the others after the "
            "last one. The trainings are in benchmarks/sick_trainings.py.",
        ],
    )


def _fault(name: str, found: Sequence[Result]) -> tuple[object, ...]:
    expected = found[0]["expected"]
    hits = sum(expected in result["codes"] for result in found)
    others = sorted({code for result in found for code in result["codes"]} - {expected})
    return name, expected, f"{hits} of {len(found)}", ", ".join(others) or "nothing"


def _healthy(name: str, found: Sequence[Result]) -> tuple[object, ...]:
    fatal = sum(bool(result["fatal"]) for result in found)
    others = sorted({code for result in found for code in result["codes"]})
    accuracy = ", ".join(f"{result['accuracy'] * 100:.1f} %" for result in found)
    return f"healthy: {name} ({accuracy})", "nothing fatal", f"{fatal} fatal", ", ".join(others) or "nothing"
