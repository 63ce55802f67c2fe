"""What each chart shows, in one sentence with numbers; where the trials are too few to say it, that is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from optuna.trial import FrozenTrial

from hpo_core import formats
from hpo_core.analysis.association import (
    FEWEST,
    FEWEST_BEST,
    are_apart,
    best_trials,
    close_together,
    is_clear,
    levels,
    rank_correlation,
)
from hpo_core.analysis.importance import FEWEST as FEWEST_FOR_IMPORTANCE
from hpo_core.analysis.importance import TOP, Importance
from hpo_core.analysis.landscape import Axis, Surface, axis, category
from hpo_core.analysis.leaderboard import Place, smallest_level
from hpo_core.analysis.targets import Target, parameter_title, plain

SUPPORT = 3.0
"""Trials that must stand behind a place of a map before it is spoken of."""
NO_RELATION = 0.1
FEW, MANY, FEW_NAMES = 50, 100, 8
Trial = FrozenTrial


def history(points: Sequence[tuple[int, float]], target: Target, others: int = 0) -> str:
    """From (number of a trial, its result) by number; `others` are drawn beside them and did not end."""
    if not points and others:
        return f"No complete trial of these has a {target.title}; those shown were stopped before their end."
    if not points:
        return f"No complete trial of these has a {target.title} yet."
    if len(points) == 1:
        return f"So far one trial has a result: Trial {points[0][0]} with {target.text(points[0][1])}."
    place = 0
    for index, (_, value) in enumerate(points):
        if target.better(value, points[place][1]):
            place = index
    number, best = points[place]
    first, since = points[0][1], len(points) - 1 - place
    begin = f"The {target.best_word} {target.title} of {formats.count(len(points))} trials is {target.text(best)}"
    if place == 0:
        return f"{begin}: it was the first one, Trial {number}, and none since was {target.better_word}."
    gain = (
        "" if first == best else f", up from {target.text(first)}" if best > first else f", from {target.text(first)}"
    )
    after = "the one since was not" if since == 1 else f"none of the {formats.count(since)} since was"
    tail = f"; {after} {target.better_word}" if since else ", the newest of them"
    return f"{begin}{gain}, reached by Trial {number}{tail}."


def leaderboard(places: Sequence[Place], target: Target) -> str:
    """Which configuration is ahead, and whether that is more than chance."""
    if not places:
        return "No configuration was trained more than once here, so nobody knows how much of a result is luck."
    first = places[0]
    said = f"{first.name} reaches {_mean(first, target)} over {len(first.results)} seeds"
    if first.lost:
        return f"Nothing here works with every seed: {said}, but {_trials(first.lost)} of it ended without a result."
    if len(places) == 1:
        return f"{said}; no other configuration was trained more than once."
    steady = [place for place in places if not place.lost]
    level = [place for place in steady[1:] if place.is_level]
    if len(steady) == 1:
        return f"{said}, and is the only one of {len(places)} that works with every seed."
    if not level:
        among = f"{len(places)}" if len(steady) == len(places) else f"the {len(steady)} that work with every seed"
        return f"{said}, the {target.best_word} {target.title} of {among}, and by more than chance explains."
    if len(level) == 1:
        others = f"{level[0].name}, with {_mean(level[0], target)}, cannot be told from it (p = {level[0].p_value:.2f})"
    else:
        others = f"{len(level)} of the {len(places) - 1} others cannot be told from it"
    smallest = smallest_level(places)
    advice = ""
    if smallest is not None and smallest is not first:
        advice = (
            f": of these take {smallest.name}, the smallest with {formats.count(smallest.parameters or 0)} parameters"
        )
    return f"{said}; {others}{advice}."


def _mean(place: Place, target: Target) -> str:
    """Mean and standard deviation, with one unit."""
    return f"{place.mean * target.factor:.4g} ± {place.deviation * target.factor:.2g} {target.unit}".rstrip()


def importance(found: Importance, target: Target) -> str:
    if found.trials < FEWEST_FOR_IMPORTANCE:
        return (
            f"{_complete(found.trials)} a {target.title}: too few to tell what matters, "
            f"it takes at least {FEWEST_FOR_IMPORTANCE}."
        )
    if not found.shares:
        return f"In these {_trials(found.trials)} nothing can be told apart: no hyperparameter or result varies enough."
    names = list(found.shares)
    if len(names) == 1:
        return f"Only {_name(names[0])} was varied, so its share says nothing: there is nothing to compare it with."
    certain = found.certain
    if not certain:
        return (
            f"With {_trials(found.trials)} no influence on {target.title} can be told from chance: dealing the results "
            f"out at random gives shares like these too."
        )
    first = (
        f"{_title(certain[0])} makes up {_percent(found.shares[certain[0]])} of what separates "
        f"{_best_part(found.top)} of {_trials(found.trials)} in {target.title} from the others"
    )
    second = f"; then {_name(certain[1])} with {_percent(found.shares[certain[1]])}" if len(certain) > 1 else ""
    rest = len(names) - len(certain)
    chance = f"; {_of_the_others(rest)} cannot be told from chance" if rest else ""
    hint = "; with so few trials this is a first hint" if found.trials < FEW else ""
    return f"{first}{second}{chance}{hint}."


def importance_over_time(points: Sequence[Importance], now_known: Importance, target: Target) -> str:
    """`now_known` is the importance of all trials with its test against chance."""
    known = [point for point in points if point.shares]
    if not known:
        return (
            f"Too few complete trials to tell how the importance for {target.title} changed: "
            f"it takes at least {FEWEST_FOR_IMPORTANCE}."
        )
    if len(known) < 2:
        return f"Lines begin with {FEWEST_FOR_IMPORTANCE + 1} complete trials: so far there is one point of each."
    if not now_known.certain:
        return (
            f"With {_trials(now_known.trials)} no influence on {target.title} can be told from chance: that the lines "
            "move means nothing yet."
        )
    first, last = known[0], known[-1]
    now, then = next(iter(last.shares)), next(iter(first.shares))
    share = _percent(last.shares[now])
    if first is last:
        return f"After {_trials(last.trials)} {_name(now)} leads with {share}; more trials will show whether it stays."
    lead_since = last
    for point in reversed(known):
        if next(iter(point.shares)) != now:
            break
        lead_since = point
    if lead_since is first:
        return (
            f"{_title(now)} led from the first {_trials(first.trials)} on, then with "
            f"{_percent(first.shares[now])}, now with {share} of {_trials(last.trials)}."
        )
    return (
        f"After the first {_trials(first.trials)} {_name(then)} led with {_percent(first.shares[then])}; since "
        f"{_trials(lead_since.trials)} it is {_name(now)}, now with {share}."
    )


def parallel(trials: Sequence[Trial], names: Sequence[str], target: Target) -> str:
    having = [trial for trial in trials if target.of(trial) is not None]
    if len(having) < 2 * FEWEST:
        return _too_few(len(having), 2 * FEWEST, f"what the {target.top_word} ones have in common")
    best = best_trials(having, target, FEWEST_BEST)
    close = close_together(having, best, names)
    of = f"The {target.top_word} {len(best)} of {_trials(len(having))}"
    if not close:
        return f"{of} lie no closer together on these axes than any {len(best)} picked at random."
    parts = [_where(best, having, name) for name in close[:2]]
    return f"{of} lie close together in {' and in '.join(parts)}."


def parameter_slice(trials: Sequence[Trial], name: str, target: Target) -> str:
    having = [trial for trial in trials if target.of(trial) is not None and name in trial.params]
    if len(having) < FEWEST:
        return _too_few(len(having), FEWEST, f"what “{_title(name)}” does")
    if len({repr(trial.params[name]) for trial in having}) == 1:
        return f"All {_trials(len(having))} have the same value of {_name(name)}: nothing can be compared."
    scale = axis(name, having)
    if scale.categories:
        return _categories(having, name, target)
    return _numbers(having, scale, target)


def contour(found: Surface, trials: Sequence[Trial], target: Target) -> str:
    both = {found.x.name, found.y.name}
    having = [trial for trial in trials if both <= set(trial.params) and target.of(trial) is not None]
    if len(having) < FEWEST:
        return _too_few(len(having), FEWEST, "how two hyperparameters work together")
    places = [
        (value, support, f"{_at(found.x, x)} and {_at(found.y, y)}")
        for y, row, behind in zip(found.y.grid(), found.values, found.support, strict=True)
        for x, value, support in zip(found.x.grid(), row, behind, strict=True)
        if value is not None
    ]
    cells = [place for place in places if place[1] >= SUPPORT]
    if len(cells) < 2:
        return (
            f"Nowhere do {SUPPORT:.0f} of the {_trials(len(having))} lie close enough together to compare places: each "
            "tells of itself alone."
        )
    worst, *_, best = sorted((value for value, *_ in cells), reverse=bool(target.minimises))
    said = (
        f"Where at least {SUPPORT:.0f} trials are near, the {target.best_word} mean {target.title} is "
        f"{target.text(best)}, at {next(at for value, _, at in cells if value == best)}; the other end is "
        f"{target.text(worst)}."
    )
    top, _, at = (min if target.minimises else max)(places, key=lambda place: place[0])
    if target.text(top) == target.text(best):
        return said
    # The map shows it: a sentence without it would seem to deny it.
    return f"{said} Where fewer are near it comes to {target.text(top)}, at {at}: more trials there would tell."


def timeline(trials: Sequence[Trial], counts: Mapping[str, int]) -> str:
    """`trials` are all or a random sample of those that `counts` tells by state."""
    begun = [trial for trial in trials if trial.datetime_start is not None]
    total = sum(counts.values())
    if not begun:
        return "No trial has begun yet."
    names = {"fail": "failed or stopped"}
    ordered = sorted(((number, state) for state, number in counts.items() if number), reverse=True)
    parts = ", ".join(f"{formats.count(number)} {names.get(state, state)}" for number, state in ordered)
    durations = [trial.duration.total_seconds() for trial in begun if trial.duration is not None]
    if not durations:
        return f"{_trials(total)}: {parts}; none has ended yet."
    middle = f"a trial took {formats.duration(median(durations))} in the median"
    if len(trials) < total:
        return f"{_trials(total)}: {parts}; {middle} of {formats.count(len(trials))} of them."
    first = min(trial.datetime_start for trial in begun if trial.datetime_start)
    last = max(trial.datetime_complete for trial in begun if trial.datetime_complete)
    span = (last - first).total_seconds()
    at_once = f", {sum(durations) / span:.1f} at a time" if span else ""
    return f"{_trials(total)}: {parts}, over {formats.duration(span)}; {middle}{at_once}."


def pareto(on_front: Sequence[tuple[int, Mapping[str, float]]], total: int, aims: Sequence[Target]) -> str:
    """From (trial, results by key) of the trials on the front, and how many were compared."""
    if not total:
        return f"No trial has {_and([aim.title for aim in aims])} yet."
    titles = _and([aim.title for aim in aims])
    if total == 1:
        return "One trial is no choice: with more of them this shows which ones are worth a look."
    if len(on_front) == 1:
        number, values = on_front[0]
        return f"Trial {number} beats all other {_trials(total - 1)} in {titles} at once: {_results(values, aims)}."
    ends: list[str] = []
    for aim in aims[:2]:
        number, values = min(on_front, key=lambda item: item[1][aim.key] if aim.minimises else -item[1][aim.key])
        text = f"Trial {number} ({_results(values, aims)}) has the {aim.best_word} {aim.title}"
        if all(not end.startswith(f"Trial {number} ") for end in ends):
            ends.append(text)
    named = f" ({', '.join(str(number) for number, _ in on_front)})" if len(on_front) <= FEW_NAMES else ""
    others = f". Each of the others is matched or beaten by one of them in {titles} at once"
    all_or_others = ": all" if total == len(on_front) else others
    return f"Of {_trials(total)}, {len(on_front)}{named} are worth choosing from{all_or_others}. {_and(ends)}."


def duration(
    points: Sequence[tuple[int, float, float]], target: Target, every: Sequence[tuple[int, float, float]] = ()
) -> str:
    """From (trial, seconds, result); the best is looked for in `every`, where that is more."""
    if len(points) < FEWEST:
        return _too_few(len(points), FEWEST, "whether longer training pays")
    seconds, results = [point[1] for point in points], [point[2] for point in points]
    correlation = rank_correlation(seconds, results)
    sign = 1 if target.minimises else -1
    number, took, value = min(every or points, key=lambda point: sign * point[2])
    best = (
        f"the {target.top_word}, Trial {number}, took {formats.duration(took)} for {target.text(value)}, the median is "
        f"{formats.duration(median(seconds))}"
    )
    if correlation is None or not is_clear(correlation, len(points)):
        if correlation is None:
            said = f"All {_trials(len(points))} have the same {target.title} or duration"
        elif abs(correlation) < NO_RELATION and len(points) >= MANY:
            no_more = f"longer ones are no {target.better_word}"
            said = f"Over {_trials(len(points))} {no_more} (rank correlation {_signed(correlation)})"
        else:
            said = (
                f"Over {_trials(len(points))} it cannot be told whether longer training pays: a rank correlation of "
                f"{_signed(correlation)} can be chance"
            )
        return f"{said}; {best}."
    opposite = "smaller" if target.minimises is None else "worse"
    word = target.better_word if (correlation > 0) != bool(target.minimises) else opposite
    return (
        f"Longer trials tend to a {word} {target.title} (rank correlation {_signed(correlation)} over "
        f"{_trials(len(points))}); {best}."
    )


def sampled(shown: int, total: int, best: int) -> str:
    """What a chart says that does not show every trial; empty where it does."""
    if shown >= total:
        return ""
    what = f"the best {best} and a random sample" if best else "a random sample"
    return f"{formats.count(shown)} of {formats.count(total)} trials: {what}."


def _categories(trials: Sequence[Trial], name: str, target: Target) -> str:
    found = levels(trials, name, target)
    first, last = found[0], found[-1]
    said = (
        f"{_title(name)} {first.name} has the {target.best_word} mean {target.title}, {target.text(first.mean)} over "
        f"{_trials(first.trials)}; the other end is {last.name} with {target.text(last.mean)} over "
        f"{_trials(last.trials)}"
    )
    return f"{said}." if are_apart(first, last) else f"{said}: so small a difference can be chance."


def _numbers(trials: Sequence[Trial], scale: Axis, target: Target) -> str:
    places = [scale.place(trial.params[scale.name]) for trial in trials]
    correlation = rank_correlation(places, [target.of(trial) or 0.0 for trial in trials])
    if correlation is None:
        return f"All {_trials(len(trials))} have the same {target.title}: nothing can be compared."
    relation = f"rank correlation {_signed(correlation)} over {_trials(len(trials))}"
    best = best_trials(trials, target, FEWEST_BEST)
    where = f"the {target.top_word} {len(best)} lie {_range(best, scale)}"
    if is_clear(correlation, len(trials)):
        word = "rises" if correlation > 0 else "falls"
        return f"{target.axis.split(',')[0]} {word} with {_name(scale.name)} ({relation}); {where}."
    if len(trials) >= 2 * FEWEST and close_together(trials, best, [scale.name]):
        return (
            f"{target.axis.split(',')[0]} neither rises nor falls with {_name(scale.name)} throughout, but {where}, "
            f"closer together than by chance, of {plain(scale.low)} to {plain(scale.high)}."
        )
    return f"{_title(scale.name)} alone shows no clear influence on {target.title} ({relation}); {where}."


def _where(best: Sequence[Trial], trials: Sequence[Trial], name: str) -> str:
    scale = axis(name, trials)
    having = [trial for trial in best if name in trial.params]
    if scale.categories:
        words = Counter(category(trial.params[name]) for trial in having)
        favourite, times = words.most_common(1)[0]
        return f"{_name(name)} ({favourite}: {times} of {len(best)})"
    return f"{_name(name)} ({_range(having, scale)}, of {plain(scale.low)} to {plain(scale.high)})"


def _range(trials: Sequence[Trial], scale: Axis) -> str:
    places = [scale.place(trial.params[scale.name]) for trial in trials if scale.name in trial.params]
    low, high = min(places), max(places)
    return f"at {plain(low)}" if low == high else f"between {plain(low)} and {plain(high)}"


def _at(scale: Axis, place: float) -> str:
    if scale.categories:
        return f"{_name(scale.name)} {scale.categories[round(place)]}"
    return f"{_name(scale.name)} {plain(round(place)) if scale.whole else f'{place:.3g}'}"


def _results(values: Mapping[str, float], aims: Sequence[Target]) -> str:
    return ", ".join(aim.text(values[aim.key]) for aim in aims)


def _too_few(trials: int, needed: int, what: str) -> str:
    have = "No trial has" if not trials else "1 trial has" if trials == 1 else f"{formats.count(trials)} trials have"
    return f"{have} a result here: too few to say {what}, it takes {needed}."


def _complete(number: int) -> str:
    if not number:
        return "No complete trial has"
    return "Only 1 complete trial has" if number == 1 else f"Only {number} complete trials have"


def _best_part(share: float) -> str:
    return "the best tenth" if share <= TOP else f"the best {_percent(share)}"


def _of_the_others(number: int) -> str:
    return "the other one" if number == 1 else f"the other {number}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.01 or share == 0 else "less than 1 %"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _trials(number: int) -> str:
    return f"{formats.count(number)} trial" + ("" if number == 1 else "s")


def _title(name: str) -> str:
    return parameter_title(name)


def _name(name: str) -> str:
    """A hyperparameter in the middle of a sentence: small where it is one of our titles, LSTM stays LSTM."""
    title = parameter_title(name)
    if title == name or title[:2].isupper():
        return title
    return title[:1].lower() + title[1:]


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
