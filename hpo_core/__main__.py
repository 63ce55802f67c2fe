"""The command line: `python -m hpo_core COMMAND key=value ... [--json]`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from hpo_core.commands.exit_codes import CANCELLED, USAGE
from hpo_core.errors import OneginError
from hpo_core.settings import Settings

DESCRIPTION = """Finds hyperparameters for Keras CNNs and LSTMs.

commands:
  optimize     search: dataset=mnist trials=20 max_epochs_per_trial=5 workers=2 seed=7 ...
               or preset=quick|balanced|thorough with what differs from it
  resume       carry on or extend a run: run_name=NAME [trials=N in all] [workers=N] [max_cost=DOLLARS]
  train        one configuration without a study: dataset=mnist filters=16 epochs=3 ...
  leaderboard  train the best configurations of a run with several seeds and compare them:
               run_name=NAME [top=3] [seeds=5] [workers=N]
  status       all runs, or one of them: [run_name=NAME]
  cancel       stop a run, also one of another process: run_name=NAME
  export       write the report of a study, one HTML file that opens offline: run_name=NAME
  clean        delete old runs: older_than_days=N and keep_mb=N say which, confirm=true does it
  datasets     the data sets and where each would be read from
  tensorboard  write the curves of a run's trials for TensorBoard: run_name=NAME
"""
EPILOG = """Progress goes to standard error; with --json the last line of standard output is one JSON object.
Exit code 0: finished, 1: failed, 2: something in the command cannot be used, 3: cancelled."""


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe of Windows may know fewer letters than are written
            stream.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(
        prog="python -m hpo_core", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("command", metavar="command", choices=sorted(COMMANDS), help=", ".join(COMMANDS))
    parser.add_argument("words", nargs="*", metavar="key=value")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_intermixed_args(words)  # --json may stand anywhere
    # Loading Optuna and the data sets costs more than a second, which --help need not pay.
    from datasets import DatasetError
    from storage.errors import StorageError

    try:
        return COMMANDS[arguments.command](arguments.words, arguments.json)
    except (OneginError, DatasetError, StorageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return CANCELLED


def _optimize(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.backends import LOCAL_ONLY, RUNPOD
    from hpo_core.commands.optimize import optimize
    from runpod_service.backend import runpod_backend

    return optimize(words, as_json, os.environ, {**LOCAL_ONLY, RUNPOD: runpod_backend})


def _resume(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.backends import LOCAL_ONLY, RUNPOD
    from hpo_core.commands.optimize import resume
    from runpod_service.backend import runpod_backend

    return resume(words, as_json, os.environ, {**LOCAL_ONLY, RUNPOD: runpod_backend})


def _leaderboard(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.backends import LOCAL_ONLY, RUNPOD
    from hpo_core.commands.leaderboard import show_leaderboard
    from runpod_service.backend import runpod_backend

    return show_leaderboard(words, as_json, os.environ, {**LOCAL_ONLY, RUNPOD: runpod_backend})


def _train(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.train import train

    return train(words, as_json, os.environ)


def _status(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.queries import status

    return status(words, as_json, os.environ)


def _cancel(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.queries import cancel

    return cancel(words, as_json, os.environ)


def _export(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.export import export
    from pages.parts.report import build_report, report_name
    from pages.parts.report_data import read_report
    from storage.database import open_database

    def report(settings: Settings, name: str) -> tuple[str, str]:
        database = open_database(settings.storage_url)
        data = read_report(database, settings.results_dir, settings.artifacts_dir, name)
        return report_name(name), build_report(data)

    return export(words, as_json, os.environ, report)


def _clean(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.clean import clean

    return clean(words, as_json, os.environ)


def _datasets(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.queries import list_datasets

    return list_datasets(words, as_json, os.environ)


def _tensorboard(words: Sequence[str], as_json: bool) -> int:
    from hpo_core.commands.tensorboard import tensorboard

    return tensorboard(words, as_json, os.environ)


COMMANDS: Mapping[str, Callable[[Sequence[str], bool], int]] = {
    "optimize": _optimize,
    "resume": _resume,
    "train": _train,
    "leaderboard": _leaderboard,
    "status": _status,
    "cancel": _cancel,
    "export": _export,
    "clean": _clean,
    "datasets": _datasets,
    "tensorboard": _tensorboard,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
