"""Architecture: a network layer by layer, of a trial or put together by hand."""

from __future__ import annotations

from pages.parts import architecture_own, architecture_trial, frame, shared
from pages.parts.study_choice import choose_study


def _page() -> None:
    frame.heading("Architecture", "What a network is made of: its layers, their shapes, and what each one does.")
    with shared.database_errors(retry=True):
        known = shared.runs().list()
        names = shared.names(known)
        if architecture_trial.choose_source() == architecture_trial.OWN:
            architecture_own.draw()
            return
        if not names:
            architecture_trial.nothing_yet()
            return
        study = choose_study(names, known, shared.active_run(), "architecture")
        architecture_trial.draw(study)


_page()
