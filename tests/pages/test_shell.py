"""The document of a page: Streamlit's own, with the code that the page begins with and the server's address."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app
from pages.parts import shell

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
