"""Tests of the folder of a run: whole, or not there."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpo_core.errors import UsageError
from hpo_core.optimization_config import OptimizationConfig
from hpo_core.run_folder import CONFIG_FILE, run_folder

CONFIG = OptimizationConfig(run_name="a", trials=3)


@contextmanager
def full_disk(after: int) -> Iterator[None]:
    """Every write beyond `after` bytes of a file fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_it_holds_what_repeats_the_run(tmp_path: Path) -> None:
    with run_folder(tmp_path / "results" / "a", CONFIG, resumes=False):
        pass
    written = (tmp_path / "results" / "a" / CONFIG_FILE).read_bytes()
    assert OptimizationConfig.from_yaml(written).trials == 3 and b"run_name: null" in written


def test_a_full_disk_leaves_no_folder(tmp_path: Path) -> None:
    refused = pytest.raises(UsageError, match="ONEGIN_RESULTS_DIR must be a folder")
    with full_disk(after=100), refused, run_folder(tmp_path / "a", CONFIG, resumes=False):
        pytest.fail("it was made")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_configuration_of_a_run_that_is_resumed(tmp_path: Path) -> None:
    with run_folder(tmp_path / "a", CONFIG, resumes=False):
        pass
    before = (tmp_path / "a" / CONFIG_FILE).read_text()
    with full_disk(after=100), pytest.raises(UsageError), run_folder(tmp_path / "a", CONFIG, resumes=True):
        pytest.fail("it was written")
    assert [path.name for path in (tmp_path / "a").iterdir()] == [CONFIG_FILE]
    assert (tmp_path / "a" / CONFIG_FILE).read_text() == before


@pytest.mark.parametrize("resumes", [False, True])
def test_a_failure_removes_only_a_new_folder(tmp_path: Path, resumes: bool) -> None:
    if resumes:
        (tmp_path / "a").mkdir()
    with pytest.raises(ZeroDivisionError), run_folder(tmp_path / "a", CONFIG, resumes=resumes):
        raise ZeroDivisionError
    assert (tmp_path / "a").exists() is resumes


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(UsageError), run_folder(tmp_path / "a", CONFIG, resumes=False):
        pytest.fail("it was taken")
    assert (tmp_path / "a").exists()
