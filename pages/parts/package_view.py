"""Everything of a run in one verified zip file: prepared on request, then offered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from hpo_core.history import FILE_NAME
from hpo_core.housekeeping import run_folder
from hpo_core.layer_plan import layer_plan
from hpo_core.package import PackageError, build_package
from hpo_core.results import CARD_DATA_FILE, CARD_FILE, TRIALS_FILE
from hpo_core.trial_files import PLOTS
from pages.parts import architecture_files, final_models, formats, shared
from pages.parts.final_models import FinalModel
from pages.parts.report import build_report, report_name
from pages.parts.report_data import read_report
from storage.errors import StorageError

PREPARED = "package_prepared"


def contents(results_dir: Path, study: str, model: FinalModel, report: bytes) -> dict[str, Path | bytes]:
    """What goes into the package of a run, by its name there: model, card, diagram, pictures, tables, report."""
    found: dict[str, Path | bytes] = {report_name(study): report, f"model/{CARD_FILE}": model.page.encode("utf-8")}
    plan = layer_plan(model.card.config)
    for kind in architecture_files.KINDS:
        title = f"{study} · Trial {model.card.trial}"
        found[f"model/diagram.{kind}"] = architecture_files.diagram(kind, plan, title)
    found["model/layers.json"] = plan.to_json().encode("utf-8")
    found[f"model/{CARD_DATA_FILE}"] = model.folder / CARD_DATA_FILE
    for file in model.card.files:
        if final_models.is_available(model, file):
            found[f"model/{file.name}"] = model.folder / file.name
    for name, path in final_models.files_of_run(results_dir, study).items():
        found[name] = path
    folder = run_folder(results_dir, study)
    history = folder / f"trial_{model.card.trial}" / FILE_NAME if folder is not None else None
    if history is not None and history.is_file():
        found[f"metrics/{FILE_NAME}"] = history
    pictures = folder / PLOTS / f"trial_{model.card.trial}" if folder is not None else None
    if pictures is not None and pictures.is_dir():
        found |= {f"{PLOTS}/{path.name}": path for path in sorted(pictures.iterdir()) if path.is_file()}
    return found


def draw(study: str, model: FinalModel) -> None:
    """A button that prepares the package, and then the one that hands it out."""
    ready: Mapping[str, tuple[str, object]] = st.session_state.get(PREPARED, {})
    name = f"{study}.zip"
    made, mark = ready.get(study, ("", None))
    path = Path(made)
    if study in ready and path.is_file() and mark == _mark(model):
        st.download_button(
            f"Download everything ({formats.file_size(path.stat().st_size)})", data=path.read_bytes, file_name=name,
            mime="application/zip", key="package_download", icon=":material/folder_zip:", on_click="ignore",
            type="primary",
        )  # fmt: skip
        return
    pressed = st.button(
        "Pack everything", key="package_prepare", icon=":material/folder_zip:",
        help="Model, card, diagram, pictures, tables, configuration and report in one zip file, which is read back and "
        "compared before it is offered.",
    )  # fmt: skip
    if pressed:
        try:
            with st.spinner("Packing and verifying"):
                path = _prepare(study, model)
        except (PackageError, StorageError) as error:
            st.error(formats.sentence(str(error)), icon=":material/error:")
            return
        st.session_state[PREPARED] = {**ready, study: (str(path), _mark(model))}
        st.rerun()


def _mark(model: FinalModel) -> object:
    """What changes when the run is extended: the package is then another one."""
    files = (model.folder / CARD_FILE, model.folder.parent / TRIALS_FILE)
    return tuple(file.stat().st_mtime_ns if file.is_file() else None for file in files)


def _prepare(study: str, model: FinalModel) -> Path:
    settings = shared.settings()
    data = read_report(shared.database(), settings.results_dir, settings.artifacts_dir, study)
    found = contents(settings.results_dir, study, model, build_report(data).encode("utf-8"))
    return build_package(found, model.folder.parent / "package.zip").path
