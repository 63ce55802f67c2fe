"""A guided first run: on each page one thing to look at, and the way to the next page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import shared
from storage.errors import StorageError
from storage.runs import RunState

STATE = "tour"
# So many failed runs are not a first attempt any more.
FEW = 4
ON, OFF = "on", "off"
# Begun a moment ago: its first stop is to be brought into sight.
BEGUN = "tour_begun"
# Who stands at the end of the first stop's page stays there: to Streamlit nothing has moved.
INTO_SIGHT = '<script>document.querySelector(".st-key-tour")?.scrollIntoView({block: "center"})</script>'


@dataclass(frozen=True)
class Stop:
    """One page of the tour; `text` is Markdown."""

    page: str
    title: str
    text: str


STOPS: Sequence[Stop] = (
    Stop(
        "pages/optimize.py", "Optimize",
        "A run tries many networks on the same data and keeps the best. The handwritten digits are chosen already: "
        "press **Start optimisation**, which leads on by itself. Every setting has a question mark that explains it.",
    ),
    Stop(
        "pages/monitor.py", "Monitor",
        "Each card under *Training now* is a network. An **epoch** is one pass over the training data; "
        "the best accuracy climbs fast at first, then slowly. You may close the page: the run goes on.",
    ),
    Stop(
        "pages/trials.py", "Trials",
        "Each card is one network that was tried, its layers as coloured bars. **Pruned** ones were ended early, "
        "because they fell behind. Open *Details* of the best, or tick *Compare* on two cards.",
    ),
    Stop(
        "pages/health.py", "Health",
        "Accuracy says how often a network is right; **health** says whether it learns soundly. A diagnosis names the "
        "layer, the evidence, and the hyperparameter to change.",
    ),
    Stop(
        "pages/architecture.py", "Architecture",
        "The network layer by layer: click a layer to see what it does and how many weights it has. With *A "
        "configuration of my own* the diagram follows every change at once.",
    ),
    Stop(
        "pages/analysis.py", "Analysis",
        "Which hyperparameter made the difference? Read the sentence above the chart first. **Leaderboard** trains the "
        "best again with other seeds, because one good result may be luck.",
    ),
    Stop(
        "pages/models.py", "Models",
        "The best configuration, trained once more on all samples that the trials used and tested once on samples that "
        "no trial saw. Try it on a picture of your own, then download it with its model card.",
    ),
)  # fmt: skip


def draw(title: str) -> None:
    """What the tour says on the page of this title; before the first run that did not fail the offer of a tour."""
    # A reload leaves only the address.
    if STATE not in st.session_state and st.query_params.get(STATE) == ON:
        st.session_state[STATE] = ON
    state = st.session_state.get(STATE)
    place = next((place for place, stop in enumerate(STOPS) if stop.title == title), None)
    if place is None or state == OFF:
        return
    if state == ON:
        if STATE not in st.query_params:  # which the navigation leaves behind
            st.query_params[STATE] = ON
        _stop(place)
    elif place == 0 and _is_new():
        _offer()


def carried() -> dict[str, str]:
    """What the address of a page must say, to which something else than the tour's own links leads during the tour."""
    return {STATE: ON} if st.session_state.get(STATE) == ON else {}


def again(go: Callable[..., object] = st.switch_page) -> None:
    """A button that begins the tour from any page, for who comes later; nothing while it goes on.

    Args:
        go: leads to a page, with what its address says.
    """
    if st.session_state.get(STATE) != ON and st.button(
        "Take the tour", key="tour_again", type="tertiary", icon=":material/explore:"
    ):
        st.session_state[STATE], st.session_state[BEGUN] = ON, True
        go(STOPS[0].page, query_params={STATE: ON})


def _stop(place: int) -> None:
    stop = STOPS[place]
    with st.container(border=True, key="tour"):
        st.markdown(f"**{place + 1} of {len(STOPS)} · {stop.title}** &nbsp; {stop.text}")
        if st.session_state.pop(BEGUN, False):
            st.html(INTO_SIGHT, unsafe_allow_javascript=True)
        with st.container(horizontal=True, vertical_alignment="center"):
            if place + 1 < len(STOPS):
                following = STOPS[place + 1]
                study = st.query_params.get("study")
                st.page_link(
                    following.page, label=f"Next: {following.title}", icon=":material/arrow_forward:",
                    query_params={STATE: ON} | ({"study": study} if study else {}), width="content",
                )  # fmt: skip
                st.button("End the tour", key="tour_end", type="tertiary", on_click=_set, args=(OFF,))
            else:
                st.button("Finish the tour", key="tour_end", icon=":material/check:", on_click=_set, args=(OFF,))


def _offer() -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="tour"):
        st.markdown("**New here?** A run of two minutes shows what Onegin does, page by page.", width="content")
        st.button("Show me around", key="tour_begin", icon=":material/explore:", on_click=_set, args=(ON,))
        st.button("No, thanks", key="tour_end", type="tertiary", on_click=_set, args=(OFF,))


def _set(state: str) -> None:
    st.session_state[STATE] = state
    if state == ON:
        st.query_params[STATE] = ON
    else:
        st.query_params.pop(STATE, None)


def _is_new() -> bool:
    """Whether nothing was ever run here, or only what failed: then the tour is wanted most."""
    try:
        runs = shared.runs().list(limit=FEW)
        known = {run.run_name for run in runs}
        only_failed = len(runs) < FEW and all(run.state is RunState.FAILED for run in runs)
        return only_failed and known.issuperset(shared.studies().names())
    except StorageError:
        return False  # the page itself says that the database is away
