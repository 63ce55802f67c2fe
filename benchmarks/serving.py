"""A dashboard in a process of its own, and a browser, for the measurements that need them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import requests
from playwright.sync_api import Locator, Page, sync_playwright

from hpo_core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
START_S = 300
REST_S, QUIET_S = 20.0, 0.5
WAIT_MS = 120_000
FROM_PRESS = """done => {
  window.fromPress = null;
  const holds = new Function(`return ${done}`);
  document.addEventListener('pointerdown', () => {
    const began = performance.now();
    const look = () => holds() ? window.fromPress = performance.now() - began : requestAnimationFrame(look);
    look();
  }, {once: true, capture: true});
}"""


@contextmanager
def dashboard(settings: Settings, script: str = "app.py") -> Iterator[tuple[str, psutil.Process]]:
    """A fresh dashboard on these results, or another app of Streamlit: its address and its process."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port),
               "--server.address", "127.0.0.1", "--server.headless", "true"]  # fmt: skip
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "",  # as a visitor's machine has it: our modules are compiled once
        "ONEGIN_RESULTS_DIR": str(settings.results_dir),
        "ONEGIN_STORAGE_URL": settings.storage_url,
    }
    with served(command, environment, f"http://127.0.0.1:{port}", "/_stcore/health") as process:
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def served(command: Sequence[str], environment: dict[str, str], url: str, health: str) -> Iterator[psutil.Process]:
    """A server that runs as long as the body does, from the moment in which `health` answers."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_answer(f"{url}{health}")
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser that is open already and has nothing cached.

    It has come to rest: what a browser does to start is no time of a page.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"),
            args=["--no-sandbox", "--disable-gpu", "--use-gl=swiftshader", "--enable-webgl", "--ignore-gpu-blocklist"],
        )
        page = browser.new_page()
        page.goto("about:blank")
        _wait_for_rest()
        try:
            yield page
        finally:
            browser.close()


def seconds_from_press(page: Page, pressed: Locator, done: str) -> float:
    """Seconds from the press of the mouse until an expression of JavaScript holds, by the page's own clock.

    What Playwright does before it presses, such as bringing the place into sight, is no time of the page.
    """
    page.evaluate(FROM_PRESS, done)
    pressed.click()
    return float(page.wait_for_function("window.fromPress", timeout=WAIT_MS).json_value()) / 1000


def _wait_for_rest() -> None:
    """Wait until the processes below this one, but for those of servers, have nothing to do."""
    deadline = time.monotonic() + REST_S
    before = _browser_seconds()
    while time.monotonic() < deadline:
        time.sleep(QUIET_S)
        now = _browser_seconds()
        if now - before < 0.05 * QUIET_S:
            return
        before = now


def _browser_seconds() -> float:
    """Processor time of the browsers that this process has started."""
    seconds = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in child.name():
                seconds += sum(child.cpu_times()[:2])
    return seconds


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for_answer(address: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.02)
    raise TimeoutError(f"{address} did not answer within {START_S} s")
