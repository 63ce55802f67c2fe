"""TensorBoard over the curves of a run: `python -m hpo_core.training.tensorboard_view RUN_FOLDER`.

Writes the curves anew and prints how many trials there are; unless there is none, a second line has the address where
TensorBoard answers. It listens on loopback only and ends when standard input closes, so with whoever started it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tensorboard import program

from hpo_core.training.tensorboard_log import FOLDER, write_run

HOST = "127.0.0.1"


def serve(run: Path) -> None:
    """Show the curves until standard input closes. Raises OSError where they cannot be written."""
    trials = write_run(run)
    print(json.dumps({"trials": trials}), flush=True)
    if not trials:
        return
    server = program.TensorBoard()
    # With its fast loader it would start a second program.
    server.configure(["", "--logdir", str(run / FOLDER), "--host", HOST, "--port", "0", "--load_fast", "false"])
    print(json.dumps({"address": server.launch()}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
