"""A final model on the page: what it is worth, its files, its mistakes, its card."""

from __future__ import annotations

import html
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import streamlit as st

from hpo_core.model_card import ModelFile
from hpo_core.results import CARD_FILE
from pages.parts import confusion, final_models, formats, package_view, report_download, shared, try_model
from pages.parts.final_models import FinalModel, download_name
from storage.errors import UnknownRunError
from storage.progress import TrialProgress

CARD_WIDTH = 240
LOOK_S = 2.0
MIME_TYPES = {
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".yaml": "application/yaml",
    ".json": "application/json",
}


def nothing_yet(
    *, has_runs: bool, searching: str | None = None, stopped: str | None = None, best: tuple[str, int] | None = None
) -> None:
    """The page before the first final model.

    Args:
        has_runs: whether there is any run.
        searching: a run that still goes on.
        stopped: a run that could go on.
        best: study and trial of which a model can be made by itself.
    """
    with st.container(border=True, key="empty"):
        st.subheader("No final model yet", anchor=False)
        st.write(
            "After the last trial of a run the best network is trained again on all samples that its trials trained or "
            "validated on, and tested once on samples that no trial saw. Here you will find it: its accuracy, its "
            "mistakes, and its files for Keras, TensorFlow Lite and ONNX."
        )
        if searching is not None:
            if st.button("Watch it search", key="to_monitor", type="primary", icon=":material/monitoring:"):
                st.switch_page("pages/monitor.py", query_params={"study": searching})
            return
        if best is not None:
            study, trial = best
            st.html('<div class="quiet">Of any trial that came to its end a model can be made by itself: press “Get a '
                    'model of it” in its details.</div>')  # fmt: skip
            st.page_link(
                "pages/trials.py", label=f"Details of the best one, Trial {trial}", icon=":material/view_list:",
                query_params={"study": study, "trial": str(trial)},
            )  # fmt: skip
        label = "Start another run" if has_runs else "Start a first run"
        with st.container(horizontal=True, key="ways_on"):
            if stopped is not None and st.button(
                "Resume it in Monitor", key="to_resume", type="primary", icon=":material/resume:"
            ):
                st.switch_page("pages/monitor.py", query_params={"study": stopped})
            kind: Literal["primary", "secondary"] = "secondary" if stopped is not None else "primary"
            if st.button(label, key="to_optimize", type=kind, icon=":material/tune:"):
                st.switch_page("pages/optimize.py")


def draw(study: str, model: FinalModel) -> None:
    """Draw everything about a final model."""
    _tiles(model)
    st.page_link(
        "pages/trials.py", label=_made_from(study, model.card.trial),
        icon=":material/view_list:", query_params={"study": study, "trial": str(model.card.trial)},
    )  # fmt: skip
    try_model.draw(study, model)
    st.header("Files of the model", anchor=False)
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="formats")
    for file in model.card.files:
        with grid.cell(), st.container(border=True, height="stretch", key=f"format_{_key(file.name)}"):
            _file(study, model, file)
    with st.container(border=True, key="chart_confusion"):
        _mistakes(model)
    draw_run_files(study, model)
    with st.expander("Model card", expanded=True, key="model_card"):
        page = model.card.as_markdown(prefix=download_name(study, ""))
        _download("Download the card", download_name(study, CARD_FILE), page.encode("utf-8"))
        st.markdown(page)


def _made_from(study: str, trial: int) -> str:
    """Which trial the model repeats, and whether that one is still the best."""
    studies = shared.studies()
    best = studies.summary(study).best_trial if studies.exists(study) else None
    if best is None:
        return f"Made from Trial {trial}"
    if best == trial:
        return f"Made from Trial {trial}, the best of this run" + (" so far: it goes on" if _goes_on(study) else "")
    return f"Made from Trial {trial}; since then Trial {best} has become the best of this run"


def _goes_on(study: str) -> bool:
    """Whether a run is extended while its model is looked at; a study made elsewhere has no run."""
    with suppress(UnknownRunError):
        return not shared.runs().get(study).state.is_final
    return False


def draw_run_files(study: str, model: FinalModel | None = None) -> None:
    """Downloads of what lies in the run's folder beside the model, and the report."""
    found = final_models.files_of_run(shared.settings().results_dir, study)
    has_report = shared.studies().exists(study)
    if not found and not has_report:
        return
    st.header("Files of the run", anchor=False)
    with st.container(horizontal=True, key="run_files"):
        if model is not None:
            package_view.draw(study, model)
        if has_report:
            report_download.button(study, "models")
        for name, path in found.items():
            _download(final_models.RUN_FILES[name], download_name(study, name), path)


def draw_building(study: str, running: list[TrialProgress]) -> None:
    """Say that the final model is being made, and look again until it is there."""
    st.fragment(_building, run_every=LOOK_S, key="building")(study, running)


def _building(study: str, running: list[TrialProgress]) -> None:
    with shared.database_errors(retry=False):
        now = [item for item in shared.progress(study).read() if final_models.is_being_built([item])]
        if not now:
            st.rerun()
        step = now[0]
        epoch = f": epoch {step.epoch} of {step.epochs}" if step.epoch else ""
        st.info(
            f"The final model of this run is being made now. {formats.sentence(step.phase + epoch)}",
            icon=":material/hourglass_top:",
        )
        st.progress(step.overall)


def _tiles(model: FinalModel) -> None:
    card = model.card
    keras = next((file.size_bytes for file in card.files if file.name == "model.keras"), None)
    grid = st.grid(4, min_column_width=150, key="tiles")
    shown = (
        ("Test accuracy", formats.percent(card.test_accuracy),
         "Share of the test samples that the model gets right. It was measured once, at the end."),
        ("Test samples", formats.count(card.n_test), "Set aside before the first trial, and used once: by this model."),
        ("Parameters", formats.count(card.parameters), "Trainable numbers of the network."),
        ("Size", formats.file_size(keras), "Of the file for Keras."),
    )  # fmt: skip
    for label, value, explanation in shown:
        grid.metric(label, value, help=explanation, border=True)
    st.html(f'<div class="quiet">{final_models.tested(model)}</div>')


def _file(study: str, model: FinalModel, file: ModelFile) -> None:
    available = final_models.is_available(model, file)
    title = final_models.FORMAT_NAMES.get(file.name, file.name)
    size = formats.file_size(file.size_bytes) if available else "not available"
    use = final_models.FORMAT_USES.get(file.name, "")
    note = file.note if available or file.size_bytes is None else "the file was moved or deleted"
    name = download_name(study, file.name)
    st.html(
        f'<div class="card-head"><b>{html.escape(title)}</b><span class="card-mark">{size}</span></div>'
        f'<div class="card-text">{html.escape(use)}</div>'
        f'<div class="card-small">{html.escape(formats.sentence(note))}</div>'
        + (f'<div class="card-small">Arrives as {formats.breakable(name)}</div>' if available else "")
    )
    _download(f"Download {Path(name).suffix}", name, model.folder / file.name, disabled=not available, wide=True)


def _mistakes(model: FinalModel) -> None:
    st.header("Confusion matrix: what it takes for what", anchor=False)
    card, mistakes = model.card, model.mistakes
    if not card.confusion:
        st.html('<div class="quiet">The mistakes of this model were not counted.</div>')
        return
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with right:
        st.html(
            '<div class="card-text">A row is a right class, a column what the model said: the diagonal is right, and '
            "every other cell that is not empty is a mistake.</div>"
        )
        rows = "".join(f"<li>{html.escape(mistake)}</li>" for mistake in mistakes)
        said = (
            f"<b>{title_of_mistakes(card.confusion)}</b><ul>{rows}</ul>"
            if rows
            else "<b>Every test sample was recognised.</b>"
        )
        st.html(f'<div class="card-text">{said}</div>')
    with left:
        if len(card.confusion) <= confusion.MAX_NUMBERED:
            st.html(confusion.as_table(card.confusion, card.info.class_names))
        else:
            figure = confusion.draw_confusion(card.confusion, card.info.class_names)
            words = f"Most frequent mistakes: {'; '.join(mistakes) or 'none'}"
            st.plotly_chart(figure, key="confusion", config={"displayModeBar": False}, alt=words)


def title_of_mistakes(matrix: Sequence[Sequence[int]]) -> str:
    """Where each was made once, none is a frequent one."""
    most = max((n for right, row in enumerate(matrix) for said, n in enumerate(row) if right != said), default=0)
    return "Most frequent mistakes" if most > 1 else "Mistakes, none of them twice"


def _download(label: str, name: str, content: Path | bytes, *, disabled: bool = False, wide: bool = False) -> None:
    """A download button; files are read when they are asked for."""
    st.download_button(
        label, data=content if isinstance(content, bytes) else content.read_bytes, file_name=name,
        mime=MIME_TYPES.get(Path(name).suffix, "application/octet-stream"), key=f"download_{_key(name)}",
        icon=":material/download:", disabled=disabled, on_click="ignore", width="stretch" if wide else "content",
    )  # fmt: skip


def _key(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
