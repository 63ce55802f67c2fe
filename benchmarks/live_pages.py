"""How soon an event of a training is on an open page, and what open pages cost while six trials run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import optuna
import psutil
from sqlalchemy import update

from benchmarks.open_pages import open_pages
from benchmarks.serving import ROOT, browser_page, dashboard
from benchmarks.tables import Table
from benchmarks.work import own_settings
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.settings import Settings
from storage.database import Database, open_database
from storage.progress import ProgressTable, TrialProgress
from storage.runs import Runs
from storage.tables import runs

LATE_S, REFRESH_MS, TWENTY_SHARE = 1.0, 100.0, 0.1
EPOCHS = 80
NUMBERS = (1, 3, 20)
SETTLE_S, WATCH_S = 25.0, 30.0
TRIALS, RUNNING = 20, 6
NAME = "six"
OBSERVER = """() => { window.seen = []; let last = '';
  new MutationObserver(() => {
    const found = /epoch (\\d+) of/.exec(document.querySelector('.st-key-running')?.innerText || '');
    if (found && found[1] !== last) { last = found[1]; window.seen.push([Number(last), Date.now() / 1000]); }
  }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""


@dataclass(frozen=True)
class Cost:
    """What open pages cost: share of one core, drawings a second, processor milliseconds of each."""

    pages: int
    share: float
    drawings: float
    ms: float


def measure() -> Table:
    late = latencies()
    costs = costs_of_pages()
    p95 = quantiles(late, n=20)[-1]
    met = p95 <= LATE_S and costs[0].ms <= REFRESH_MS and costs[-1].share <= TWENTY_SHARE
    rows: list[tuple[object, ...]] = [
        ("an epoch is on the page after (median, 95 %, longest)",
         f"{median(late):.2f} s, {p95:.2f} s, {max(late):.2f} s of {len(late)} epochs"),
    ]  # fmt: skip
    rows += [
        (f"{cost.pages} open page{'s' if cost.pages > 1 else ''}, six trials running",
         f"{cost.share:.3f} of a core; {cost.drawings:.2f} drawings a second, {cost.ms:.0f} ms of processor each")
        for cost in costs
    ]  # fmt: skip
    return Table(
        name="live_pages",
        title="How soon an event is on an open page, and what open pages cost",
        goal="95 % of events within 1 s; a refresh at most 100 ms of processor; twenty pages at most 0.1 of a core",
        met=met,
        columns=("figure", "measured"),
        rows=rows,
        notes=[
            "Events: epochs of one real training on the digits, from the record's arrival in the runner's journal to "
            "the change of the page in a headless Chromium on the same machine.",
            "Cost: processor time of the dashboard's process less that without pages; pages are connections that ask "
            "as browsers do. Every part that a page draws by itself counts as a drawing.",
        ],
    )


def latencies() -> list[float]:
    """Seconds from the record of each epoch to its number on the page."""
    with own_settings() as settings, dashboard(settings) as (url, _), browser_page() as page:
        page.goto(f"{url}/monitor")
        page.locator(".onegin-footer").wait_for(timeout=30_000)
        name = "latency"
        command = [sys.executable, "-m", "hpo_core", "optimize", "dataset=digits", "trials=1", "workers=1", "threads=1",
                   f"max_epochs_per_trial={EPOCHS}", "final_model=false", "plots=none", f"run_name={name}"]  # fmt: skip
        environment = os.environ | {
            "ONEGIN_RESULTS_DIR": str(settings.results_dir), "ONEGIN_STORAGE_URL": settings.storage_url,
        }  # fmt: skip
        journal, written = settings.results_dir / name / "trial_0" / "records.jsonl", dict[int, float]()
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(journal, written, over))
        watcher.start()
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as run:
            try:
                page.locator(".st-key-running").get_by_text(re.compile(r"epoch \d+ of")).first.wait_for(timeout=120_000)
                page.evaluate(OBSERVER)
                while run.poll() is None:
                    page.wait_for_timeout(500)
            finally:
                over.set()
                watcher.join()
        seen: Sequence[tuple[int, float]] = page.evaluate("window.seen")
    found = []
    for epoch, at in written.items():
        shown = [when for number, when in seen if number >= epoch]
        if shown and min(number for number, _ in seen) < epoch:
            found.append(max(0.0, min(shown) - at))
    return found


def _watch(journal: Path, written: dict[int, float], over: threading.Event) -> None:
    """Note when the first record of each epoch is in the journal."""
    read = 0
    while not over.wait(0.005):
        if not journal.exists():
            continue
        with journal.open("rb") as file:
            file.seek(read)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        read += len(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            if record["kind"] in ("batch", "epoch"):
                written.setdefault(int(record["epoch"]), time.time())


def costs_of_pages() -> list[Cost]:
    with own_settings() as settings, six_running(settings), dashboard(settings) as (url, process):
        # What is imported with the first page belongs neither to a process without pages nor to an open one.
        with open_pages(url, "monitor", f"study={NAME}", 1):
            time.sleep(SETTLE_S)
        time.sleep(SETTLE_S)
        idle = _share(process, WATCH_S)
        found = []
        for number in NUMBERS:
            with open_pages(url, "monitor", f"study={NAME}", number) as pages:
                time.sleep(SETTLE_S)
                before, began = sum(page.drawings for page in pages), time.monotonic()
                share = max(0.0, _share(process, WATCH_S) - idle)
                drawings = (sum(page.drawings for page in pages) - before) / (time.monotonic() - began)
            assert all(page.drawings and not page.failures for page in pages)
            found.append(Cost(number, share, drawings, share / drawings * 1000))
    return found


def _share(process: psutil.Process, seconds: float) -> float:
    """Processor seconds a second."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


@contextmanager
def six_running(settings: Settings) -> Iterator[None]:
    """A run of which twenty trials are over and six go on: their progress is written as a runner writes it."""
    database = open_database(settings.storage_url)
    config = OptimizationConfig(trials=40, max_epochs_per_trial=12, workers=2, run_name=NAME)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    Runs(database).create(NAME, owner=owner, trials=config.trials)
    Runs(database).begin(NAME)
    study = optuna.create_study(study_name=NAME, storage=database.optuna_storage(), direction="maximize")
    study.set_user_attr("configuration", config.as_dict())
    space = config.search_space()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(TRIALS + RUNNING):
            trial = study.ask()
            space.suggest(trial)
            if number < TRIALS:
                trial.set_user_attr("accuracy", 0.8 + number / 150)
                study.tell(trial, 0.8 + number / 150)
    over = threading.Event()
    writer = threading.Thread(target=_write_progress, args=(database, over))
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def _write_progress(database: Database, over: threading.Event) -> None:
    table, step, began = ProgressTable(database, NAME), 0, time.time()
    while not over.wait(0.25):
        step += 1
        rows = [
            TrialProgress(
                trial=TRIALS + place, phase="training", epoch=1 + step // 40 % 11, epochs=12, share=step % 40 / 40,
                started_at=began, updated_at=time.time(), loss=1 / step, accuracy=0.5, validation_accuracy=0.9,
                process=1, memory_mb=400, summary="Conv 8-16, adam 0.001, batch 32",
            )
            for place in range(RUNNING)
        ]  # fmt: skip
        table.write(rows, [])
        if step % 8 == 0:
            with database.write() as connection:
                connection.execute(update(runs).where(runs.c.run_name == NAME).values(heartbeat_at=time.time()))
