"""Numbers and words as people read them. Every function is pure; None becomes a dash."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping

from hpo_core.formats import NOTHING, count, duration, is_usual, percent, plural, score
from hpo_core.prices import in_dollars
from hpo_core.references import Reference

# Pages take these from here as well.
__all__ = ["NOTHING", "count", "duration", "is_usual", "percent", "plural", "score"]
# Between a name and what is told of it.
BETWEEN = " · "

LOG_CHARACTERS = 220
MARKDOWN_SIGNS = "\\`*_{}[]()#$~:|<>"
# Fields whose name alone would not say it.
LABELS: Mapping[str, str] = {
    "backend": "Where trials train",
    "gpu": "GPU of a worker",
    "gpus_per_worker": "GPUs per trial",
    "max_cost": "Most it may cost, in dollars",
    "fallback_local": "Train here when RunPod does not answer",
    "scale_batch": "Batch grows with the GPUs",
    "space": "Search space",
    "final_model": "Make a final model",
    "plots": "Pictures",
    "health_pruning": "End sick trials early",
    "max_parameters": "Parameters of a model, at most",
    "timeout_minutes": "Minutes for the whole run",
    "max_training_time_minutes": "Minutes for one trial",
    "threads": "Threads of a trial",
    "warm_start": "Begin with the best trials of",
    "rerun_of": "Study to train again",
    "seeds": "Seeds of each",
}


def rounded_percent(share: float | None) -> float | None:
    """A share in per cent as `percent` writes it: a table in the browser rounds 65.625 up, Python does not."""
    return None if share is None else round(share * 100, 2)


def rounded_score(value: float | None) -> float | None:
    """A score as `score` writes it."""
    return value if value is None or not math.isfinite(value) or not is_usual(value) else round(value, 3)


def link(reference: Reference) -> str:
    """A reference as HTML that opens beside the page."""
    address, title = html.escape(reference.address), html.escape(reference.title)
    return f'<a href="{address}" target="_blank" rel="noopener">{title}</a>'


def about(seconds: float) -> str:
    """A time span that is only estimated, for example '20 s', '25 min', '1.5 h'."""
    if seconds < 45:
        return f"{max(10, round(seconds / 10) * 10)} s"
    if seconds < 90:
        return "1 min"
    if seconds < 5_400:
        minutes = seconds / 60
        return f"{round(minutes) if minutes < 10 else round(minutes / 5) * 5} min"
    hours = seconds / 3600
    return f"{round(hours * 2) / 2:g} h" if hours < 10 else f"{round(hours)} h"


def dollars(amount: float | None) -> str:
    """An amount of money, for example '$1.24'."""
    return in_dollars(amount) if amount is not None and math.isfinite(amount) else NOTHING


def label(field: str) -> str:
    """The name of a field as a label, for example 'Max epochs per trial'; variables and words stay as they are."""
    if field != field.lower():
        return field
    return LABELS.get(field) or field.replace("_", " ").capitalize()


def sentence(text: str) -> str:
    """Words as a sentence: a capital letter first, a full stop last."""
    trimmed = text.strip()
    if not trimmed:
        return ""
    return trimmed[0].upper() + trimmed[1:] + ("" if trimmed[-1] in ".?…" else ".")


def plain(text: str) -> str:
    """Text for a place that reads Markdown, so that nothing in it is read as markup."""
    return re.sub(r"([\\*`\[\]$~<>]|:(?=\w))", r"\\\1", text)


def file_size(n_bytes: int | None) -> str:
    """The size of a file, for example '1.2 MB'."""
    if n_bytes is None:
        return NOTHING
    if n_bytes < 1_000:
        return f"{n_bytes} B"
    if n_bytes >= 999_500_000:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 999_500 else f"{n_bytes / 1e3:.0f} kB"


def whole(number: float | None) -> str:
    """A count that came as a floating number, for example '12 345'."""
    return count(None if number is None else int(number))


def is_spelt(title: str, name: str) -> bool:
    """Whether a title says the name of its field, as 'Max epochs per trial' does for `max_epochs_per_trial`."""
    return title.lower().replace(" ", "_") == name.lower()


def breakable(text: str) -> str:
    """HTML of a text that may go on in the next line after each underscore."""
    return html.escape(text).replace("_", "_<wbr>")


def file_name(study: str, what: str) -> str:
    """A name for a download that every system takes, for example 'my-run-trials.csv'."""
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in study).strip("-.")
    return f"{safe[:80] or 'study'}-{what}"


def as_markdown(text: str) -> str:
    """A name of somebody else's as it stands on the screen, with no sign of it taken for Markdown."""
    return "".join(f"\\{sign}" if sign in MARKDOWN_SIGNS else sign for sign in text)


def value(content: object) -> str:
    """Any value of a configuration or an attribute, in short."""
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:.6g}"
    if isinstance(content, int):
        return count(content)
    return NOTHING if content is None or content == "" else str(content)


def log_line(line: str, run_name: str) -> str:
    """A line of the log without its date and its run's name, cut to a readable length."""
    short = line.replace(f" [{run_name}]", "", 1)
    moment, comma, rest = short.partition(",")
    if comma and " " in moment:
        short = f"{moment.split(' ')[1]} {rest.partition(' ')[2]}"
    return short if len(short) <= LOG_CHARACTERS else short[: LOG_CHARACTERS - 1] + "…"
