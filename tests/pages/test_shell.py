"""The document of a page: Streamlit's own, with the code that the page begins with and the server's address."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app
from pages.parts import shell

ROOT = Path(__file__).parents[2]
LOADED = """
import sys, threading, app
from starlette.applications import Starlette
from starlette.testclient import TestClient
TestClient(Starlette(routes=app.DOCUMENTS)).get("/analysis?study=a&chart=" + sys.argv[1])
for thread in threading.enumerate():
    if thread.name == "prepare-importance":
        thread.join()
print("sklearn" in sys.modules)
"""
PATHS = [path for _, _, path, _ in app.PAGES]
LINK = re.compile(r'<link rel="modulepreload" crossorigin href="\./static/js/([\w.-]+)">')


def document(path: str) -> str:
    answer = TestClient(Starlette(routes=app.DOCUMENTS)).get(f"/{path}?study=a%2Fb")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-cache"
    return answer.text


@pytest.mark.parametrize("path", PATHS)
def test_document_names_files_that_exist_each_once(path: str) -> None:
    text = document(path)
    assert (shell.STATIC / "index.html").read_text().split("</head>")[0] in text
    links = LINK.findall(text)
    assert len(links) == len(set(links)) > 80  # Streamlit's own are about sixty
    assert not [name for name in links if not (shell.SCRIPTS / name).is_file()]
    assert any(name.startswith("NumberInput.") for name in links)
    assert any(name.startswith("PlotlyChart.") for name in links) == (path in ("analysis", "health", "monitor"))
    assert re.search(r'import\("\./static/js/PlotlyChart\.[\w.-]+\.js"\)', text)


def test_documents_name_all_that_their_files_import() -> None:
    links = set(LINK.findall(document("analysis")))
    for name in links:
        imported = set(shell.IMPORTED.findall((shell.SCRIPTS / name).read_text(encoding="utf-8")[: shell.HEAD_BYTES]))
        assert imported <= links | set(re.findall(r'src="\./static/js/([\w.-]+)"', document("analysis"))), name


@pytest.mark.parametrize("path", PATHS)
def test_server_lies_above_the_page_whatever_stands_before(path: str) -> None:
    taken = re.search(r"BACKEND_BASE_URL: location\.href\.split\(/\[\?#\]/\)\[0\]\.slice\(0, -(\d+)\)", document(path))
    assert taken
    for above in ("http://127.0.0.1:8501/", "https://example.org/~/+/"):
        assert f"{above}{path}"[: -int(taken[1])] == above


def test_elements_that_streamlit_does_not_know_are_left_out() -> None:
    assert shell.links(("NoSuchElement",)) == ""


@pytest.mark.parametrize(
    ("chart", "loaded"), [("importance", True), ("importance-over-time", True), ("history", False)]
)
def test_what_importance_needs_is_loaded_as_soon_as_its_chart_is_asked_for(chart: str, loaded: bool) -> None:
    words = [sys.executable, "-c", LOADED, chart]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split()[-1] == str(loaded)
