"""Runs the measurements: all of them, or those named on the command line."""

from __future__ import annotations

import importlib
import sys

MODULES = (
    "startup", "overhead", "warm_worker", "throughput", "planted_faults", "health_cost", "health_pruning",
    "remote_waiting", "fault_matrix", "big_study", "live_pages",
)  # fmt: skip


def main(names: list[str]) -> int:
    for name in names or MODULES:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        table = importlib.import_module(f"benchmarks.{name}").measure()
        table.write()
        print(table.as_markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
