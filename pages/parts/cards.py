"""The cards of data sets from which one is chosen, and the facts of the chosen one."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit as st

import datasets
from datasets import DatasetInfo, Kind
from hpo_core.references import Reference
from pages.parts import data_browser, draft, formats, samples, shared

CARD_WIDTH = 150
LOOK_S = 1.0


def choose_dataset(values: draft.Draft) -> None:
    """Draw a card for each data set, and below them what the chosen one is and holds."""
    chosen = values.dataset
    st.html(_marked(chosen))
    grid = st.grid("auto", min_column_width=CARD_WIDTH, key="datasets")
    for info in datasets.CATALOGUE.values():
        with grid.cell(), st.container(border=True, height="stretch", key=f"card_{info.name}", gap="xxsmall"):
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
    info = datasets.dataset_info(chosen)
    with st.container(key="chosen_data", gap="xxsmall"):
        st.html(facts(info))
        data_browser.fold(info, *_place())


def card(info: DatasetInfo) -> str:
    """The content of a card as HTML."""
    return (
        f'<div class="card-head"><b>{html.escape(info.title)}</b></div>{_sample(info)}'
        f'<div class="card-small">{"Pictures" if info.kind is Kind.PICTURES else "Text"} · {_classes(info)}</div>'
    )


def facts(info: DatasetInfo) -> str:
    """What a data set is, how much there is of it, and its licence, as HTML."""
    source = f" · {formats.link(Reference('about this data', info.url))}" if info.url else ""
    n_samples, note = samples.counts_of(info.name, *_place())
    note = f" {html.escape(note)}" if note else ""
    return (
        f'<div class="card-text"><b>{html.escape(info.title)}.</b> {html.escape(info.description)}{note}</div>'
        f'<div class="card-small">{formats.count(n_samples)} samples · {_classes(info)} · {_size(info)} · '
        f"Licence: {html.escape(info.licence)}{source}</div>"
    )


def _classes(info: DatasetInfo) -> str:
    return f"{formats.count(info.n_classes)} classes"


def _sample(info: DatasetInfo) -> str:
    """Five pictures or the beginning of a text; what to expect where they are not at hand."""
    place = _place()
    if info.kind is Kind.TEXT:
        quote = samples.quote_of(info.name, *place)
        shown = f"“{html.escape(quote)}”" if quote else html.escape(", ".join(info.class_names[:4]))
        return f'<div class="card-quote">{shown}</div>'
    pictures = samples.pictures_of(info.name, *place)
    if not pictures:
        absent = datasets.locate(info.name, folder=place[0], cache=place[1]) == "download"
        # Few enough letters for a telephone: the box has one line.
        said = f"{formats.file_size(samples.download_size(info.name))} download" if absent else "not unpacked yet"
        return f'<div class="card-thumbs empty">{said}</div>'
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
    draft.current().choose_dataset(name)
