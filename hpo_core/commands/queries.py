"""`status`, `cancel` and `datasets`: what the database and the folders say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import datasets
from hpo_core.commands.exit_codes import FINISHED
from hpo_core.errors import UsageError, nearest
from hpo_core.formats import count, duration, percent
from hpo_core.optimization_config import split_words
from hpo_core.outcome import RunOutcome, run_outcome
from hpo_core.settings import Settings
from storage.database import open_database
from storage.runs import Runs


def status(words: Sequence[str], as_json: bool, environ: Mapping[str, str]) -> int:
    """All runs, the newest first, or the one that `run_name` names."""
    settings = Settings.from_environment(environ)
    name = only(words, "run_name")
    if name is not None:
        outcomes = [run_outcome(settings, name)]
    else:
        runs = Runs(open_database(settings.storage_url)).list()
        outcomes = [run_outcome(settings, run.run_name) for run in runs]
    for outcome in outcomes:
        print(_line(outcome), file=sys.stderr if as_json else sys.stdout)
    if not outcomes:
        print("no run yet: python -m hpo_core optimize dataset=digits", file=sys.stderr)
    if as_json:
        print(json.dumps(outcomes[0].as_dict() if name else {"runs": [outcome.as_dict() for outcome in outcomes]}))
    return FINISHED


def cancel(words: Sequence[str], as_json: bool, environ: Mapping[str, str]) -> int:
    """Ask the run that `run_name` names to stop, whichever process it belongs to."""
    name = run_named(only(words, "run_name"), "cancel")
    settings = Settings.from_environment(environ)
    run = Runs(open_database(settings.storage_url)).request_cancel(name)
    said = f"run {name} is over already ({run.state})" if run.state.is_final else f"run {name} is told to stop"
    print(said, file=sys.stderr)
    if as_json:
        print(json.dumps({"run_name": name, "state": run.state.value, "cancel_requested": run.cancel_requested}))
    return FINISHED


def list_datasets(words: Sequence[str], as_json: bool, environ: Mapping[str, str]) -> int:
    """The catalogue, and where each set would be read from here."""
    only(words, None)
    settings = Settings.from_environment(environ)
    rows = [
        {
            "name": info.name,
            "title": info.title,
            "kind": info.kind.value,
            "classes": info.n_classes,
            "n_train": info.n_train,
            "n_test": info.n_test,
            "source": datasets.locate(info.name, folder=settings.datasets_dir, cache=settings.cache_dir),
            "licence": info.licence,
            "url": info.url,
        }
        for info in datasets.CATALOGUE.values()
    ]
    for row in rows:
        print(
            f"{row['name']:15} {row['kind']:9} {row['classes']:>4} classes {count(int(str(row['n_train']))):>7} samples"
            f"  {row['source']}",
            file=sys.stderr if as_json else sys.stdout,
        )
    if as_json:
        print(json.dumps({"datasets": rows}))
    return FINISHED


def only(words: Sequence[str], known: str | None) -> str | None:
    """The value of the one key a command knows. Raises UsageError for any other key."""
    return given_words(words, [known] if known else []).get(known or "")


def run_named(name: str | None, command: str) -> str:
    """The run that a command was given. Raises UsageError where it was given none."""
    if name is None:
        fix = f"for example {command} run_name=mnist-1; 'status' lists the runs"
        raise UsageError("run_name", "must be given", fix)
    return name


def given_words(words: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """The values of a command's keys. Raises UsageError for a key that is none of the `known`."""
    given = split_words(words)
    for key in given:
        if key not in known:
            near = nearest(key, known)
            fix = f"known is {', '.join(known)}" if known else "leave it out"
            raise UsageError(key, "is no key of this command", f"did you mean {near}?" if near else fix)
    return given


def _line(outcome: RunOutcome) -> str:
    return (
        f"{outcome.run_name}  {outcome.state}  {outcome.n_trials} trials "
        f"({outcome.n_complete} complete, {outcome.n_pruned} pruned, {outcome.n_failed} failed)  "
        f"best accuracy {percent(outcome.best_accuracy)}  {duration(outcome.duration_s)}"
    )
