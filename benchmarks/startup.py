"""How soon things answer: the command line's help, the dashboard's first page, and what its process holds."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from benchmarks.plain_study import make_big_study
from benchmarks.serving import ROOT, browser_page, dashboard
from benchmarks.tables import Table, spread
from benchmarks.work import own_settings

PAGES = sorted(file.stem for file in (ROOT / "pages").glob("[!_]*.py"))
TRIALS = 200
HELP_LIMIT_S, PAGE_LIMIT_S, MEMORY_LIMIT_MB = 1.0, 2.0, 300.0
ROUNDS = 5


def measure() -> Table:
    helps = [_seconds_of_help() for _ in range(ROUNDS)]
    first_pages, memories, tensorflow = [], [], False
    for _ in range(ROUNDS):
        with own_settings() as settings, dashboard(settings) as (url, process):
            first_pages.append(_first_page(url))
            _open_all(f"study={make_big_study(settings.storage_url, TRIALS)}", url)
            memories.append(process.memory_info().rss / 1e6)
            tensorflow |= any("tensorflow" in item.path for item in process.memory_maps())
    met = median(helps) <= HELP_LIMIT_S and median(first_pages) <= PAGE_LIMIT_S and max(memories) <= MEMORY_LIMIT_MB
    return Table(
        name="startup",
        title="How soon the product answers, and what the dashboard's process holds",
        goal="help 1 s, first page 2 s after the server answers, dashboard at most 300 MB and without TensorFlow",
        met=met and not tensorflow,
        columns=("figure", "median (smallest to largest)"),
        rows=[
            ("python -m hpo_core --help", spread(helps, " s")),
            ("first page, after the server answers", spread(first_pages, " s")),
            ("dashboard's memory after all pages were opened", spread(memories, " MB")),
            ("TensorFlow in the dashboard's process", "yes" if tensorflow else "no"),
        ],
        notes=[
            "First page: from the server's first answer until the start button is visible, in a headless "
            f"Chromium that is open already but has nothing cached. All pages: the {len(PAGES)} there are, each with a "
            f"study of {TRIALS} trials."
        ],
    )


def _seconds_of_help() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hpo_core", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _first_page(url: str) -> float:
    """Seconds to the first page of a database that holds nothing yet."""
    with browser_page() as page:
        began = time.perf_counter()
        page.goto(url)
        page.locator(".st-key-start button").wait_for(timeout=30_000)
        return time.perf_counter() - began


def _open_all(query: str, url: str) -> None:
    """Open every page with something to show, for the memory it needs."""
    with browser_page() as page:
        for name in PAGES:
            page.goto(f"{url}/{name}?{query}")
            page.locator(".onegin-footer").wait_for(timeout=60_000)
