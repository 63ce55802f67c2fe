"""What all pages share: settings, the runs of this process, and reading access to the database.

What the process owns is cached with functools: Streamlit's own cache complains outside of a visitor's session.
"""

from __future__ import annotations

import gc
import inspect
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

import streamlit as st

from hpo_core.backends import LOCAL_ONLY, RUNPOD
from hpo_core.local.asking import ModelDesk
from hpo_core.local.tensorboard import TensorBoard
from hpo_core.machine import Machine
from hpo_core.manager import RunManager
from hpo_core.settings import Settings
from pages import parts
from pages.parts.endpoint_watch import EndpointWatch
from pages.parts.pace import Pace
from pages.parts.remote import Remote
from runpod_service.backend import runpod_backend
from storage.database import Database, open_database
from storage.errors import StorageError, UnknownRunError
from storage.jobs import Jobs
from storage.progress import ProgressTable
from storage.runs import Run, Runs, RunState
from storage.studies import Studies

RETRY_S = 2.0


@cache
def settings() -> Settings:
    """What the environment said when the dashboard started."""
    return Settings.from_environment(os.environ)


@cache
def manager() -> RunManager:
    """The runs of this process; one for all visitors."""
    return RunManager(settings(), backends={**LOCAL_ONLY, RUNPOD: runpod_backend})


@cache
def remote() -> Remote:
    """The RunPod endpoint that this process uses."""
    return Remote(settings().runpod)


@cache
def pace() -> Pace:
    """How often the live pages of this process are drawn."""
    return Pace()


@cache
def model_desk() -> ModelDesk:
    """Where final models are asked; one process for all visitors."""
    return ModelDesk(settings())


@cache
def tensorboard() -> TensorBoard:
    """TensorBoard, which shows one run at a time to all visitors."""
    return TensorBoard()


@cache
def endpoint_watch() -> EndpointWatch:
    """How that endpoint is doing."""
    return EndpointWatch()


def run_settings() -> Settings:
    """What a run that is started now gets: the environment's settings, and the endpoint in use."""
    return replace(settings(), runpod=remote().settings)


@cache
def machine() -> Machine:
    """What this machine can train at once."""
    return Machine.detect()


def warm_up() -> None:
    """Do before the first visitor comes what would make pages slow: open the database, load all that draws."""
    for part in walk_packages(parts.__path__, f"{parts.__name__}."):
        import_module(part.name)
    machine()
    with suppress(StorageError):  # a page says it in place
        database()
    # At the first element of a process Streamlit looks through the files of all modules: the next time they are known.
    inspect.stack()
    # Streamlit collects garbage after every redraw; modules need not be looked at again each time.
    gc.freeze()


def close_runs() -> None:
    """Cancel what this process runs and wait for its end."""
    with ExitStack() as closing:  # the last one first, each whatever happens to the others
        closing.callback(remote().close)  # the jobs of a run are cancelled there first
        closing.callback(model_desk().close)
        closing.callback(tensorboard().close)
        closing.callback(manager().close)


def visitor() -> str:
    """Who looks at the page: one name for each open window."""
    return str(st.session_state.setdefault("visitor", uuid.uuid4().hex))


def database() -> Database:
    """Raises StorageError while it cannot be opened."""
    return open_database(settings().storage_url)


def runs() -> Runs:
    return Runs(database())


def studies() -> Studies:
    return Studies(database())


def jobs() -> Jobs:
    return Jobs(database())


def progress(run_name: str) -> ProgressTable:
    return ProgressTable(database(), run_name)


def active_run() -> Run | None:
    """The newest run that trains, whichever process it belongs to; where none does, the newest that waits."""
    found = runs().open()
    return next((run for run in found if run.state is RunState.RUNNING), found[0] if found else None)


def busy_here() -> Run | None:
    """The run that keeps this machine busy, started from this dashboard or from a command line; it rather trains than
    waits."""
    host = f"{socket.gethostname()}:"
    here = [run for run in runs().open() if run.owner.startswith(host)]
    return next((run for run in here if run.state is RunState.RUNNING), here[0] if here else None)


def names(known: list[Run]) -> list[str]:
    """Runs that get ready, then all studies, the newest first, then runs that ended before they had a study."""
    with_study = studies().names()
    without = [run for run in known if run.run_name not in with_study]
    ready = [run.run_name for run in without if not run.state.is_final]
    return ready + with_study + [run.run_name for run in without if run.state.is_final]


@contextmanager
def database_errors(*, retry: bool) -> Iterator[None]:
    """Say in place that the database does not answer.

    Args:
        retry: draw the page again as soon as it does; for places that do not draw themselves anew anyway.
    """
    try:
        yield
    except UnknownRunError:
        st.warning(
            "What this page showed was deleted while it was open. Choose another run, or draw the page again.",
            icon=":material/search_off:",
        )
    except StorageError as error:
        st.error(
            f"The database does not answer. {error}. Runs that are training go on; this page tries again by itself.",
            icon=":material/database_off:",
        )
        if retry:
            st.fragment(_try_again, run_every=RETRY_S, key="retry")()


def _try_again() -> None:
    try:
        runs().list(limit=1)
    except StorageError:
        return
    st.rerun()
