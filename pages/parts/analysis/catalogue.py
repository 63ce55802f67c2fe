"""The charts of the Analysis page and everything that is said about them, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo_core.references import Reference, optuna
from storage.studies import STATES

COMPLETE = ("complete",)
_PED_ANOVA = Reference("PED-ANOVA, the paper", "https://arxiv.org/abs/2304.10255")
_FINAL = (
    "Only complete trials count here: one that was pruned (ended early), was stopped or failed has no final result to "
    "explain."
)


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        key: in the address and in file names.
        title: in the list of charts.
        question: what it answers, in a few words.
        explanation: what it is and how to read it.
        source: the primary documentation.
        states: trials that are shown unless the visitor chooses others; empty where no choice makes sense.
        why_no_states: the reason in that case.
        target: whether the visitor chooses what trials are judged by.
        parameters: how many hyperparameters the visitor chooses: none, 1, 2, or several (3).
    """

    key: str
    title: str
    question: str
    explanation: str
    source: Reference
    states: tuple[str, ...] = COMPLETE
    why_no_states: str = ""
    target: bool = True
    parameters: int = 0

    @property
    def in_short(self) -> str:
        """The first two sentences of the explanation: enough before there is anything to read."""
        return ". ".join(self.explanation.rstrip(".").split(". ")[:2]) + "."

    @property
    def needs_many(self) -> bool:
        """Whether a handful of trials is too few for it to say anything."""
        return self.parameters > 0 or self.key in ("importance", "importance-over-time", "duration")


SEVERAL = 3


def _figure(title: str, name: str) -> Reference:
    return optuna(title, f"visualization/generated/optuna.visualization.{name}")


RANK_CORRELATION = (
    "The rank correlation says how far one orders trials as the other does: 1 the same way, −1 the opposite way, 0 not "
    "at all."
)

_DECLARED = (
    Chart(
        "history", "History", "How the best result grew",
        "Each dot is a trial in the order in which they were made, the line is the best result so far. Steps early on "
        "and a long flat end mean that more trials will bring little; steps to the very end mean that they may pay. "
        "Of few trials neither is certain.",
        _figure("Optuna: optimization history", "plot_optimization_history"),
    ),
    Chart(
        "importance", "Importance", "Which hyperparameter matters",
        "A hyperparameter matters when the best trials have other values of it than all trials have. The bars share "
        "100 % among all of them. The mark is how long this one bar may become by luck alone: the results are "
        "dealt out anew to the trials nineteen times, and each bar's longest length is kept. With few trials luck "
        "reaches far, and all marks are high. A bar that ends before its mark says nothing yet.",
        _PED_ANOVA, (), _FINAL,
    ),
    Chart(
        "importance-over-time", "Importance over time", "How that changed as trials came in",
        "The importance as it stood after the first trials, after more of them, and after all. Lines that cross early "
        "are normal; once they run level the ranking can be relied upon.",
        _PED_ANOVA, (), _FINAL,
    ),
    Chart(
        "parallel", "Parallel coordinates", "What the best trials have in common",
        "Each line is a trial and crosses every axis at its value. Where the lines of the best ones run close "
        "together, that value matters; where they spread, it does not.",
        _figure("Optuna: parallel coordinates", "plot_parallel_coordinate"), parameters=SEVERAL,
    ),
    Chart(
        "slice", "Slice", "What one hyperparameter does",
        "One hyperparameter against the result, every trial a dot, later trials in the warmer colour. Where there "
        "are choices instead of numbers, a bar is the mean of each, and its dots stand beside one another. Many late "
        "dots in one place show where the sampler expects good trials. Of many hyperparameters, each looked at alone, "
        f"one or another seems to matter by chance: the importance allows for that. {RANK_CORRELATION}",
        _figure("Optuna: slice", "plot_slice"), parameters=1,
    ),
    Chart(
        "contour", "Contour", "How two hyperparameters work together",
        "A map over two hyperparameters: the colour is the mean result of the trials nearby, weighted by their "
        "distance; dots are the trials, each in the colour of its own result. Where no trial was near, the map stays "
        "empty. Dots of the same choice stand beside one another.",
        _figure("Optuna: contour", "plot_contour"), parameters=2,
    ),
    Chart(
        "surface", "3D surface", "Two hyperparameters as a landscape",
        "The map of the contour as a landscape, the trials as dots; their distance from it shows what else matters. "
        "Drag to turn it, scroll or pinch to come closer.",
        Reference("Kernel regression", "https://en.wikipedia.org/wiki/Kernel_regression"), parameters=2,
    ),
    Chart(
        "timeline", "Timeline", "When trials ran and how they ended",
        "Each bar is a trial from its start to its end, in the colour of its state. Bars that overlap ran at the same "
        "time; gaps are waiting.",
        _figure("Optuna: timeline", "plot_timeline"), states=STATES, target=False,
    ),
    Chart(
        "pareto", "Pareto front", "Accurate, healthy, small: what can be had together",
        "For each trial on the front there is no other that is as good in everything and better in something: to get "
        "more of one thing you have to give up some of another. (Vilfredo Pareto described such choices.) Choose among "
        "them; all others can be left aside. In Trials the details of each lead on to a model of it.",
        _figure("Optuna: Pareto front", "plot_pareto_front"), target=False,
    ),
    Chart(
        "duration", "Duration and result", "Whether time pays",
        "How long a trial took against its result: larger networks and more epochs take longer, and so does what "
        "trains beside others. A cloud without direction says that cheaper trials are as good; a rising one that time "
        f"is well spent. {RANK_CORRELATION}",
        Reference("Rank correlation", "https://en.wikipedia.org/wiki/Spearman%27s_rank_correlation_coefficient"),
    ),
    Chart(
        "leaderboard", "Leaderboard", "Which network is the best one reliably",
        "One training is partly luck: other first weights, another order of the samples, another result. Shown "
        "are configurations that were trained several times. Dots are single trainings, the diamond is their mean; "
        "where the mean of very many trainings would lie, the bar tells with 95 % confidence. The table's p is how "
        "often luck alone makes a gap to the first place at least this large between two that are equally good: below "
        "0.05 the gap counts as more than luck. The first place was chosen for being first, so read a p near 0.05 with "
        "care. For those who calculate: it is Welch's t-test, after Holm's correction for several comparisons.",
        Reference("Welch's t-test", "https://en.wikipedia.org/wiki/Welch%27s_t-test"), (),
        "Results of complete trials are compared, of configurations that were trained at least twice. A configuration "
        "that lost trainings, because they failed or diverged, stands behind those that always work.",
    ),
)  # fmt: skip

CHARTS: Mapping[str, Chart] = {chart.key: chart for chart in _DECLARED}
