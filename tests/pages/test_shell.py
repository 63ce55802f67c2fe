"""The document of a page: Streamlit's own, with the code that the page begins with and the server's address."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app
from pages.parts import shared, shell

ROOT = Path(__file__).parents[2]
# A server that starts and stops: how many documents are made, whether Streamlit finds the files of all modules looked
# through, and which modules are loaded.
STARTED = """
import asyncio, inspect, sys
import app
from pages.parts import shell
async def live():
    async with app.lifespan(app.app):
        pass
asyncio.run(live())
print(shell.text_of.cache_info().currsize, shell.__file__ in inspect.modulesbyfile, *sys.modules)
"""
PATHS = [path for _, _, path, *_ in app.PAGES]
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
    text = document("analysis")
    named = set(re.findall(r"static/js/([\w.-]+\.js)", text))
    for name in LINK.findall(text):
        code = (shell.SCRIPTS / name).read_text(encoding="utf-8")
        assert set(re.findall(r"""(?:from|import)["'`]\./([\w.-]+\.js)["'`]""", code)) <= named, name


def test_streamlit_knows_each_element() -> None:
    assert not [element for element in (*shell.ELEMENTS, shell.CHART) if not list(shell.scripts((element,)))]


@pytest.mark.parametrize("path", PATHS)
def test_server_is_looked_for_where_the_page_lies(path: str) -> None:
    text = document(path)
    assert 'BACKEND_BASE_URL: new URL(".", location.href).href' in text
    assert text.index("BACKEND_BASE_URL") < text.index("</head>")


def test_one_theme_for_all_pages_is_kept_where_streamlit_keeps_it() -> None:
    """The script that turns its keys into one knows how they are made."""
    assert any("stActiveTheme-${window.location.pathname}" in file.read_text() for file in shell.SCRIPTS.glob("*.js"))
    assert "stActiveTheme-" in document(PATHS[0])


def test_elements_that_streamlit_does_not_know_are_left_out() -> None:
    assert shell.links(("NoSuchElement",)) == ""


def test_what_runs_is_cancelled_when_the_server_stops_whatever_came_of_the_warm_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[bool] = []

    def fail() -> None:
        raise ImportError("half of an update")

    async def live() -> None:
        async with app.lifespan(app.app):
            pass

    monkeypatch.setattr(shared, "warm_up", fail)
    monkeypatch.setattr(shared, "close_runs", lambda: closed.append(True))
    with pytest.raises(ImportError, match="half of an update"):
        asyncio.run(live())
    assert closed == [True]


def test_all_parts_of_pages_are_loaded_before_the_first_visitor_comes(tmp_path: Path) -> None:
    words = [sys.executable, "-c", STARTED]
    surroundings = os.environ | {"ONEGIN_RESULTS_DIR": str(tmp_path), "ONEGIN_STORAGE_URL": ""}
    answer = subprocess.run(words, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True)
    documents, looked_through, *loaded = answer.stdout.split()
    files = (ROOT / "pages" / "parts").rglob("[!_]*.py")
    parts = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    assert len(parts) > 90 and parts <= set(loaded)
    assert not {"tensorflow", "sklearn"} & set(loaded)
    assert (documents, looked_through, (tmp_path / "onegin.db").is_file()) == ("2", "True", True)
