"""A look into the chosen data set: samples of each class, how many there are, where it comes from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

import datasets
from datasets import DatasetError, DatasetInfo, Kind
from datasets.sources import SOURCES
from hpo_core.references import Reference
from pages.parts import charts, formats, palette, samples

AT_ONCE, PICTURES, TEXTS = 10, 8, 2
PAGE = "data_classes"
LOOK_S = 1.0
LEFT_HAND = {
    "built in": "It is built in.",
    "folder": "It lies in the folder of data sets.",
    "cache": "It is in the cache.",
}


def fold(info: DatasetInfo, folder: Path | None, cache: Path) -> None:
    """Draw the folded browser; its content when it is open."""
    box = st.expander("Look at the data", key="fold_data", on_change="rerun")
    with box:
        if box.open:
            _draw(info, folder, cache)


def _draw(info: DatasetInfo, folder: Path | None, cache: Path) -> None:
    try:
        balance = samples.balance(info.name, folder, cache)
        labels = _choose_classes(info)
        shown = samples.of_classes(info.name, folder, cache, labels, PICTURES if info.kind is Kind.PICTURES else TEXTS)
    except samples.NotAtHand:
        _absent(info, folder, cache)
        return
    except DatasetError as error:
        st.error(formats.plain(formats.sentence(str(error))), icon=":material/error:")
        return
    st.html(f'<div class="card-text">{html.escape(_about(info, balance, folder, cache))} {_link(info)}</div>')
    rows = "".join(
        f"<tr><th>{html.escape(info.class_names[label])}<br>"
        f"<small>{formats.plural(balance.counts[label], 'sample')}</small></th><td>{_samples(info, found)}</td></tr>"
        for label, found in zip(labels, shown, strict=True)
    )
    st.html(f'<table class="facts-table samples-table">{rows}</table>')
    st.html(f'<div class="card-text">{html.escape(balance_sentence(info.class_names, balance.counts))}</div>')
    st.plotly_chart(draw_balance(info.class_names, balance.counts), key="chart_balance", config={"displaylogo": False})


def _choose_classes(info: DatasetInfo) -> tuple[int, ...]:
    """Labels of the classes that are shown: all, or ten of them by choice."""
    starts = range(0, info.n_classes, AT_ONCE)
    if len(starts) == 1:
        return tuple(range(info.n_classes))
    if st.session_state.get(PAGE) not in starts:
        st.session_state[PAGE] = 0
    start = st.selectbox(
        "Classes", starts, key=PAGE, persist_state="session",
        format_func=lambda at: f"{at + 1} to {min(at + AT_ONCE, info.n_classes)} of {info.n_classes}: "
        f"{info.class_names[at]} …",
    )  # fmt: skip
    return tuple(range(start, min(start + AT_ONCE, info.n_classes)))


def _samples(info: DatasetInfo, found: Sequence[str]) -> str:
    if not found:
        return '<span class="quiet">no sample of this class here</span>'
    if info.kind is Kind.TEXT:
        return "".join(f'<div class="sample-text">“{html.escape(text)}”</div>' for text in found)
    return '<div class="sample-row">' + "".join(f'<img alt="" src="{address}">' for address in found) + "</div>"


def _about(info: DatasetInfo, balance: samples.Balance, folder: Path | None, cache: Path) -> str:
    """Size of the parts, whether it is all of it, and where it comes from."""
    n_train = f"{formats.count(balance.n_train)} samples"
    parts = (
        f"{n_train} to train and validate, {formats.count(balance.n_test)} to test"
        if balance.n_test
        else f"{n_train}: a share of them is set aside to test, the others are to train and validate"
    )
    said = [f"{parts}."]
    if balance.note:
        said.append(balance.note)
    elif balance.is_subset:
        said.append(f"This is a subset: the published set has {formats.count(info.n_train + info.n_test)}.")
    said.append(LEFT_HAND.get(datasets.locate(info.name, folder=folder, cache=cache), ""))
    return " ".join(filter(None, said))


def _link(info: DatasetInfo) -> str:
    if not info.url:
        return ""
    return formats.link(Reference("Documentation of the data set", info.url))


def balance_sentence(names: Sequence[str], counts: Sequence[int]) -> str:
    """What the chart of the classes says, and what it means for the accuracy."""
    total = sum(counts)
    largest, smallest = (pick(range(len(counts)), key=counts.__getitem__) for pick in (max, min))
    if total == 0:
        return "There are no samples here."
    share = counts[largest] / total
    if counts[largest] <= 1.2 * max(counts[smallest], 1):
        return f"The {len(counts)} classes are about equally large: guessing would reach {share * 100:.0f} % accuracy."
    return (
        f"The largest class, {names[largest]}, has {formats.count(counts[largest])} samples, the smallest, "
        f"{names[smallest]}, {formats.count(counts[smallest])}: always saying {names[largest]} would reach "
        f"{share * 100:.0f} % accuracy. Macro F1 as the objective counts every class alike."
    )


def draw_balance(names: Sequence[str], counts: Sequence[int]) -> go.Figure:
    """Training samples of each class as bars."""
    figure = charts.blank("Class", "Training samples", height=260)
    figure.add_bar(
        x=list(range(len(counts))), y=list(counts), marker={"color": palette.RUNNING}, customdata=list(names),
        hovertemplate="%{customdata}: %{y}<extra></extra>", showlegend=False,
    )  # fmt: skip
    few = len(names) <= AT_ONCE
    figure.update_xaxes(
        tickmode="array" if few else "auto", tickvals=list(range(len(names))) if few else None,
        ticktext=list(names) if few else None,
    )  # fmt: skip
    return figure


def _absent(info: DatasetInfo, folder: Path | None, cache: Path) -> None:
    """Say what there is to do until this set can be looked at."""
    if datasets.locate(info.name, folder=folder, cache=cache) == "download":
        files = next(source.files for source in SOURCES[info.name] if source.is_downloadable)
        names = ", ".join(file.path for file in files)
        where = f" Without a network, save {names} in {folder or cache / 'downloads'}."
        size = formats.file_size(samples.download_size(info.name))
        st.html(
            f'<div class="card-text">{html.escape(info.title)} is not on this machine yet: its first run downloads '
            f"{size} from its official source, checks them, and keeps them.{html.escape(where)} {_link(info)}</div>"
        )
        return
    st.html(f'<div class="card-text">{html.escape(info.title)} is here, and not unpacked yet. {_link(info)}</div>')
    if folder is None:
        return
    if st.button("Unpack it", key="unpack", icon=":material/unarchive:", help="Takes some seconds, once."):
        st.session_state["unpacking"] = info.name
    if st.session_state.get("unpacking") == info.name:
        st.fragment(_wait, run_every=LOOK_S, key="unpacking_part")(info.name, folder, cache)


def _wait(name: str, folder: Path, cache: Path) -> None:
    """Unpack a set in a process of its own, and draw the page anew when it is done."""
    code = samples.decoder_of(name, folder, cache).poll()
    if code is None:
        st.html('<div class="quiet">Unpacking …</div>')
        return
    st.session_state.pop("unpacking", None)
    st.rerun()
