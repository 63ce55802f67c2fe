"""`tensorboard`: a run's curves in the form that TensorBoard shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from hpo_core.commands.exit_codes import FAILED, FINISHED
from hpo_core.commands.queries import only, run_named
from hpo_core.formats import count
from hpo_core.outcome import run_outcome
from hpo_core.settings import Settings

MODULE = "hpo_core.training.tensorboard_log"


def tensorboard(
    words: Sequence[str], as_json: bool, environ: Mapping[str, str], interpreter: str = sys.executable
) -> int:
    """Write the logs of the run that `run_name` names, in a process of `interpreter` that knows TensorFlow."""
    name = run_named(only(words, "run_name"), "tensorboard")
    folder = run_outcome(Settings.from_environment(environ), name).results_dir
    done = subprocess.run(
        [interpreter, "-m", MODULE, folder],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]  # one that is killed says nothing
        print(f"error: no logs could be written: {said[-1]}", file=sys.stderr)
        return FAILED
    trials = int(done.stdout.split()[-1])
    print(f"{count(trials)} trials written; tensorboard --logdir {folder}/tensorboard shows them", file=sys.stderr)
    if as_json:
        print(json.dumps({"run_name": name, "trials": trials, "folder": f"{folder}/tensorboard"}))
    return FINISHED
