"""How soon things answer: the command line's help, the dashboard's first page, and what its process holds."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import requests
from playwright.sync_api import sync_playwright

from benchmarks.tables import Table, spread
from benchmarks.work import own_settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("optimize", "monitor", "trials")
HELP_LIMIT_S, PAGE_LIMIT_S, MEMORY_LIMIT_MB = 1.0, 2.0, 300.0
ROUNDS = 5


def measure() -> Table:
    helps = [_seconds_of_help() for _ in range(ROUNDS)]
    first_pages, memories, tensorflow = [], [], False
    for _ in range(ROUNDS):
        with _dashboard() as (url, process):
            first_pages.append(_first_page(url))
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
            "Chromium that is open already but has nothing cached."
        ],
    )


def _seconds_of_help() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hpo_core", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


@contextmanager
def _dashboard() -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--server.headless", "true"]  # fmt: skip
    with own_settings() as settings:
        environment = os.environ | {"ONEGIN_RESULTS_DIR": str(settings.results_dir)}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for_answer(url)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/_stcore/health", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.02)
    raise TimeoutError("the dashboard did not answer within a minute")


def _first_page(url: str) -> float:
    """Seconds to the first page; the other pages are opened too, for the memory they need."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto("about:blank")  # a visitor's browser is open already
        began = time.perf_counter()
        page.goto(url)
        page.locator(".st-key-start button").wait_for(timeout=30_000)
        seconds = time.perf_counter() - began
        for name in PAGES:
            page.goto(f"{url}/{name}")
            page.locator("[data-testid=stAppViewContainer] h1").first.wait_for(timeout=30_000)
        browser.close()
    return seconds
