"""Draws the pictures of a training that took place elsewhere: `python -m hpo_core.training.draw HISTORY_JSON FOLDER`.

Writes one record per line to standard output: a phase before each picture, then the picture, or the note why there is
none. Needs neither TensorFlow nor Keras.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hpo_core.history import TrialHistory
from hpo_core.records import to_json
from hpo_core.training.pictures import picture_records


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="python -m hpo_core.training.draw", description=__doc__)
    parser.add_argument("history", type=Path, metavar="HISTORY_JSON", help="a trial's history.json")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures go; made if need be")
    arguments = parser.parse_args()
    try:
        history = TrialHistory.from_json(arguments.history.read_text(encoding="utf-8"))
    except OSError as error:
        sys.exit(f"{arguments.history} could not be read: {error.strerror}")
    except ValueError as error:
        sys.exit(f"{arguments.history} must be a trial's history: {error}")
    for record in picture_records(history, arguments.folder):
        print(to_json(record), flush=True)


if __name__ == "__main__":
    main()
