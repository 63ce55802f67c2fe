"""`clean`: old runs deleted with all that belongs to them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence

from hpo_core.commands.exit_codes import FAILED, FINISHED
from hpo_core.commands.queries import given_words
from hpo_core.errors import UsageError
from hpo_core.formats import plural
from hpo_core.housekeeping import Cleanup, delete_run, delete_runs, ended_runs, measure, outdated
from hpo_core.parameters import convert
from hpo_core.settings import Settings
from storage.database import open_database
from storage.studies import Studies

KEYS = ("older_than_days", "keep_mb", "confirm")


def clean(words: Sequence[str], as_json: bool, environ: Mapping[str, str]) -> int:
    """Delete runs that ended more than `older_than_days` ago, and then the oldest until `keep_mb` are left.

    Without `confirm=true` it only says what would be deleted.
    """
    given = given_words(words, KEYS)
    days, megabytes = _number(given, "older_than_days"), _number(given, "keep_mb")
    if days is None and megabytes is None:
        raise UsageError("older_than_days", "or keep_mb must be given", "for example clean older_than_days=30")
    confirmed = convert(given.get("confirm", "false"), bool)
    if confirmed is None:
        raise UsageError("confirm", f"must be true or false, got {given['confirm']!r}", "for example confirm=true")
    settings = Settings.from_environment(environ)
    database = open_database(settings.storage_url)
    ended = ended_runs(database)
    # What failed before its first trial has no study.
    names = {*Studies(database).names(), *ended}
    sizes = measure(database, settings.results_dir, settings.artifacts_dir, names)
    chosen = outdated(
        sizes, ended, older_than_days=days,
        keep_bytes=None if megabytes is None else round(megabytes * 1e6), now=time.time(),
    )  # fmt: skip
    wanted, stream = [size.name for size in chosen], sys.stderr if as_json else sys.stdout
    done = Cleanup((), 0, ())
    if confirmed:
        done = delete_runs(
            wanted, lambda name: delete_run(database, settings.results_dir, settings.artifacts_dir, name)
        )
        print(f"{plural(len(done.deleted), 'run')} deleted, {done.freed_bytes / 1e6:.1f} MB free again", file=stream)
    else:
        for size in chosen:
            print(f"would delete {size.name}, {size.total_bytes / 1e6:.1f} MB", file=stream)
        print(
            f"{plural(len(chosen), 'run')}; confirm=true deletes them" if chosen else "no run is over these limits",
            file=stream,
        )
    for problem in done.problems:
        print(f"error: {problem}", file=sys.stderr)
    if as_json:
        answer = {"runs": wanted, "deleted": list(done.deleted), "bytes": done.freed_bytes, "problems": done.problems}
        print(json.dumps(answer))
    return FAILED if done.problems else FINISHED


def _number(given: Mapping[str, str], key: str) -> float | None:
    if key not in given:
        return None
    number = convert(given[key], float)
    if not isinstance(number, float) or not 0 <= number <= 1e9:
        raise UsageError(key, f"must be a number of at least 0, got {given[key]!r}", f"for example {key}=30")
    return number
