"""TensorBoard as a child process: the real one, asked over HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from hpo_core.history import FILE_NAME
from hpo_core.local.tensorboard import ROOT, TensorBoard, TensorBoardError
from tests.histories import cnn_history

pytestmark = pytest.mark.slow


@pytest.fixture
def board() -> Iterator[TensorBoard]:
    made = TensorBoard()
    yield made
    made.close()


def make_run(folder: Path, trials: int) -> Path:
    for number in range(trials):
        trial = folder / f"trial_{number}"
        trial.mkdir(parents=True)
        (trial / FILE_NAME).write_text(cnn_history().to_json())
    return folder


def programs(folder: Path) -> list[int]:
    """Processes that were told this folder, or one in it."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and words and words[-1].startswith(str(folder)):
            found.append(process.pid)
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_curves_of_one_run_after_another(board: TensorBoard, tmp_path: Path) -> None:
    first = board.show("a", make_run(tmp_path / "a", 2))
    assert board.shown == first and (first.run, first.trials) == ("a", 2)
    assert first.address.startswith("http://127.0.0.1:")
    assert sorted(requests.get(f"{first.address}data/runs", timeout=30).json()) == ["trial_0", "trial_1"]
    second = board.show("b", make_run(tmp_path / "b", 1))
    assert requests.get(f"{second.address}data/runs", timeout=30).json() == ["trial_0"]
    if second.address != first.address:  # the port may be given out again
        with pytest.raises(requests.ConnectionError):
            requests.get(first.address, timeout=5)
    board.end(first)  # which is not shown any more
    assert board.shown == second
    board.end(second)
    board.close()
    assert board.shown is None and not programs(tmp_path)
    with pytest.raises(requests.ConnectionError):
        requests.get(second.address, timeout=5)


def test_a_run_without_curves_is_refused(board: TensorBoard, tmp_path: Path) -> None:
    with pytest.raises(TensorBoardError, match="no trial of a has left its curves on this machine yet"):
        board.show("a", tmp_path)
    assert board.shown is None and not programs(tmp_path)


@pytest.mark.parametrize(
    ("module", "write_s", "told"),
    [("hpo_core.no_such_program", 60.0, "No module named hpo_core.no_such_program"),
     ("tests.hpo_core.local.silent_program", 2.0, "did not answer within 2 s"),
     ("tests.hpo_core.local.chatty_program", 60.0, "could not be started")],
)  # fmt: skip
def test_a_program_that_does_not_start_is_told(tmp_path: Path, module: str, write_s: float, told: str) -> None:
    board = TensorBoard(module=module, write_s=write_s)
    with pytest.raises(TensorBoardError, match=told):
        board.show("a", tmp_path)
    assert board.shown is None and not programs(tmp_path) and not board.is_starting


def test_one_at_a_time_and_none_after_the_end(tmp_path: Path) -> None:
    board = TensorBoard(module="tests.hpo_core.local.silent_program")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(board.show, "a", tmp_path)
        wait_until(lambda: bool(programs(tmp_path)))
        assert board.is_starting
        with pytest.raises(TensorBoardError, match="is being started for somebody already"):
            board.show("b", tmp_path)
        board.close()  # the dashboard does not wait for it
        with pytest.raises(TensorBoardError):
            first.result(30)
    assert not programs(tmp_path)
    with pytest.raises(TensorBoardError, match="the dashboard is ending"):
        board.show("b", tmp_path)
    assert not programs(tmp_path)


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from hpo_core.local.tensorboard import TensorBoard; board = TensorBoard(); "
        "board.show('a', pathlib.Path(sys.argv[1])); print('shown', flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(make_run(tmp_path / "a", 1))], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL and "shown" in done.stdout
    wait_until(lambda: not programs(tmp_path))
