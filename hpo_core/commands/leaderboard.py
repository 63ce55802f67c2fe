"""`leaderboard`: the best configurations of a study, each trained with several seeds, compared."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from hpo_core.analysis.leaderboard import Place, leaderboard
from hpo_core.analysis.sentences import leaderboard as in_words
from hpo_core.analysis.targets import Target, targets
from hpo_core.backends import LOCAL_ONLY, BackendFactory
from hpo_core.commands.exit_codes import FINISHED
from hpo_core.commands.optimize import watch
from hpo_core.commands.queries import given_words, run_named
from hpo_core.errors import UsageError
from hpo_core.formats import count
from hpo_core.objective import is_lost
from hpo_core.parameters import convert
from hpo_core.reruns import SEEDS, TOP, rerun_config
from hpo_core.runner import Runner
from hpo_core.settings import Settings
from storage.database import Database, open_database
from storage.studies import Studies
from storage.trial_sample import TrialSamples

KEYS = ("run_name", "top", "seeds", "workers")
MOST = 100_000


def show_leaderboard(
    words: Sequence[str],
    as_json: bool,
    environ: Mapping[str, str],
    backends: Mapping[str, BackendFactory] = LOCAL_ONLY,
) -> int:
    """Train the `top` best configurations of the run `run_name` with `seeds` seeds each, and compare them.

    Of a run that trained its configurations several times already the comparison is printed, and nothing trained.
    Raises UsageError, DatasetError or StorageError before anything is started.
    """
    given = given_words(words, KEYS)
    name, code = run_named(given.get("run_name"), "leaderboard"), FINISHED
    settings = Settings.from_environment(environ)
    database = open_database(settings.storage_url)
    recorded = Studies(database).attributes(name).get("configuration")
    if not (isinstance(recorded, Mapping) and recorded.get("rerun_of")):
        changes = {"workers": given["workers"]} if "workers" in given else {}
        config = rerun_config(
            Studies(database), name, _number(given, "top", TOP, 1), _number(given, "seeds", SEEDS, 2), changes
        )
        runner = Runner(config, settings, backends=backends)
        name, code = runner.run_name, watch(runner, settings, as_json=False)
        if not Studies(database).exists(name):  # it ended before its first trial, and said why
            return code
    places, target = read_leaderboard(database, name)
    for line in _lines(places, target):
        print(line, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps({"run_name": name, "judged_by": target.title, "places": [_plain(place) for place in places]}))
    return code


def read_leaderboard(database: Database, name: str) -> tuple[list[Place], Target]:
    """The leaderboard of a study by its score. Raises UnknownRunError."""
    samples = TrialSamples(database)
    shape = samples.shape(name)
    trials = samples.sample(name, states=("complete",), most=MOST).trials
    ended = samples.sample(name, states=("pruned", "fail"), most=MOST).trials
    lost = [trial for trial in ended if is_lost(trial)]
    score = targets(trials, shape.minimises, shape.objectives)[0]
    judged = [(trial, value) for trial in trials if (value := score.of(trial)) is not None]
    return leaderboard(judged, score, lost), score


def _number(given: Mapping[str, str], key: str, default: int, least: int) -> int:
    if key not in given:
        return default
    number = convert(given[key], int)
    if not isinstance(number, int) or not least <= number <= 100:
        raise UsageError(key, f"must be a whole number from {least} to 100, got {given[key]!r}", f"{key}={default}")
    return number


def _lines(places: Sequence[Place], target: Target) -> list[str]:
    rows = []
    for rank, place in enumerate(places, start=1):
        seeds = f"{len(place.results)} seeds" + (f", {place.lost} lost" if place.lost else "")
        chance = "-" if place.p_value is None else f"{place.p_value:.3f}"
        size = "-" if place.parameters is None else count(place.parameters)
        rows.append(
            f"{rank:>2}  {place.name:32}  {place.mean:.4f} ± {place.deviation:.4f}  {seeds}  p {chance:>5}  "
            f"{size:>10} parameters"
        )
    return [*rows, in_words(places, target)]


def _plain(place: Place) -> dict[str, object]:
    return {
        "name": place.name, "trials": list(place.trials), "results": list(place.results), "lost": place.lost,
        "mean": place.mean, "deviation": place.deviation, "p_value": place.p_value, "parameters": place.parameters,
        "params": place.params,
    }  # fmt: skip
