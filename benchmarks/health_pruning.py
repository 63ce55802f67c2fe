"""Whether ending sick trials pays: runs with and without `health_pruning` over a wide space, side by side.

Both runs of a pair have the same seed and a random sampler, hence the same configurations, and one worker each, so that
they share the machine evenly; each has the same time. As in BTTackler (KDD 2024): the time until an accuracy is reached
(the best that both reached), and how many of the ten best trials of both runs together each of them made.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

from benchmarks.tables import Table, spread
from benchmarks.work import own_settings
from hpo_core.machine import Machine
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from storage.database import open_database
from storage.studies import Studies, TrialRow

SEEDS = (1, 2, 3)
MOST_TRIALS = 500
MINUTES = 2.0
TOP = 10
EPOCHS = 10
DATA = (("mnist", 5.0), ("fashion_mnist", 5.0))
# Good regions and bad ones: rates that diverge or do nothing, activations that fade, networks far too deep.
WIDE_SPACE: dict[str, object] = {
    "conv_layers": {"low": 1, "high": 4},
    "filters": {"low": 4, "high": 12},
    "kernel_size": 3,
    "activation": ["relu", "elu", "tanh", "sigmoid"],
    "hidden_layers": {"low": 0, "high": 6},
    "first_hidden_nodes": {"low": 16, "high": 160},
    "hidden_activation": ["relu", "tanh", "sigmoid"],
    "optimizer": ["adam", "rmsprop", "sgd"],
    "learning_rate": {"low": 1e-6, "high": 10.0, "log": True},
}


@dataclass(frozen=True)
class Finish:
    """A trial that was trained to its end: when, in seconds since its run began, and how good it was."""

    at_s: float
    accuracy: float


@dataclass(frozen=True)
class Outcome:
    """One run: its trials trained to the end, its duration, and how many were ended by a diagnosis."""

    finishes: list[Finish]
    duration_s: float
    diagnosed: int


def measure() -> Table:
    rows: list[tuple[object, ...]] = []
    savings = []
    with own_settings() as settings:
        for dataset, share in DATA:
            for seed in SEEDS:
                off, on = pair(settings, dataset, share, seed)
                both_reached = min(best(off), best(on))
                saved = 1 - time_to(on, both_reached) / time_to(off, both_reached)
                top_on, top_off = top(on, off)
                savings.append(saved)
                rows.append((
                    dataset, seed, len(off.finishes), len(on.finishes), on.diagnosed,
                    f"{best(off) * 100:.1f} %", f"{best(on) * 100:.1f} %", f"{saved * 100:.0f} %", top_off, top_on,
                ))  # fmt: skip
                print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return Table(
        name="health_pruning",
        title="Ending sick trials: health_pruning on against off",
        goal="reported as it is (BTTackler reports 40 % less time and 44.5 % more top-10 trials)",
        met=None,
        columns=(
            "data", "seed", "trained to the end: off", "on", "ended by a diagnosis", "best accuracy off", "on",
            "less time to the same accuracy", "of the top 10, off", "on",
        ),
        rows=rows,
        notes=[
            f"Random configurations of a wide space (benchmarks/health_pruning.py), 5 % of the data, {EPOCHS} epochs, "
            f"no other pruner; {MINUTES:g} minutes for each run, both runs of a pair at once with one worker each. "
            f"Less time: median {spread(savings)}, as shares.",
            "Top ten of both runs together; where they trained hardly more than ten to the end, it says little.",
        ],
    )  # fmt: skip


def pair(settings: Settings, dataset: str, share: float, seed: int) -> tuple[Outcome, Outcome]:
    """The run without and the run with `health_pruning`, at the same time."""
    config = OptimizationConfig(
        dataset=dataset, sample_percentage=share, trials=MOST_TRIALS, max_epochs_per_trial=EPOCHS, sampler="random",
        pruner="none", seed=seed, workers=1, timeout_minutes=MINUTES, space=WIDE_SPACE, plots="none", final_model=False,
    )  # fmt: skip
    half = replace(Machine.detect(), cores=1)
    runners = [
        Runner(replace(config, health_pruning=on, run_name=f"{dataset}-{seed}-{on}"), settings, half)
        for on in (False, True)
    ]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.wait()
    first, second = (outcome(settings, runner.run_name) for runner in runners)
    return first, second


def outcome(settings: Settings, name: str) -> Outcome:
    """What a run of one worker did: its trials follow one another."""
    rows = Studies(open_database(settings.storage_url)).trials(name, limit=MOST_TRIALS)
    now, finishes = 0.0, []
    for row in rows:
        now += row.duration_s or 0.0
        if row.state == "complete" and row.accuracy is not None:
            finishes.append(Finish(now, row.accuracy))
    return Outcome(finishes, now, sum(_diagnosed(row) for row in rows))


def best(run: Outcome) -> float:
    return max(finish.accuracy for finish in run.finishes)


def time_to(run: Outcome, accuracy: float) -> float:
    """Seconds until a trial was at least so good; the whole duration where none was."""
    return min((finish.at_s for finish in run.finishes if finish.accuracy >= accuracy - 1e-9), default=run.duration_s)


def top(on: Outcome, off: Outcome) -> tuple[int, int]:
    """How many of the ten best trials of both runs together each made; ties at the border count for both."""
    accuracies = [[finish.accuracy for finish in run.finishes] for run in (on, off)]
    border = sorted([*accuracies[0], *accuracies[1]], reverse=True)[:TOP][-1]
    return tuple(sum(value >= border for value in values) for values in accuracies)  # type: ignore[return-value]


def _diagnosed(row: TrialRow) -> bool:
    return row.attributes.get("outcome") == "diagnosed"
