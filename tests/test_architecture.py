"""Tests of the structure itself: directions of imports, what may be loaded where, and sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("datasets", "storage", "hpo_core", "runpod_service", "pages")
# What each package may import of the others.
MAY_IMPORT = {
    "datasets": set(),
    "storage": set(),
    "hpo_core": {"storage", "datasets"},
    "runpod_service": {"hpo_core"},
    "pages": {"hpo_core", "runpod_service", "datasets", "storage"},
}
MAX_LINES, MAX_FUNCTION_LINES = 400, 60

FILES = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
ALL_FILES = [
    *FILES,
    ROOT / "app.py",
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "benchmarks").rglob("*.py")),
]


def imports(file: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", [file for file in FILES if name(file) != "hpo_core/__main__.py"], ids=name)
def test_directions_of_imports(file: Path) -> None:
    """A composition root may import every package."""
    package = file.relative_to(ROOT).parts[0]
    for module in imports(file):
        other = module.split(".")[0]
        if other in PACKAGES and other != package:
            assert other in MAY_IMPORT[package], f"{name(file)} imports {module}"
        if other == "app" or module.startswith("hpo_core.__main__"):
            pytest.fail(f"{name(file)} imports the composition root {module}")


@pytest.mark.parametrize("file", [*FILES, ROOT / "app.py"], ids=name)
def test_only_training_imports_tensorflow(file: Path) -> None:
    parts = file.relative_to(ROOT).parts
    if parts[:2] == ("hpo_core", "training"):
        return
    loaded = {module.split(".")[0] for module in imports(file)}
    assert not loaded & {"tensorflow", "keras"}
    if parts[0] == "pages":
        assert not loaded & {"sqlalchemy"} and not any(
            module.startswith("hpo_core.training") for module in imports(file)
        )
    elif parts[0] != "app.py":
        assert "streamlit" not in loaded


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import hpo_core, hpo_core.training", {"optuna", "tensorflow", "streamlit"}),
        ("import hpo_core.runner, hpo_core.manager", {"tensorflow", "keras", "streamlit", "sklearn"}),
        ("import hpo_core.training.worker", {"tensorflow", "optuna", "streamlit", "sqlalchemy"}),
        ("import runpod_service.handler", {"tensorflow", "optuna", "streamlit", "sqlalchemy", "storage"}),
        ("import datasets", {"sklearn", "keras", "streamlit", "sqlalchemy"}),
        ("import storage.studies, storage.runs, storage.progress", {"keras", "streamlit", "tensorflow"}),
        ("import pages.parts.analysis.view", {"tensorflow", "sklearn", "scipy"}),
    ],
)
def test_what_an_import_loads_through_others(statement: str, never: set[str]) -> None:
    assert not modules_after(statement) & never


def test_the_training_loop_loads_no_optuna() -> None:
    loaded = modules_after("import hpo_core.training.loop, hpo_core.training.worker")
    assert "tensorflow" in loaded and not loaded & {"optuna", "streamlit", "sqlalchemy"}


@pytest.mark.parametrize("file", ALL_FILES, ids=name)
def test_sizes(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("file", [file for file in FILES if "tests" not in file.parts], ids=name)
def test_every_module_says_what_it_is(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{name(file)} has no docstring"
