"""What is shown as files: the numbers as CSV, the chart as a page of its own."""

from __future__ import annotations

import html
import re

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from hpo_core import trials_table
from pages.parts import palette
from pages.parts.analysis.catalogue import Chart
from pages.parts.analysis.request import Answer, Request

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ background: {light.ground}; color: {light.text}; font: 16px system-ui, sans-serif; margin: 24px auto;
max-width: 1200px; padding: 0 16px; }} h1 {{ font-size: 28px; overflow-wrap: anywhere; }}
p.quiet {{ color: {light.quiet}; font-size: 14px; }}</style></head>
<body><h1>{title}</h1><p>{sentence}</p>{figure}{notes}<p class="quiet">{explanation}</p></body></html>
"""


def draw(chart: Chart, request: Request, answer: Answer) -> None:
    """The two buttons, where there is something to take away."""
    stem = file_stem(request, chart)
    figure = answer.figure
    with st.container(horizontal=True, key="analysis_downloads"):
        if not answer.table.empty:
            st.download_button(
                "Numbers as CSV", data=lambda: csv(answer.table), file_name=f"{stem}.csv", mime="text/csv",
                key="download_csv", icon=":material/table:", on_click="ignore",
            )  # fmt: skip
        if figure is not None:
            st.download_button(
                "Chart as HTML", data=lambda: page(chart, request, answer, figure), file_name=f"{stem}.html",
                mime="text/html", key="download_html", icon=":material/download:", on_click="ignore",
                help="A page of its own that opens offline: hover, zoom and turn as here.",
            )  # fmt: skip


def csv(table: pd.DataFrame) -> bytes:
    """The numbers of a chart; names and texts may come from anybody, so none of them is a formula."""
    safe = table.rename(columns=lambda title: trials_table.cell(str(title)))
    texts = safe.select_dtypes(exclude=["number", "datetime"]).columns
    for title in texts:  # not by assign(), whose own argument a parameter may be called like
        safe[title] = safe[title].map(trials_table.cell)
    return safe.to_csv(index=False).encode()


def page(chart: Chart, request: Request, answer: Answer, figure: go.Figure) -> bytes:
    """The chart with its words as one file that needs no network."""
    alone = go.Figure(figure)
    alone.update_layout(template="plotly_white", font={"family": "system-ui, sans-serif", "color": palette.LIGHT.text})
    drawn = alone.to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False, "responsive": True})
    text = _PAGE.format(
        light=palette.LIGHT,
        title=html.escape(f"{request.study}: {chart.title.lower()}"),
        sentence=html.escape(answer.sentence),
        figure=drawn,
        notes="".join(f'<p class="quiet">{html.escape(note)}</p>' for note in answer.notes),
        explanation=html.escape(chart.explanation),
    )
    return text.encode()


def file_stem(request: Request, chart: Chart) -> str:
    """Study, chart, what trials are judged by, and hyperparameters; only letters that every file system takes."""
    parts = [request.study, chart.key]
    parts += [request.target.key] if chart.target else []
    parts += list(request.parameters) if len(request.parameters) <= 2 else []
    return "-".join(filter(None, (re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.") for part in parts)))[:150]
