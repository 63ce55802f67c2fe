"""This machine and the store, on the System page."""

from __future__ import annotations

import html

import psutil
import streamlit as st

from hpo_core.settings import S3Settings
from pages.parts import formats, shared
from runpod_service.s3 import S3Error, S3Store
from runpod_service.s3_errors import place_of

# One answer counts here: a person waits for it.
ATTEMPTS = 1


def machine() -> None:
    """What this machine has."""
    st.header("This machine", anchor=False)
    found, memory = shared.machine(), psutil.virtual_memory()
    grid = st.grid(4, min_column_width=150, key="tiles")
    shown = (
        ("Cores", formats.count(found.cores), "Processor cores that this process may use."),
        ("Free memory", f"{memory.available / 1e9:.1f} GB", f"Of {memory.total / 1e9:.1f} GB, at this moment."),
        ("GPUs", formats.count(found.gpus), "As the NVIDIA driver lists them."),
        ("Trials at once", formats.count(found.default_workers),
         "What a run on this machine takes where it is not told: one per GPU or core, as far as the memory reaches."),
    )  # fmt: skip
    for label, value, explanation in shown:
        grid.metric(label, value, help=explanation, border=True)


def store() -> None:
    """Whether remote trials can leave their files somewhere, and a check of it."""
    settings = shared.settings().s3
    with st.container(border=True, key="store_card"):
        st.subheader("Store for files (S3)", anchor=False)
        if not settings.complete:
            st.html(
                f'<div class="card-text">Not set up: {", ".join(settings.missing)}. Runs on RunPod work without it: '
                "pictures are drawn on this machine from the results, and the final model is trained here.</div>"
            )
            return
        st.html(
            f'<div class="card-text">Bucket <b>{html.escape(settings.bucket)}</b> at '
            f"{html.escape(place_of(settings))}. Remote trials leave their files there; they are fetched, verified and "
            "removed.</div>"
        )
        if st.button("Check the store", key="check_store", icon=":material/fact_check:"):
            _check(settings)


def _check(settings: S3Settings) -> None:
    with st.spinner("Writing, reading and deleting a small object"):
        try:
            sentence = S3Store(settings, attempts=ATTEMPTS).check()
        except S3Error as error:
            st.error(f"{error}.", icon=":material/error:")
        else:
            st.success(sentence, icon=":material/check_circle:")
