"""The configuration as a file or a text: to be saved, given to others, and taken over again."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

import datasets
from datasets import DatasetError
from hpo_core.errors import UsageError
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.parameters import PARAMETERS, Architecture, defaults
from hpo_core.run_names import is_taken
from hpo_core.trial_config import TrialConfig
from hpo_core.yaml_text import MAX_BYTES, parse_yaml
from pages.parts import architecture_source, draft, formats, shared, words
from pages.parts.checked import Checked
from pages.parts.form import Form
from storage.errors import StorageError, UnknownRunError

TITLE = "Saving and sharing"
FILE, TEXT, SAID = "import_file", "import_text", "import_said"
LIMIT = f"{MAX_BYTES / 1e6:g} MB"
PASTED = "the text"
# What the browser may send, so that we can say what is wrong with it: what it refuses itself it only marks red.
UPLOAD_MB = 25


def draw(form: Form, checked: Checked) -> None:
    """Draw the run's name, the way out and the way in."""
    form.field("run_name")
    _warn_of_taken(checked.config)
    out, into = st.columns(2, gap="medium")
    with out:
        _export(checked.config)
    with into:
        _import()


def _warn_of_taken(config: OptimizationConfig | None) -> None:
    """Say where the name is typed that it is in use; a database that does not answer is told at the start."""
    name = config.run_name if config is not None else None
    with suppress(StorageError):
        if name is not None and (is_taken(name, shared.studies(), shared.settings().results_dir) or _waits(name)):
            st.warning(f"The name {formats.as_markdown(name)} is taken: choose another one.", icon=":material/label:")


def _waits(name: str) -> bool:
    """Whether a run of this name is in the queue, where it has neither study nor folder yet."""
    try:
        return not shared.runs().get(name).state.is_final
    except UnknownRunError:
        return False


def _export(config: OptimizationConfig | None) -> None:
    st.markdown("**Give it away**")
    if config is None:
        st.html('<div class="quiet">A configuration can be saved when it is valid.</div>')
        return
    text = config.to_yaml()
    st.download_button(
        "Download the configuration", text, f"onegin-{config.run_name or config.dataset}.yaml", "application/yaml",
        key="export", icon=":material/download:", on_click="ignore",
        help="A YAML file. `python -m hpo_core optimize config=FILE` starts the same run.",
    )  # fmt: skip
    st.code(text, language="yaml", height=220)
    st.html(
        '<div class="card-small">To share it, copy this text with the button at its upper right, or the address of '
        "this page, which says the same.</div>"
    )


def _import() -> None:
    st.markdown("**Take one over**")
    st.file_uploader(
        f"A YAML file of at most {LIMIT}", type=["yaml", "yml"], max_upload_size=UPLOAD_MB, key=FILE,
        on_change=_take_file,
    )  # fmt: skip
    st.text_area("Or a text", key=TEXT, height=120, placeholder="dataset: mnist\ntrials: 30")
    st.button("Use this text", key="import_use", on_click=_take_text)
    is_good, sentence = st.session_state.get(SAID, (True, ""))
    if sentence:
        (st.success if is_good else st.error)(formats.plain(sentence))


def _take_file() -> None:
    file = st.session_state[FILE]
    if file is None:
        st.session_state.pop(SAID, None)
    elif file.size > MAX_BYTES:
        _say(False, f"{file.name} has {formats.file_size(file.size)}; a configuration has at most {LIMIT}.")
    else:
        _take(file.getvalue(), file.name)


def _take_text() -> None:
    _take(str(st.session_state.get(TEXT, "")).encode(), PASTED)


def _take(content: bytes, source: str) -> None:
    """Take a configuration over: the whole of it, or nothing where any part of it cannot be used."""
    try:
        trial = trial_in(content, source)
        config = OptimizationConfig.from_yaml(content, source) if trial is None else None
    except UsageError as error:
        _say(False, f"{words.refusal(error, of_file=True)} Nothing was changed.")
    except DatasetError as error:
        _say(False, f"{formats.sentence(str(error))} Nothing was changed.")
    else:
        if trial is not None:
            draft.current().fix_alone(trial)
            _say(True, f"The form now trains the network of {source} alone.")
        elif config is not None:
            draft.current().load(config)
            _say(True, f"The form now holds what {source} says; what it leaves out has its default.")


def trial_in(content: bytes, source: str) -> TrialConfig | None:
    """The network in a file about one trial, such as the best hyperparameters of a run; None in one about a run.

    Raises UsageError, UnknownDatasetError.
    """
    values = parse_yaml("config", content, source)
    if not values.keys() >= {"trial", "dataset"}:
        return None
    dataset = str(values["dataset"])
    known = defaults(Architecture(datasets.dataset_info(dataset).architecture))
    return architecture_source.make_config(
        dataset, {name: PARAMETERS[name].check(value) for name, value in values.items() if name in known}
    )


def _say(is_good: bool, sentence: str) -> None:
    st.session_state[SAID] = (is_good, sentence)
