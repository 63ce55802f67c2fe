"""The cards of data sets from which one is chosen."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit as st

import datasets
from datasets import DatasetInfo, Kind
from pages.parts import formats, samples, shared

KEY = "dataset"
CARD_WIDTH = 230
LOOK_S = 1.0


def choose_dataset(default: str) -> str:
    """Draw a card for each data set and return the name of the chosen one."""
    chosen = st.session_state.setdefault(KEY, default)
    st.html(_marked(chosen))
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="datasets")
    for info in datasets.CATALOGUE.values():
        with grid.cell(), st.container(border=True, height="stretch", key=f"card_{info.name}"):
            st.html(card(info))
            is_chosen = info.name == chosen
            st.button(
                "Chosen" if is_chosen else "Choose",
                key=f"choose_{info.name}",
                icon=":material/check_circle:" if is_chosen else None,
                type="tertiary" if is_chosen else "secondary",
                on_click=_choose,
                args=(info.name,),
                width="stretch",
            )
    if samples.is_decoding(*_place()):
        st.fragment(_show_new_thumbnails, run_every=LOOK_S, key="thumbnails")()
    return str(chosen)


def card(info: DatasetInfo) -> str:
    """The content of a card as HTML."""
    licence = html.escape(info.licence)
    if info.url:
        licence = f'<a href="{html.escape(info.url)}" target="_blank" rel="noopener">{licence}</a>'
    classes = formats.plural(info.n_classes, "class").replace("classs", "classes")
    n_samples, note = samples.counts_of(info.name, *_place())
    return (
        f'<div class="card-head"><b>{html.escape(info.title)}</b>'
        f'<span class="card-mark">{"pictures" if info.kind is Kind.PICTURES else "text"}</span></div>'
        f"{_sample(info)}"
        f'<div class="card-text">{html.escape(info.description)}</div>'
        f'<div class="card-small">{formats.count(n_samples)} samples · {classes} · {_size(info)}<br>'
        f"{html.escape(note)}{'<br>' if note else ''}Licence: {licence}</div>"
    )


def _sample(info: DatasetInfo) -> str:
    """Five pictures or the beginning of a text; what to expect where they are not at hand."""
    place = _place()
    if info.kind is Kind.TEXT:
        quote = samples.quote_of(info.name, *place)
        shown = f"“{html.escape(quote)}”" if quote else f"Classes: {html.escape(', '.join(info.class_names[:4]))}"
        return f'<div class="card-quote">{shown}</div>'
    pictures = samples.pictures_of(info.name, *place)
    if not pictures:
        megabytes = samples.download_size(info.name) / 1e6
        size = f", a download of {megabytes:.0f} MB" if megabytes >= 1 else ""
        return f'<div class="card-thumbs empty">Pictures come with the first run{size}</div>'
    images = "".join(f'<img alt="" src="{address}">' for address in pictures)
    return f'<div class="card-thumbs">{images}</div>'


def _place() -> tuple[Path | None, Path]:
    settings = shared.settings()
    return settings.datasets_dir, settings.cache_dir


def _show_new_thumbnails() -> None:
    if not samples.is_decoding(*_place()):
        st.rerun()


def _size(info: DatasetInfo) -> str:
    if info.shape is None:
        return f"{formats.count(info.vocabulary_size)} words"
    height, width, channels = info.shape
    return f"{height} × {width} {'colour' if channels == 3 else 'grey'}"


def _marked(chosen: str) -> str:
    """The chosen card has a border in the accent colour."""
    return (
        f"<style>.st-key-card_{chosen} {{ border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }}</style>"
    )


def _choose(name: str) -> None:
    st.session_state[KEY] = name
