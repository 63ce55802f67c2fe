"""`export`: a study as one file to show to others."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence

from hpo_core.commands.exit_codes import FINISHED
from hpo_core.commands.queries import only, run_named
from hpo_core.files import write_whole
from hpo_core.housekeeping import run_folder
from hpo_core.results import ResultsError
from hpo_core.settings import Settings

Report = Callable[[Settings, str], tuple[str, str]]
"""Makes the report of a study: the name of the file, and its content. Raises UnknownRunError."""


def export(words: Sequence[str], as_json: bool, environ: Mapping[str, str], report: Report) -> int:
    """Write the report of the study that `run_name` names into its folder of results.

    A study of plain Optuna, whose name may be no name of a folder, has its report beside the folders.
    """
    name = run_named(only(words, "run_name"), "export")
    settings = Settings.from_environment(environ)
    title, content = report(settings, name)
    folder = run_folder(settings.results_dir, name) or settings.results_dir
    file = folder / title
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(content, file)
    except OSError as error:
        raise ResultsError(f"{file} could not be written: {error.strerror or error}") from error
    print(f"report written: {file}", file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps({"run_name": name, "report": str(file)}))
    return FINISHED
