"""How the endpoint is doing: what the doctor finds, workers and jobs as `/health` counts them, the newest jobs."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.parts import formats, palette, shared, state
from runpod_service.backend import endpoint_name
from runpod_service.client import EndpointHealth
from runpod_service.doctor import Finding, Seen, Severity, count, examine, reason_of
from runpod_service.protocol import JobState
from storage.jobs import Job, WorkerRecord

LOOKED_AT, SHOWN_JOBS, SHOWN_RUNS = 200, 50, 12
COLOURS = {
    Severity.GOOD: palette.COMPLETE,
    Severity.NOTE: palette.RUNNING,
    Severity.WARNING: palette.PRUNED,
    Severity.TROUBLE: palette.FAILED,
}
WORKERS = (
    ("At work", "running", "Workers that train a trial."),
    ("Free", "idle", "Workers that wait for a job."),
    ("Starting", "initializing", "Workers that load the image or begin."),
    ("Throttled", "throttled", "Workers that may not start: RunPod has no GPU free for them."),
    ("Unhealthy", "unhealthy", "Workers that crashed."),
)
JOBS = (
    ("Jobs queued", "inQueue", "Jobs that no worker has taken yet."),
    ("Jobs running", "inProgress", "Jobs that a worker has."),
    ("Jobs failed", "failed", "As RunPod counts them, of all programs that use the endpoint."),
)

JOB_COLUMNS = {
    "Trial": st.column_config.TextColumn(pinned=True),
    "Waited": st.column_config.TextColumn(help="In RunPod's queue."),
    "Ran": st.column_config.TextColumn(help="On a worker, by RunPod's clock; this is what is paid."),
    "Error": st.column_config.TextColumn(width="medium"),
}


def draw() -> None:
    """Draw findings and counts; made anew every few seconds."""
    with shared.database_errors(retry=False):
        settings = shared.remote().settings
        answer = shared.endpoint_watch().look(settings)
        endpoint = endpoint_name(settings.base_url, settings.endpoint_id)
        jobs = [job for job in shared.jobs().newest(LOOKED_AT) if job.endpoint == endpoint]
        found = examine(Seen(settings, answer, jobs, shared.jobs().workers(endpoint), time.time()))
        _findings(found)
        if isinstance(answer, EndpointHealth):
            _counts(answer)


def draw_jobs() -> None:
    """Draw the newest jobs, and what they say of workers and runs."""
    with shared.database_errors(retry=False):
        jobs = shared.jobs().newest(LOOKED_AT)
        st.header("Jobs", anchor=False)
        if not jobs:
            st.html('<div class="quiet">No job yet: they appear with the first run on RunPod.</div>')
            return
        now = time.time()
        st.dataframe(
            job_table(jobs[:SHOWN_JOBS], now), key="job_table", hide_index=True, column_config=JOB_COLUMNS
        )  # fmt: skip
        settings = shared.remote().settings
        records = shared.jobs().workers(endpoint_name(settings.base_url, settings.endpoint_id))
        left, right = st.columns(2, gap="medium")
        with left:
            st.header("Workers of this endpoint", anchor=False)
            if records:
                st.dataframe(worker_table(records), key="worker_table", hide_index=True)
            else:
                st.html('<div class="quiet">No worker of this endpoint has ended a job yet.</div>')
        with right:
            st.header("Money by run", anchor=False)
            st.dataframe(_money_table(jobs), key="money_table", hide_index=True)


def _findings(found: Sequence[Finding]) -> None:
    if not found:
        st.html('<div class="quiet">Asking the endpoint how it is.</div>')
        return
    st.html("".join(finding_card(finding) for finding in found))


def finding_card(finding: Finding) -> str:
    """A finding as HTML: its colour beside its title, what was seen, what to do."""
    mark = "" if finding.code in finding.title else f'<span class="card-mark">{finding.code}</span>'
    seen, fix = html.escape(formats.sentence(finding.seen)), html.escape(finding.fix)
    return (
        f'<div class="finding" style="border-color:{COLOURS[finding.severity]}">'
        f"{state.badge(finding.title, COLOURS[finding.severity])}"
        f"{mark}"
        f'<div class="card-text">{seen}</div>'
        f"{f'<div class=card-text><b>{fix}</b></div>' if fix else ''}</div>"
    )


def _counts(health: EndpointHealth) -> None:
    grid = st.grid(8, min_column_width=104, key="endpoint_tiles")
    for label, name, explanation in WORKERS:
        grid.metric(label, formats.count(count(health.workers, name)), help=explanation, border=True)
    for label, name, explanation in JOBS:
        grid.metric(label, formats.count(count(health.jobs, name)), help=explanation, border=True)


def job_table(jobs: Sequence[Job], now: float) -> pd.DataFrame:
    """One row for each job, as people read it."""
    return pd.DataFrame(
        {
            "Trial": "Final model" if job.trial is None else f"Trial {job.trial}",
            "State": job.state.lower().replace("_", " "),
            "Waited": formats.duration(_waited(job, now)),
            "Ran": formats.duration(job.execution_s),
            "Cost": formats.dollars(job.cost),
            "Worker": job.worker or formats.NOTHING,
            "Error": reason_of(job.error) or formats.NOTHING,
            "Run": job.run_name,
            "Job": job.job_id,
        }
        for job in jobs
    )


def worker_table(records: Sequence[WorkerRecord]) -> pd.DataFrame:
    """One row for each worker."""
    return pd.DataFrame(
        {
            "Worker": record.worker,
            "Jobs": record.jobs,
            "Failed": record.failed,
            "Mean wait": formats.duration(record.mean_delay_s),
            "Mean time": formats.duration(record.mean_execution_s),
        }
        for record in records
    )


def _money_table(jobs: Sequence[Job]) -> pd.DataFrame:
    """What the runs of these jobs have cost, the newest first."""
    names = list(dict.fromkeys(job.run_name for job in jobs))[:SHOWN_RUNS]
    return pd.DataFrame({"Run": name, "Cost": formats.dollars(shared.jobs().spent(name))} for name in names)


def _waited(job: Job, now: float) -> float | None:
    if job.delay_s is not None:
        return job.delay_s
    return now - job.submitted_at if job.state == JobState.IN_QUEUE else None
