"""Names in tables that open to what they mean, in the words of the place where each one is declared."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from hpo_core.health.metrics import METRICS
from hpo_core.optimization_config import EXPLANATIONS
from hpo_core.parameters import PARAMETERS
from hpo_core.references import Reference, keras
from pages.parts import formats

# What is recorded with a trial beside hyperparameters, metrics and fields of the run.
RECORDED: Mapping[str, tuple[str, tuple[Reference, ...]]] = {
    "accuracy": (
        "Share of the validation part that was right after the last epoch, which is the result of a trial, also where "
        "an earlier epoch was better.",
        (keras("metrics.CategoricalAccuracy"),),
    ),
    "validation_loss": (
        "How far the probabilities were from the right answers on the validation part: smaller is better.",
        (keras("losses.CategoricalCrossentropy"),),
    ),
    "training_accuracy": (
        "Share of the training part that was right: far above the accuracy, the network learnt by heart.",
        (keras("metrics.CategoricalAccuracy"),),
    ),
    "macro_f1": (
        "Mean over the classes of how well each is found and not confused with others: rare ones count as much as "
        "frequent ones.",
        (keras("metrics.F1Score"),),
    ),
    "top5_accuracy": (
        "Share of the validation part whose right class is among the five most probable ones.",
        (keras("metrics.TopKCategoricalAccuracy"),),
    ),
    "duration_s": (
        "From the choice of its hyperparameters to its end. The start of a training process and the reading of data "
        "count too, and trials that train at the same time slow each other down: a difference of seconds says little.",
        (),
    ),
    "parameters": ("Trainable numbers of the network.", ()),
    "health": ("Weighted mean of six metrics, 0 to 1, 1 is healthy; the Health page shows each of them.", ()),
    "epochs_trained": ("How often the network saw the training part before it was done or ended.", ()),
    "split_seed": ("Decides which samples are for training, validation and test: the same in all trials.", ()),
    "replicas": ("GPUs that shared each batch.", ()),
}  # fmt: skip


def heading(name: str, title: str, *, in_files: bool = False, ours: bool = True) -> str:
    """The title of a table's row as HTML: a click opens what it means, where that is declared.

    Args:
        name: of the hyperparameter, the metric or the field.
        title: as it stands on the page.
        in_files: whether files have it under its name, which is then told with what it means.
        ours: whether a run of ours recorded it; what a study made elsewhere calls `mode` means something else.
    """
    shown = html.escape(title)
    text, sources = meaning(name)
    if not text or not ours:
        return shown
    links = " ".join(formats.link(source) for source in sources)
    if in_files and not formats.is_spelt(title, name):
        links += f" In files: {formats.breakable(name)}."
    return f'<details class="explained"><summary>{shown}</summary><div>{html.escape(text)} {links}</div></details>'


def meaning(name: str) -> tuple[str, Sequence[Reference]]:
    """What something is, and what to read on; an empty text for what is not ours."""
    if name in PARAMETERS:
        return PARAMETERS[name].explanation, (PARAMETERS[name].reference,)
    if name in METRICS:
        return f"{METRICS[name].explanation} {METRICS[name].reading}", METRICS[name].sources
    if name in RECORDED:
        return RECORDED[name]
    return EXPLANATIONS.get(name, ""), ()
