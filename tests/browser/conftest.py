"""A real server and a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from pages.parts import shared
from storage.database import Database, close_databases, open_database
from tests.pages import conftest, examined

ROOT = Path(__file__).parents[2]
START_S = 60.0
# Ends a test that fails; one that works does not wait. Playwright's own five seconds are short for a busy machine.
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class Dashboard:
    """A server under test.

    Attributes:
        url: its address.
        folder: its results.
        environment: of its process; the command line gets the same.
        process: the server.
    """

    url: str
    folder: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def database(self) -> Database:
        """A connection of our own to its database; to be closed."""
        return Database(self.environment["ONEGIN_STORAGE_URL"])


def serve(folder: Path, variables: Mapping[str, str] | None = None) -> Dashboard:
    """Start a dashboard with its own results, and with `variables`, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "ONEGIN_RESULTS_DIR": str(folder / "results"),
        "ONEGIN_STORAGE_URL": f"sqlite:///{folder / 'onegin.db'}",
        "XDG_CACHE_HOME": str(folder / "cache"),
        **(variables or {}),
    }
    words = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    words += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/_stcore/health", timeout=1).ok:
                return Dashboard(url, folder, environment, process)
        except requests.RequestException:
            if process.poll() is not None:
                break
    process.kill()
    process.wait()
    raise RuntimeError(f"the dashboard did not start: {(folder / 'server.log').read_text()}")


def stop(dashboard: Dashboard) -> None:
    """End the server as Ctrl-C does."""
    if dashboard.process.poll() is None:
        dashboard.process.send_signal(signal.SIGINT)
        try:
            dashboard.process.wait(30)
        except subprocess.TimeoutExpired:
            dashboard.process.kill()
            dashboard.process.wait()


@pytest.fixture(scope="package")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    running = serve(tmp_path_factory.mktemp("dashboard"))
    yield running
    stop(running)


@pytest.fixture(scope="package")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard with a run in each state, one of them examined, one with a final model; nothing was trained."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONEGIN_RESULTS_DIR", str(folder / "results"))
        environment.setenv("ONEGIN_STORAGE_URL", f"sqlite:///{folder / 'onegin.db'}")
        shared.settings.cache_clear()
        database = open_database(shared.settings().storage_url)
        log = shared.settings().log_file
        log.parent.mkdir(parents=True)
        log.write_text("2026-01-01 12:00:00,000 INFO [digits-examined] trial 0 starts\n")
        examined.make_examined(database)
        examined.make_final_model(database)
        conftest.make_failed(database)
        examined.make_watched(database)
        with database.write() as connection:  # nobody runs it: it stays alive by a sign of life from the future
            connection.exec_driver_sql("UPDATE onegin_runs SET heartbeat_at = 9e9 WHERE run_name = 'digits-now'")
        close_databases()
        shared.settings.cache_clear()
    dashboard = serve(folder)
    yield dashboard
    stop(dashboard)


@pytest.fixture(scope="package")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard that nobody has used."""
    running = serve(tmp_path_factory.mktemp("empty"))
    yield running
    stop(running)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium-headless-shell")
    if chromium is None:
        pytest.skip("needs Debian's Chromium without windows: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What the tests of a file share: its window, because a new one compiles all scripts of Streamlit anew, which takes
    longer than most tests."""
    opened = browser.new_context()
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """The window as a new visitor has it."""
    window = _window(context)
    window.set_viewport_size({"width": 1440, "height": 900})
    window.emulate_media(color_scheme="light")
    yield window
    window.unroute_all()
    if window.url.startswith("http"):
        with suppress(Error):  # a page that just goes on to another one
            window.evaluate("localStorage.clear(); sessionStorage.clear()")
    context.clear_cookies()


def _window(context: BrowserContext) -> Page:
    """The window with an empty page in it, or a new one where it crashed; others are closed."""
    for number, window in enumerate(context.pages):
        try:
            if number == 0:
                window.goto("about:blank")
                continue
        except Error:
            pass
        window.close()
    return context.pages[0] if context.pages else context.new_page()
