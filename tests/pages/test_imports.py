"""The dashboard's process stays light: what trains is never loaded into it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

OPEN_ALL = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest

app = AppTest.from_file("app.py", default_timeout=60).run()
assert not app.exception, app.exception
for page in sorted(Path("pages").glob("[!_]*.py")):
    app.switch_page(f"pages/{page.name}").run()
    assert not app.exception, app.exception
heavy = ("tensorflow", "keras", "hpo_core.training", "sklearn", "torch")
print("loaded:", [name for name in heavy if name in sys.modules])
"""


def test_pages_load_nothing_that_trains(tmp_path: Path) -> None:
    environment = os.environ | {
        "ONEGIN_RESULTS_DIR": str(tmp_path),
        "ONEGIN_STORAGE_URL": f"sqlite:///{tmp_path / 'onegin.db'}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ALL], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"
