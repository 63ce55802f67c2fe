"""What the charts read and compute, kept while no trial of the study ends."""

from __future__ import annotations

import streamlit as st

from hpo_core.analysis.importance import Importance, importance, importance_over_time
from hpo_core.analysis.targets import Target
from pages.parts import shared
from storage.trial_sample import StudyShape, TrialColumns, TrialSample, TrialSamples

# Chance is tried out many times over: more trials than these cost time and change no answer.
MOST_FOR_IMPORTANCE = 600
Counts = tuple[tuple[str, int], ...]


def samples() -> TrialSamples:
    return TrialSamples(shared.database())


def counts(shape: StudyShape) -> Counts:
    """What tells whether anything changed: trials by state."""
    return tuple(sorted(shape.n_by_state.items()))


def sample(study: str, shape: StudyShape, states: tuple[str, ...], objective: int = 0) -> TrialSample:
    """The best and a sample of the trials of these states."""
    return _sample(shared.settings().storage_url, study, counts(shape), states, objective)


def columns(study: str, shape: StudyShape, attributes: tuple[str, ...]) -> list[TrialColumns]:
    """A few facts of every trial."""
    return _columns(shared.settings().storage_url, study, counts(shape), attributes)


def complete_trials(study: str, shape: StudyShape) -> TrialSample:
    """What importance is computed from."""
    return by_chance(shared.settings().storage_url, study, shape.n_by_state.get("complete", 0))


def importances(study: str, shape: StudyShape, target: Target) -> Importance:
    """By all complete trials or, of a large study, by a random sample of them: the best alone would mislead."""
    return _importance(shared.settings().storage_url, study, shape.n_by_state.get("complete", 0), target)


def importances_over_time(study: str, shape: StudyShape, target: Target) -> list[Importance]:
    return _importance_over_time(shared.settings().storage_url, study, shape.n_by_state.get("complete", 0), target)


@st.cache_resource(max_entries=6, show_spinner=False)
def _sample(url: str, study: str, known: Counts, states: tuple[str, ...], objective: int) -> TrialSample:
    return samples().sample(study, states=states, objective=objective)


@st.cache_resource(max_entries=6, show_spinner=False)
def _columns(url: str, study: str, known: Counts, attributes: tuple[str, ...]) -> list[TrialColumns]:
    return samples().columns(study, attributes)


@st.cache_resource(max_entries=2, show_spinner=False)
def by_chance(url: str, study: str, complete: int) -> TrialSample:
    """Complete trials, a random sample of a large study."""
    return samples().sample(study, states=("complete",), best=0, most=MOST_FOR_IMPORTANCE)


@st.cache_data(max_entries=64, show_spinner="Computing what matters …")
def _importance(url: str, study: str, complete: int, target: Target) -> Importance:
    return importance(by_chance(url, study, complete).trials, target)


@st.cache_data(max_entries=64, show_spinner="Computing how the importance changed …")
def _importance_over_time(url: str, study: str, complete: int, target: Target) -> list[Importance]:
    return importance_over_time(by_chance(url, study, complete).trials, target)
