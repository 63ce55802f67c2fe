"""Which trial a page shows: the one in the address, else one chosen on another page, else the best, else the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import shared
from pages.parts.formats import as_markdown
from storage.studies import StudySummary, TrialRow
from storage.studies import number_of as number_in
from storage.trial_filters import TrialFilter

PARAMETER = "trial"
# The navigation leaves the address behind: (study, trial) that was chosen is kept for as long as the window is open.
CHOSEN = "chosen_trial"
# Of the most accurate trials so many are looked at for the healthiest of those with the same accuracy.
MOST_TIED = 64


@dataclass(frozen=True)
class Champions:
    """The best complete trials of a study.

    Attributes:
        score: number of the trial; None also with several objectives, of which none decides alone.
        accuracy, health: None where no trial has it.
        complete: how many complete trials there are.
    """

    score: int | None
    accuracy: TrialRow | None
    health: TrialRow | None
    complete: int = 0

    def named(self) -> list[tuple[str, int]]:
        """(what it is best by, trial), each trial once: for example ('Best score and accuracy', 7)."""
        numbers = {
            "score": self.score,
            "accuracy": self.accuracy.number if self.accuracy else None,
            "health": self.health.number if self.health else None,
        }
        by_trial: dict[int, list[str]] = {}
        for word, number in numbers.items():
            if number is not None:
                by_trial.setdefault(number, []).append(word)
        return [(f"Best {_and(words)}", number) for number, words in by_trial.items()]


def champions(study: str, summary: StudySummary) -> Champions:
    """Read the best trials of a study."""
    accurate, healthy = _best(study, "accuracy", MOST_TIED), _best(study, "health")
    tied = [trial for trial in accurate if trial.accuracy == accurate[0].accuracy]
    accuracy = max(
        tied, key=lambda trial: number_in(trial.attributes.get("health")) or 0.0, default=None
    )  # the first of equal ones
    score = summary.best_trial if summary.n_objectives == 1 else None
    return Champions(score, accuracy, healthy[0] if healthy else None, summary.n("complete"))


@st.cache_data(show_spinner=False, max_entries=64)
def most_accurate(study: str, n_complete: int) -> tuple[int, float] | None:
    """Number and accuracy of the most accurate of the complete trials; read again when there is one more of them."""
    found = _best(study, "accuracy") if n_complete else []
    return (found[0].number, found[0].accuracy) if found and found[0].accuracy is not None else None


def choose_trial(study: str, summary: StudySummary, best: Champions, page: str) -> TrialRow | None:
    """Draw the choice of a trial, in agreement with the address; None where the study has no trial.

    Args:
        study: whose trials these are.
        summary, best: of that study.
        page: keeps the widgets of the pages apart.
    """
    if not summary.n_trials:
        return None
    last = summary.n_trials - 1
    preset = summary.best_trial if summary.best_trial is not None else last
    asked = st.query_params.get(PARAMETER)
    kept = st.session_state.get(CHOSEN, ("", 0))
    if asked is None and kept[0] == study:
        asked = st.query_params[PARAMETER] = str(kept[1])
    if asked is not None and (number := number_of(asked)) is not None and number <= last:
        preset = number
        remember(study, number)
    elif asked is not None:
        st.warning(
            f"There is no trial “{as_markdown(asked)}” in {as_markdown(study)}; Trial {preset} is shown instead.",
            icon=":material/search_off:",
        )
    key = f"{page}_trial"
    st.session_state[key] = preset
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page}_trial_choice"):
        st.number_input(
            # Without a limit: what lies beyond is answered above, in words; the browser would keep it to itself.
            f"Trial, 0 to {last}" if last else "Trial", 0, step=1, key=key, on_change=_write_address, args=(key, last),
            width=160, help=f"Trials of this run are numbered from 0 to {last}.",
        )  # fmt: skip
        for words, number in best.named():
            st.button(
                f"{words}: Trial {number}", key=f"{page}_best_{number}", on_click=show, args=(number,),
                disabled=number == preset,
            )  # fmt: skip
    return find(study, str(preset))


def find(study: str, asked: str) -> TrialRow | None:
    """The trial whose number the address names, None where there is none."""
    number = number_of(asked)
    if number is None:
        return None
    found = shared.studies().page(study, TrialFilter(numbers=(number,)), size=1).rows
    return found[0] if found else None


def number_of(asked: str) -> int | None:
    """The trial number that an address names, None where it is no number."""
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None


def show(number: int) -> None:
    """Make a trial the one of the address."""
    st.query_params[PARAMETER] = str(number)


def remember(study: str, number: int) -> None:
    """Other pages begin with this trial as long as the study stays chosen."""
    st.session_state[CHOSEN] = (study, number)


def _best(study: str, quantity: str, most: int = 1) -> list[TrialRow]:
    found = shared.studies().trials(study, sort=f"-{quantity}", states=("complete",), limit=most)
    return [trial for trial in found if isinstance(trial.attributes.get(quantity), int | float)]


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _write_address(key: str, last: int) -> None:
    """A step beyond the last trial, which the button takes, leads no further."""
    number = st.session_state[key]
    show(last if number == last + 1 else number)
