"""A small text set made by a program, for a first LSTM without files or network.

Each text tells of one of four topics. A third of them mention a second topic in a side clause, so that the order of
the words decides: in "the cook tasted the soup after the storm ..." the first clause counts, in "after the storm ...
the cook tasted the soup" the second. A few words belong to two topics, and two labels in a hundred are wrong, so that
no model reaches 100 %.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# Raise it with any change of words or rules: the prepared copies in caches are then made anew.
VERSION = 1
N_TEXTS = 2400
SEED = 113
TOPICS = ("weather", "food", "sport", "travel")
SIDE_CLAUSE_SHARE = 0.34
WRONG_LABEL_SHARE = 0.02
FOREIGN_WORD_SHARE = 0.06


def _by_topic(**words: str) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({topic: tuple(line.split()) for topic, line in words.items()})


_ACTORS = _by_topic(
    weather="forecaster storm wind rain snow fog sun sky cloud thunder frost breeze",
    food="cook baker waiter guest chef grandmother butcher brewer farmer gardener taster child",
    sport="striker goalkeeper coach runner swimmer referee team captain boxer cyclist rider winner",
    travel="tourist pilot driver passenger guide sailor hiker captain conductor family porter rider",
)
_VERBS = _by_topic(
    weather="covered cooled froze flooded darkened warmed soaked shook dried cleared",
    food="tasted baked boiled served salted ordered peeled mixed warmed roasted",
    sport="won lost trained scored missed kicked defended started chased saved",
    travel="visited booked crossed reached left explored missed boarded followed packed",
)
_THINGS = _by_topic(
    weather="valley coast forecast field roofs horizon puddles temperature harvest ice lightning season",
    food="soup bread cake salad apples cheese menu kitchen dinner sauce potatoes ice",
    sport="match goal race ball medal stadium penalty tournament record field whistle season",
    travel="train airport island hotel map suitcase border ticket harbour coast museum bridge",
)
_ADJECTIVES = _by_topic(
    weather="cold wet stormy sunny grey mild icy windy",
    food="sweet fresh salty hungry cold spicy tasty ripe",
    sport="fast proud strong nervous young final tired fair",
    travel="distant foreign crowded old sunny tired cheap northern",
)
_OPENINGS = ("yesterday", "today", "later", "often", "finally", "suddenly", "meanwhile", "again")
_TIMES = (
    "in the morning", "in the evening", "on monday", "on sunday", "at noon", "for hours", "last week", "all day",
    "this year", "twice",
)  # fmt: skip
_JOINERS = ("after", "while", "before", "because", "although", "when")


class _Chance:
    """Random choices that are the same on every machine and Python: only `random.random` promises that."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def happens(self, share: float) -> bool:
        return self._random.random() < share

    def pick(self, words: Sequence[str]) -> str:
        return words[int(self._random.random() * len(words))]


def _clause(chance: _Chance, topic: str) -> list[str]:
    """One clause of 5 to 12 words about `topic`."""
    other = chance.pick([name for name in TOPICS if name != topic])
    things = _THINGS[other] if chance.happens(FOREIGN_WORD_SHARE) else _THINGS[topic]
    words = ["the"]
    if chance.happens(0.5):
        words.append(chance.pick(_ADJECTIVES[topic]))
    words += [chance.pick(_ACTORS[topic]), chance.pick(_VERBS[topic]), "the"]
    if chance.happens(0.4):
        words.append(chance.pick(_ADJECTIVES[topic]))
    words.append(chance.pick(things))
    if chance.happens(0.5):
        words += chance.pick(_TIMES).split()
    return words


def _text(chance: _Chance, topic: str) -> list[str]:
    """One text of 5 to 26 words whose main clause is about `topic`."""
    main = _clause(chance, topic)
    if chance.happens(SIDE_CLAUSE_SHARE):
        side = [chance.pick(_JOINERS), *_clause(chance, chance.pick([name for name in TOPICS if name != topic]))]
        return main + side if chance.happens(0.5) else side + main
    if chance.happens(0.3):
        main = [chance.pick(_OPENINGS), *main]
    if chance.happens(0.4):
        main += ["and", *_clause(chance, topic)]
    return main


def generate(n: int = N_TEXTS, seed: int = SEED) -> tuple[list[list[str]], list[int]]:
    """`n` texts as lists of words and their labels (positions in `TOPICS`), balanced before the noise."""
    chance = _Chance(seed)
    texts: list[list[str]] = []
    labels: list[int] = []
    for index in range(n):
        label = index % len(TOPICS)
        texts.append(_text(chance, TOPICS[label]))
        if chance.happens(WRONG_LABEL_SHARE):
            label = TOPICS.index(chance.pick([name for name in TOPICS if name != TOPICS[label]]))
        labels.append(label)
    return texts, labels


def n_words() -> int:
    """Number of different words of the generator."""
    words = {"the", "and", *_OPENINGS, *_JOINERS, *" ".join(_TIMES).split()}
    for by_topic in (_ACTORS, _VERBS, _THINGS, _ADJECTIVES):
        words.update(word for names in by_topic.values() for word in names)
    return len(words)


def ranked(texts: Sequence[Sequence[str]]) -> list[str]:
    """The words of `texts`, the most frequent first, equal counts in alphabetical order."""
    counts = Counter(word for text in texts for word in text)
    return sorted(counts, key=lambda word: (-counts[word], word))
