"""A dashboard in a process of its own, and a browser, for the measurements that need them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests
from playwright.sync_api import Page, sync_playwright

from hpo_core.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
START_S = 300


@contextmanager
def dashboard(settings: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """A fresh dashboard on these results: its address and its process."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--server.headless", "true"]  # fmt: skip
    environment = os.environ | {
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
    """A page of a browser that is open already and has nothing cached."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"),
            args=["--no-sandbox", "--disable-gpu", "--use-gl=swiftshader", "--enable-webgl", "--ignore-gpu-blocklist"],
        )
        page = browser.new_page()
        page.goto("about:blank")
        try:
            yield page
        finally:
            browser.close()


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
