"""The folder of a run: made with what repeats the run, and taken back where the run does not come to be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hpo_core.errors import UsageError
from hpo_core.files import write_whole
from hpo_core.optimization_config import OptimizationConfig

CONFIG_FILE = "config.yaml"


@contextmanager
def run_folder(folder: Path, config: OptimizationConfig, *, resumes: bool) -> Iterator[None]:
    """Make the folder of a run; where the block fails, a new one is removed, so that its name can be used again.

    Args:
        folder: of the run; there already where it `resumes`.
        config: what the run was told.

    Raises:
        UsageError: it cannot be written to.
    """
    is_new = False
    try:
        try:
            folder.mkdir(parents=True, exist_ok=resumes)
            is_new = not resumes
            # Without the name, which is taken now: the file is there to repeat the run.
            write_whole(replace(config, run_name=None).to_yaml(), folder / CONFIG_FILE)
        except OSError as error:
            raise UsageError(
                "ONEGIN_RESULTS_DIR", f"must be a folder that can be written to, got {folder.parent} ({error})",
                "set it to another folder",
            ) from error  # fmt: skip
        yield
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
