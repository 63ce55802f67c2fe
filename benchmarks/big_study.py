"""A study of 10,000 trials as plain Optuna makes it: how soon pages show it, and what their process holds."""

from __future__ import annotations

import os
import sys
import time
from statistics import median

import requests
from playwright.sync_api import Locator, Page

from benchmarks.plain_study import make_big_study
from benchmarks.serving import browser_page, dashboard, free_port, seconds_from_press, served
from benchmarks.tables import Table, spread
from benchmarks.work import own_settings
from hpo_core.settings import Settings
from pages.parts.analysis import leaders
from pages.parts.analysis.catalogue import CHARTS

FIRST = ("Trials, first page", "Analysis: History")
TRIALS_LIMIT_S, STEP_LIMIT_S, ANALYSIS_LIMIT_S, MEMORY_LIMIT_MB = 1.0, 0.3, 3.0, 500.0
ROUNDS, STEP_ROUNDS = 3, 5
READ_MS = 6_000  # somebody who reads a page before going on to the next one
CARDS = "[...document.querySelectorAll(\"[class*='st-key-trial_card_']\")].map(card => card.textContent).join()"
AT_REST = "document.querySelector('[data-test-script-state=notRunning]')"
WAIT_MS, SETTLE_MS = 120_000, 1_000
# Link in the navigation, and what stands there when the page does.
WITHIN = {"Trials": "[class*='st-key-trial_buttons_'] button", "Analysis": ".js-plotly-plot .main-svg"}


def measure() -> Table:
    with own_settings() as settings:
        began, load = time.perf_counter(), os.getloadavg()[0]
        study = make_big_study(settings.storage_url)
        made = time.perf_counter() - began
        memories: list[float] = []
        addresses = _addresses(study)
        seconds: dict[str, list[float]] = {name: [] for name in addresses}
        processor: dict[str, list[float]] = {name: [] for name in addresses}
        for name, address in addresses.items():
            for _ in range(ROUNDS):
                with dashboard(settings) as (url, process), browser_page() as page:
                    before = sum(process.cpu_times()[:2])
                    seconds[name].append(_seconds_to(page, url + address))
                    processor[name].append(sum(process.cpu_times()[:2]) - before)
                    memories.append(process.memory_info().rss / 1e6)
        empty = _empty_app(settings)
        with dashboard(settings) as (url, _), browser_page() as page:
            steps = _steps(page, url + addresses[FIRST[0]])
        for title in WITHIN:
            name = f"{title}, from another page"
            seconds[name], processor[name] = _within(settings, title)
        with dashboard(settings) as (url, process), browser_page() as page:
            for address in addresses.values():
                _seconds_to(page, url + address)
            memories.append(process.memory_info().rss / 1e6)
        theirs, their_processor, their_memory = _optuna_dashboard(settings.storage_url)
    trials, analysis = (median(seconds[name]) for name in FIRST)
    rows: list[tuple[object, ...]] = [
        *((name, spread(seconds[name], " s"), spread(processor[name], " s")) for name in seconds),
        *((f"Trials, {name}", spread(values, " s"), "") for name, values in steps.items()),
        ("an app of Streamlit that shows one word, for comparison", spread(empty, " s"), ""),
        ("optuna-dashboard, its first answer", f"{theirs:.3g} s", f"{their_processor:.3g} s"),
        ("optuna-dashboard against Trials", f"{theirs / trials:.3g} times", ""),
        ("optuna-dashboard against Analysis: History", f"{theirs / analysis:.3g} times", ""),
        ("memory after one of these pages", spread(memories[:-1], " MB"), ""),
        ("memory after all of them", f"{memories[-1]:.0f} MB", ""),
        ("memory of optuna-dashboard", f"{their_memory:.0f} MB", ""),
    ]
    charts = max(median(seconds[name]) for name in addresses if name != FIRST[0])
    step = max(median(values) for values in steps.values())
    met = all(
        (trials <= TRIALS_LIMIT_S, step <= STEP_LIMIT_S, charts <= ANALYSIS_LIMIT_S, max(memories) <= MEMORY_LIMIT_MB)
    )
    return Table(
        name="big_study",
        title="A study of 10,000 trials with 15 parameters, 15 attributes and 10 intermediate values",
        goal="in a fresh process: first page of Trials 1 s, a step on it 0.3 s, Analysis 3 s, process at most 500 MB",
        met=met,
        columns=("figure", "median (smallest to largest)", "processor time of the server"),
        rows=rows,
        notes=[
            "Each page is the first one that a fresh process shows: from the address being opened in a headless "
            "Chromium with an empty cache until everything stands. optuna-dashboard's first answer is the one that "
            "holds the study, without its drawing. From another page: the browser shows System of a fresh process, and "
            "a link of the navigation is pressed, so that Streamlit itself need not start. The study was made in "
            f"{made:.1f} s. Load of the machine at the beginning: {load:.1f}."
        ],
    )


def _seconds_to(page: Page, address: str) -> float:
    """Until the page has been drawn to its end, its chart included."""
    began = time.perf_counter()
    page.goto(address)
    page.locator(".onegin-footer").wait_for(timeout=WAIT_MS)
    if "/analysis" in address:
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=WAIT_MS)
    return time.perf_counter() - began


def _empty_app(settings: Settings) -> list[float]:
    """What Streamlit itself takes in such a browser."""
    script = settings.results_dir / "one_word.py"
    script.write_text("import streamlit as st\nst.html('<i class=\"onegin-footer\">word</i>')\n", encoding="utf-8")
    seconds = list[float]()
    for _ in range(ROUNDS):
        with dashboard(settings, str(script)) as (url, _), browser_page() as page:
            seconds.append(_seconds_to(page, url))
    return seconds


def _addresses(study: str) -> dict[str, str]:
    """What is opened, by its name."""
    return {FIRST[0]: f"/trials?study={study}"} | {
        f"Analysis: {chart.title}": f"/analysis?study={study}&chart={key}"
        for key, chart in CHARTS.items()
        if key != leaders.KEY  # which has no chart before configurations are repeated
    }


def _within(settings: Settings, title: str) -> tuple[list[float], list[float]]:
    """From the press on a link of the navigation until the page stands, and the server's processor time for it.

    In each round it is the first page of a process that asks for trials.
    """
    seconds, processor = list[float](), list[float]()
    for _ in range(ROUNDS):
        with dashboard(settings) as (url, process), browser_page() as page:
            _seconds_to(page, f"{url}/system")
            page.wait_for_timeout(READ_MS)
            link = page.get_by_test_id("stTopNavLink").filter(has_text=title).first
            before = sum(process.cpu_times()[:2])
            seconds.append(seconds_from_press(page, link, f"document.querySelector({WITHIN[title]!r})"))
            processor.append(sum(process.cpu_times()[:2]) - before)
    return seconds, processor


def _steps(page: Page, address: str) -> dict[str, list[float]]:
    """Seconds from a press on the gallery to the other cards, by what was pressed."""
    _seconds_to(page, address)
    found: dict[str, list[float]] = {"next page": [], "other order": [], "filter": []}
    for turn in range(STEP_ROUNDS):
        for name, seconds in found.items():
            pressed = _pressed(page, name, turn)
            page.wait_for_timeout(SETTLE_MS)
            page.evaluate(f"window.shown = {CARDS}")
            seconds.append(seconds_from_press(page, pressed, f"{CARDS} && {CARDS} !== window.shown && {AT_REST}"))
    return found


def _pressed(page: Page, name: str, turn: int) -> Locator:
    """What is to be pressed, with the list open that it stands in."""
    if name == "next page":
        return page.get_by_test_id("stPaginationNext")
    if name == "other order":
        return page.locator(".st-key-descending label").first
    page.locator(".st-key-filter_state input").click()
    return page.get_by_role("option").filter(has_text="complete" if turn % 2 else "pruned")


def _optuna_dashboard(url: str) -> tuple[float, float, float]:
    """Seconds to the first answer that holds the study, seconds of the processor, and megabytes after it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()", url, "--port", str(port), "-q"]
    with served(command, dict(os.environ), address, "/api/meta") as process:
        began, before = time.perf_counter(), sum(process.cpu_times()[:2])
        studies = requests.get(f"{address}/api/studies", timeout=300).json()["study_summaries"]
        number = studies[0]["study_id"]
        answer = requests.get(f"{address}/api/studies/{number}", params={"after": 0}, timeout=300)
        answer.raise_for_status()
        seconds = time.perf_counter() - began
        return seconds, sum(process.cpu_times()[:2]) - before, process.memory_info().rss / 1e6
