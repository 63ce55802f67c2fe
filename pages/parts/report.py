"""A study as one HTML file that needs no network: figures, best trial, health, configuration, trials, final model.

Everything that comes from a study or a trial is escaped. plotly's script is in the file once; nothing is loaded.
"""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Mapping, Sequence

import plotly.graph_objects as go
import plotly.io
import yaml
from plotly.offline import get_plotlyjs

from hpo_core import VERSION
from hpo_core.analysis.targets import parameter_title
from hpo_core.health.diagnoses import diagnose
from hpo_core.health.metrics import METRICS
from hpo_core.health.score import explain
from hpo_core.history import TrialHistory
from hpo_core.model_card import ModelCard
from pages.parts import (
    architecture_files,
    architecture_source,
    charts,
    confusion,
    formats,
    health_charts,
    numbers,
    palette,
    state,
    words,
)
from pages.parts.architecture_layout import summary
from pages.parts.report_data import MOST_TRIALS, ReportData
from pages.parts.trial_words import group_word, score_text
from storage.studies import TrialRow

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"
MAX_POINTS = 5_000
# Two columns, or one where they would be narrower than 300 pixels. A chart is drawn as soon as it is read, before its
# neighbour is there: auto-fit would give it the neighbour's column as well, and it would stay as wide as both.
PAIR = "auto-fill, minmax(min(100%, max(300px, 45%))"
HIDDEN_ATTRIBUTES = ("configuration", "search space")
CSS = f"""
:root {{ color-scheme: light; }}
body {{ background: {palette.LIGHT.ground}; color: {palette.LIGHT.text}; font: 16px/1.5 {FONT};
  font-variant-numeric: tabular-nums; margin: 0 auto; max-width: 1040px; overflow-wrap: anywhere; padding: 24px 16px; }}
h1 {{ font-size: 28px; line-height: 1.2; margin: 0; }}
h2 {{ font-size: 20px; margin: 40px 0 8px; }}
.quiet, footer {{ color: {palette.LIGHT.quiet}; font-size: 14px; }}
.tiles {{ display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 24px 0; }}
.tiles div, figure, .scroll, pre {{ background: {palette.LIGHT.surface}; border: 1px solid {palette.LIGHT.line};
  border-radius: 10px; padding: 12px 16px; }}
.tiles b {{ display: block; font-size: 28px; line-height: 1.3; }}
figure {{ margin: 0 0 16px; }}
figcaption, table, pre {{ font-size: 14px; }}
.scroll {{ overflow-x: auto; }}
.pair {{ display: grid; gap: 0 16px; grid-template-columns: repeat({PAIR}, 1fr)); }}
.pair > * {{ min-width: 0; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-top: 1px solid {palette.LIGHT.line}; padding: 6px 12px 6px 0; text-align: left; vertical-align: top; }}
tr:first-child > * {{ border-top: 0; }}
th {{ color: {palette.LIGHT.quiet}; font-weight: 400; }}
.figures td:not(:last-child) {{ white-space: nowrap; }}
.figures td:last-child {{ min-width: 200px; }}
pre {{ overflow-x: auto; white-space: pre-wrap; }}
.state i {{ border-radius: 50%; display: inline-block; height: 10px; margin-right: 8px; width: 10px; }}
footer {{ border-top: 1px solid {palette.LIGHT.line}; margin-top: 48px; padding-top: 16px; }}
@media print {{ figure, table, pre {{ break-inside: avoid; }} body {{ background: none; }} }}
"""


def report_name(study: str) -> str:
    """What the file is called: the study's name without what no file name may have."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in study).strip(".")
    return f"{safe[:80] or 'study'}-report.html"


def build_report(data: ReportData) -> str:
    """The whole file."""
    sections = (
        _summary(data), _trials_figure(data), _best(data), _health(data), _model(data), _told(data), _table(data),
    )  # fmt: skip
    title = html.escape(f"{data.name}: report of Onegin")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{CSS}</style><script>{get_plotlyjs()}</script></head>\n<body><main>"
        + "\n".join(section for section in sections if section)
        + f"</main>\n<footer>Made by Onegin {html.escape(VERSION)}, {_moment(data.made_at)}.</footer></body></html>\n"
    )


def _summary(data: ReportData) -> str:
    summary, run, dataset = data.summary, data.run, data.attributes.get("dataset")
    facts = [f"Data: {dataset}." if dataset else "Made outside Onegin: the data are not known."]
    if note := data.attributes.get("dataset note"):
        facts.append(str(note))
    if run is not None:
        begun = _moment(run.started_at or run.created_at)
        facts.append(f"Started {begun}; {state.word(run)} after {formats.duration(run.duration_s())}.")
        if run.message:
            facts.append(formats.sentence(run.message))
    facts.append(f"State of {_moment(data.made_at)}.")
    if summary.n_objectives > 1:
        facts.append(f"It has {summary.n_objectives} objectives, so no trial is the best in everything.")
    counts = ", ".join(f"{formats.count(n)} {group_word(name)}" for name, n in sorted(summary.n_by_state.items()) if n)
    score = ("Best score", formats.score(summary.best_score), words.score_name(data.attributes))
    of_the_best = (
        *(() if words.is_accuracy_alone(data.attributes) else (score,)),
        ("Best trial's accuracy", formats.percent(_share(summary.best_accuracy)), "on validation"),
        ("Best trial's health", formats.score(_share(summary.best_health)), "0 to 1, 1 is healthy"),
    )
    tiles = (
        ("Trials", formats.count(summary.n_trials), counts or "none yet"),
        *(of_the_best if summary.n_objectives == 1 else ()),
        ("Mean duration", formats.duration(summary.mean_duration_s), "of a trial"),
    )
    shown = "".join(
        f'<div>{html.escape(label)}<b>{html.escape(value)}</b><span class="quiet">{html.escape(more)}</span></div>'
        for label, value, more in tiles
    )
    return (
        f'<h1>{html.escape(data.name)}</h1><p class="quiet">{html.escape(" ".join(facts))}</p>'
        f'<div class="tiles">{shown}</div>'
    )


def _trials_figure(data: ReportData) -> str:
    if not data.points:
        return "<h2>Score of each trial</h2><p>No trial is complete, so there is nothing to draw.</p>"
    score, history = words.score(data.attributes), numbers.history(data.points, minimises=data.summary.minimises)
    best = history.champion if history.champion is not None else 0
    said = (
        f"{formats.plural(len(data.points), 'complete trial')}; the best is Trial {history.numbers[best]} with "
        f"{score.text(history.scores[best])}."
    )
    if data.summary.n_objectives > 1:
        said = f"The first objective. {said.replace('the best is', 'the best by it is')}"
    if len(data.points) > MAX_POINTS:  # what a reader's browser draws without trouble
        history = _thinned(history, -(-len(data.points) // MAX_POINTS))
        said += f" {formats.count(len(history.numbers))} of them are drawn."
    return f"<h2>Score of each trial</h2>{_figure(charts.draw_history(history, score), said)}"


def _thinned(history: numbers.History, step: int) -> numbers.History:
    """Every `step`-th trial, and the best."""
    champion = history.champion if history.champion is not None else 0
    kept = sorted({*range(0, len(history.numbers), step), champion})
    return numbers.History(
        numbers=tuple(history.numbers[place] for place in kept),
        scores=tuple(history.scores[place] for place in kept),
        best=tuple(history.best[place] for place in kept),
        champion=kept.index(champion),
    )


def _best(data: ReportData) -> str:
    trial = data.best
    if trial is None:
        return ""
    facts: dict[str, object] = {} if words.is_accuracy_alone(data.attributes) else {"Score": formats.score(trial.score)}
    facts |= {"Accuracy": formats.percent(trial.accuracy), "Duration": formats.duration(trial.duration_s)}
    facts |= {
        words.recorded_title(key): words.recorded_value(key, value)
        for key, value in trial.attributes.items()
        if key not in (*HIDDEN_ATTRIBUTES, "accuracy", "duration_s") and key not in METRICS and value != ""
        if isinstance(value, str | int | float)
    }
    parameters = {
        parameter_title(name): words.recorded_value(name, words.suggested(value))
        for name, value in trial.params.items()
    }
    curves = _curves(data.history) if data.history and data.history.epochs else _curve_of(trial, data)
    return (
        f"<h2>Best trial: Trial {trial.number}</h2>{curves}"
        f'<div class="pair"><div><h3>What came of it</h3>{_facts(facts)}</div>'
        f"<div><h3>Its hyperparameters</h3>{_facts(parameters)}</div></div>{_network(trial, data)}"
    )


def _curves(history: TrialHistory) -> str:
    """Losses and accuracies of the best trial."""
    epochs = [epoch.epoch for epoch in history.epochs]
    pairs = (
        ("Accuracy", "%", 100, [(e.accuracy, e.validation_accuracy) for e in history.epochs]),
        ("Loss", "cross-entropy", 1, [(e.loss, e.validation_loss) for e in history.epochs]),
    )
    shown = []
    for what, unit, factor, read in pairs:
        training, validation = (
            [value * factor if value is not None else None for value in line] for line in zip(*read, strict=True)
        )
        figure = charts.blank("Epoch", f"{what}, {unit}")
        for name, values, colour, dash in (
            ("training", training, palette.RUNNING, "solid"), ("validation", validation, palette.PRUNED, "dash"),
        ):  # fmt: skip
            figure.add_scatter(
                x=epochs, y=values, mode=charts.mode(len(epochs)), name=name, marker={"size": 7},
                line={"color": colour, "width": 2, "dash": dash},
            )  # fmt: skip
        figure.update_xaxes(tickformat="d", dtick=charts.tick(tuple(epochs)))
        shown.append(_figure(figure, f"{what} after each epoch, on training and on validation samples."))
    return f'<div class="pair">{"".join(shown)}</div>'


def _curve_of(trial: TrialRow, data: ReportData) -> str:
    if not trial.curve:
        return ""
    figure = charts.draw_curve(trial.curve, words.score(data.attributes))
    return _figure(figure, "The value that the pruner saw after each epoch.")


def _network(trial: TrialRow, data: ReportData) -> str:
    """The diagram of its network; empty where that is not known."""
    plan = architecture_source.plan_of(trial, data.attributes)
    if plan is None:
        return ""
    drawn = architecture_files.diagram("svg", plan, f"Network of Trial {trial.number}").decode("utf-8")
    label = html.escape(summary(plan))
    return f'<h3>Its network</h3><figure class="scroll" role="img" aria-label="Diagram: {label}">{drawn}</figure>'


def _health(data: ReportData) -> str:
    trial = data.best
    if trial is None:
        return ""
    metrics = {name: _share(trial.attributes.get(name)) for name in METRICS}
    if all(value is None for value in metrics.values()):
        return "<h2>Health of the best trial</h2><p>No health was measured.</p>"
    radar = health_charts.draw_radar(metrics)
    rows = {METRICS[name].title: formats.score(value) for name, value in metrics.items()}
    shown = _figure(radar, "Six metrics from 0 to 1; 1 is healthy.") if radar is not None else ""
    return (
        f'<h2>Health of the best trial</h2><p>{html.escape(explain(metrics))}</p><div class="pair">{shown}'
        f"<div>{_facts(rows)}</div></div><h3>Diagnoses</h3>{_diagnoses(data.history)}"
    )


def _diagnoses(history: TrialHistory | None) -> str:
    if history is None or not history.epochs:
        return "<p>Its readings are not kept on this machine.</p>"
    found = diagnose(history)
    if not found:
        return "<p>None of the diagnoses applies to this network, as far as it was measured.</p>"
    rows = [
        (
            formats.label(item.code.lower()), item.severity.value,
            ", ".join([*([item.layer] if item.layer else []), f"epoch {item.epoch}"]),
            f"{formats.sentence(item.evidence)} {words.advice(item.advice)}",
        )
        for item in found
    ]  # fmt: skip
    return _rows(("diagnosis", "severity", "where", "evidence and advice"), rows)


def _model(data: ReportData) -> str:
    if data.model is None:
        return "<h2>Final model</h2><p>There is no final model of this study on this machine.</p>"
    card = data.model.card
    low, high = (formats.percent(bound) for bound in card.test_interval or (None, None))
    facts = {
        "Test accuracy": f"{formats.percent(card.test_accuracy)}, 95 % interval {low} to {high}",
        "Test samples": formats.count(card.n_test),
        "Trained on": formats.plural(card.n_train, "sample"),
        "Parameters": formats.count(card.parameters),
        "Made from": f"Trial {card.trial}",
        "Files": ", ".join(f"{file.name} ({formats.file_size(file.size_bytes)})" for file in card.files),
        "Most frequent mistakes": "; ".join(data.model.mistakes) or "none",
    }
    page = f"<details><summary>Model card</summary><pre>{html.escape(data.model.page)}</pre></details>"
    return f"<h2>Final model</h2>{_facts(facts)}{_confusion(card)}{page}"


def _confusion(card: ModelCard) -> str:
    if not card.confusion:
        return ""
    figure = confusion.draw_confusion(card.confusion, card.info.class_names)
    return _figure(figure, "A row is a right class, a column what the model said, on the test part.")


def _told(data: ReportData) -> str:
    """Configuration and search space as they are written in YAML."""
    if not data.configuration:
        return "<h2>Configuration</h2><p>This study was made outside Onegin: its configuration is not known.</p>"
    shown = f"<h2>Configuration</h2>{_yaml(data.configuration)}"
    space = data.attributes.get("search space")
    return shown + (f"<h2>Search space</h2>{_yaml(space)}" if isinstance(space, dict) else "")


def _table(data: ReportData) -> str:
    if not data.trials:
        return ""
    n = data.summary.n("complete")
    by = " by the first objective" if data.summary.n_objectives > 1 else ""
    bounded = (
        f"The best {MOST_TRIALS} of {formats.count(n)}{by}."
        if n > len(data.trials)
        else f"All of them, the best first{by}."
    )
    # Accuracy alone is the score, and not said again.
    scores = slice(1, 2) if words.is_accuracy_alone(data.attributes) else slice(0)
    rows = [
        [
            f"Trial {trial.number}", score_text(trial), formats.percent(trial.accuracy),
            formats.score(_share(trial.attributes.get("health"))), formats.duration(trial.duration_s), _in_short(trial),
        ]
        for trial in data.trials
    ]  # fmt: skip
    head = ["trial", "score", "accuracy", "health", "duration", "architecture or parameters"]
    for row in (head, *rows):
        del row[scores]
    return f'<h2>Complete trials</h2><p class="quiet">{bounded}</p>{_rows(head, rows)}'


def _in_short(trial: TrialRow) -> str:
    known = trial.attributes.get("architecture")
    return (
        str(known)
        if known
        else ", ".join(f"{key} {formats.value(words.suggested(value))}" for key, value in trial.params.items())
    )


def _figure(figure: go.Figure, said: str) -> str:
    """A figure that plotly's script in the head draws, with a sentence for those who cannot see it."""
    figure.update_layout(
        template="plotly_white", font={"family": FONT, "size": 14, "color": palette.LIGHT.text}, dragmode=False
    )
    figure.update_xaxes(title_font_size=14).update_yaxes(title_font_size=14)
    drawn = plotly.io.to_html(
        figure, full_html=False, include_plotlyjs=False,
        config={"displayModeBar": False, "displaylogo": False, "responsive": True},
    )  # fmt: skip
    return f'<figure role="group">{drawn}<figcaption>{html.escape(said)}</figcaption></figure>'


def _facts(facts: Mapping[str, object]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f'<div class="scroll"><table>{rows}</table></div>' if rows else '<p class="quiet">Nothing is recorded.</p>'


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    titles = "".join(f'<th scope="col">{html.escape(title)}</th>' for title in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="figures"><tr>{titles}</tr>{body}</table></div>'


def _yaml(content: object) -> str:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=90)
    return f"<pre>{html.escape(text)}</pre>"


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
