"""Onegin's dashboard: `streamlit run app.py`. Knows the pages and draws nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager

from pages.parts import frame, left_pages, refusals, shared, shell

# File, title, path of the address, icon, whether it begins with charts; the first page is the one that / leads to.
PAGES = (
    ("pages/optimize.py", "Optimize", "optimize", ":material/tune:", False),
    ("pages/monitor.py", "Monitor", "monitor", ":material/monitoring:", True),
    ("pages/trials.py", "Trials", "trials", ":material/view_list:", False),
    ("pages/health.py", "Health", "health", ":material/ecg_heart:", True),
    ("pages/architecture.py", "Architecture", "architecture", ":material/schema:", False),
    ("pages/analysis.py", "Analysis", "analysis", ":material/query_stats:", True),
    ("pages/models.py", "Models", "models", ":material/deployed_code:", False),
    ("pages/system.py", "System", "system", ":material/dns:", False),
)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Warm up while the server starts; cancel what runs when it stops, so that no training process outlives it."""
    warm_up = asyncio.create_task(asyncio.to_thread(_warm_up))
    try:
        yield {}
        await warm_up
    finally:
        await asyncio.to_thread(shared.close_runs)


def _warm_up() -> None:
    shared.warm_up()
    for charts in (True, False):
        shell.text_of(charts)


def to_first_page(request: Request) -> RedirectResponse:
    """Answer / with the first page's address; the query is kept. Saves a visitor one run of the script."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{PAGES[0][2]}{query}")


def route() -> None:
    """Show the page that the address names."""
    pages = [st.Page(file, title=title, url_path=path, icon=icon) for file, title, path, icon, _ in PAGES]

    def forward() -> None:
        st.switch_page(pages[0], query_params=st.query_params.to_dict())

    # A page that is itself the default has no path of its own; and who comes to / within the app is led on here.
    root = st.Page(forward, title="Onegin", url_path="start", default=True, visibility="hidden")
    page = st.navigation([root, *pages], position="top")
    refusals.come_to(page.url_path)
    with frame.page():
        page.run()
    left_pages.forget()


# Until a first visitor has come through the route below, Streamlit takes every file in pages/ for a page of its own.
PagesManager.uses_pages_directory = False

DOCUMENTS = [Route(f"/{path}", partial(shell.document, charts)) for _, _, path, _, charts in PAGES]
app = st.App(__file__, lifespan=lifespan, routes=[Route("/", to_first_page), *DOCUMENTS])

if st.runtime.exists():
    st.set_page_config(page_title="Onegin", page_icon=frame.MARK, layout="wide")
    route()
