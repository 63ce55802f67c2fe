"""A study of 10,000 trials as plain Optuna makes it: how soon pages show it, and what their process holds."""

from __future__ import annotations

import datetime
import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import optuna
import requests
import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import FrozenTrial, TrialState, create_trial
from playwright.sync_api import Locator, Page

from benchmarks.serving import browser_page, dashboard, free_port, served
from benchmarks.tables import Table, spread
from benchmarks.work import own_settings
from hpo_core.settings import Settings
from pages.parts.analysis import leaders
from pages.parts.analysis.catalogue import CHARTS

TRIALS = 10_000
STUDY = "big"
STEPS = 10
BY_OPTUNA, CHUNK = 10, 500
BEGAN = datetime.datetime(2026, 1, 1)
SPACE: dict[str, BaseDistribution] = {
    "conv_layers": IntDistribution(1, 4),
    "filters": IntDistribution(8, 64, step=8),
    "kernel_size": CategoricalDistribution((3, 5)),
    "activation": CategoricalDistribution(("relu", "elu", "selu", "swish")),
    "use_global_pooling": CategoricalDistribution((True, False)),
    "batch_normalization": CategoricalDistribution((True, False)),
    "hidden_layers": IntDistribution(0, 3),
    "first_hidden_nodes": IntDistribution(16, 512, log=True),
    "dropout": FloatDistribution(0.0, 0.6, step=0.1),
    "optimizer": CategoricalDistribution(("adam", "sgd", "rmsprop", "nadam")),
    "learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "weight_decay": FloatDistribution(1e-7, 1e-2, log=True),
    "schedule": CategoricalDistribution(("constant", "cosine", None)),
    "batch_size": CategoricalDistribution((16, 32, 64, 128)),
    "epochs": IntDistribution(2, 20),
}
METRICS = (
    "neuron_utilization", "parameter_efficiency", "training_stability", "gradient_health", "convergence_quality",
    "accuracy_consistency",
)  # fmt: skip


FIRST = ("Trials, first page", "Analysis: History")
TRIALS_LIMIT_S, STEP_LIMIT_S, ANALYSIS_LIMIT_S, MEMORY_LIMIT_MB = 1.0, 0.3, 3.0, 500.0
ROUNDS = 3
CARDS = "[...document.querySelectorAll(\"[class*='st-key-trial_card_']\")].map(card => card.innerText).join()"
WAIT_MS = 120_000
# Link in the navigation, and what stands there when the page does.
WITHIN = {
    "Trials": "[class*='st-key-trial_card_'] img.sparkline, [class*='st-key-trial_card_'] button",
    "Analysis": ".js-plotly-plot .main-svg",
}


def measure() -> Table:
    with own_settings() as settings:
        began, load = time.perf_counter(), os.getloadavg()[0]
        study = make_big_study(settings.storage_url)
        made = time.perf_counter() - began
        memories: list[float] = []
        addresses = _addresses(study)
        seconds: dict[str, list[float]] = {name: [] for name in addresses}
        processor: dict[str, list[float]] = {name: [] for name in addresses}
        for name, address in addresses.items():
            for _ in range(ROUNDS if name in FIRST else 1):
                with dashboard(settings) as (url, process), browser_page() as page:
                    before = sum(process.cpu_times()[:2])
                    seconds[name].append(_seconds_to(page, url + address))
                    processor[name].append(sum(process.cpu_times()[:2]) - before)
                    memories.append(process.memory_info().rss / 1e6)
        with dashboard(settings) as (url, _), browser_page() as page:
            steps = _steps(page, url + addresses[FIRST[0]])
        for title in WITHIN:
            name = f"{title}, from another page"
            seconds[name], processor[name] = _within(settings, title)
        with dashboard(settings) as (url, process), browser_page() as page:
            for address in addresses.values():
                _seconds_to(page, url + address)
            memories.append(process.memory_info().rss / 1e6)
        theirs, their_processor, their_memory = _optuna_dashboard(settings.storage_url)
    trials, analysis = (median(seconds[name]) for name in FIRST)
    rows: list[tuple[object, ...]] = [
        *((name, spread(seconds[name], " s"), spread(processor[name], " s")) for name in seconds),
        *((f"Trials, {name}", spread(values, " s"), "") for name, values in steps.items()),
        ("optuna-dashboard, its first answer", f"{theirs:.3g} s", f"{their_processor:.3g} s"),
        ("optuna-dashboard against Trials", f"{theirs / trials:.3g} times", ""),
        ("optuna-dashboard against Analysis: History", f"{theirs / analysis:.3g} times", ""),
        ("memory after one of these pages", spread(memories[:-1], " MB"), ""),
        ("memory after all of them", f"{memories[-1]:.0f} MB", ""),
        ("memory of optuna-dashboard", f"{their_memory:.0f} MB", ""),
    ]
    slowest = max(median(seconds[name]) for name in addresses if name != FIRST[0])
    slow_step = max(median(values) for values in steps.values())
    met = (
        trials <= TRIALS_LIMIT_S
        and slow_step <= STEP_LIMIT_S
        and slowest <= ANALYSIS_LIMIT_S
        and max(memories) <= MEMORY_LIMIT_MB
    )
    return Table(
        name="big_study",
        title="A study of 10,000 trials with 15 parameters, 15 attributes and 10 intermediate values",
        goal="in a fresh process: first page of Trials 1 s, a step on it 0.3 s, Analysis 3 s, process at most 500 MB",
        met=met,
        columns=("figure", "median (smallest to largest)", "processor time of the server"),
        rows=rows,
        notes=[
            "Each page is the first one that a fresh process shows: from the address being opened in a headless "
            "Chromium with an empty cache until everything stands. optuna-dashboard's first answer is the one that "
            "holds the study, without its drawing. From another page: the browser shows System of a fresh process, and "
            "a link of the navigation is pressed, so that Streamlit itself need not start. The study was made in "
            f"{made:.1f} s. Load of the machine at the beginning: {load:.1f}."
        ],
    )


def _seconds_to(page: Page, address: str) -> float:
    """Until the page has been drawn to its end, its chart included."""
    began = time.perf_counter()
    page.goto(address)
    page.locator(".onegin-footer").wait_for(timeout=WAIT_MS)
    if "/analysis" in address:
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=WAIT_MS)
    return time.perf_counter() - began


def _addresses(study: str) -> dict[str, str]:
    """What is opened, by its name."""
    return {FIRST[0]: f"/trials?study={study}"} | {
        f"Analysis: {chart.title}": f"/analysis?study={study}&chart={key}"
        for key, chart in CHARTS.items()
        if key != leaders.KEY  # which has no chart before configurations are repeated
    }


def _within(settings: Settings, title: str) -> tuple[list[float], list[float]]:
    """From the press on a link of the navigation until the page stands, and the server's processor time for it.

    In each round it is the first page of a process that asks for trials.
    """
    seconds, processor = list[float](), list[float]()
    for _ in range(ROUNDS):
        with dashboard(settings) as (url, process), browser_page() as page:
            _seconds_to(page, f"{url}/system")
            link = page.get_by_test_id("stTopNavLink").filter(has_text=title).first
            before, began = sum(process.cpu_times()[:2]), time.perf_counter()
            link.click()
            page.locator(WITHIN[title]).first.wait_for(timeout=WAIT_MS)
            seconds.append(time.perf_counter() - began)
            processor.append(sum(process.cpu_times()[:2]) - before)
    return seconds, processor


def _steps(page: Page, address: str) -> dict[str, list[float]]:
    """Seconds from a press on the gallery to the other cards, by what was pressed."""
    _seconds_to(page, address)
    found: dict[str, list[float]] = {"next page": [], "other order": [], "filter": []}
    for turn in range(ROUNDS):
        for name, seconds in found.items():
            pressed, shown = _pressed(page, name, turn), page.evaluate(CARDS)
            began = time.perf_counter()
            pressed.click()
            page.wait_for_function(f"shown => {CARDS} && {CARDS} !== shown", arg=shown)
            seconds.append(time.perf_counter() - began)
    return found


def _pressed(page: Page, name: str, turn: int) -> Locator:
    """What is to be pressed, with the list open that it stands in."""
    if name == "next page":
        return page.get_by_test_id("stPaginationNext")
    if name == "other order":
        return page.locator(".st-key-descending label").first
    page.locator(".st-key-filter_state input").click()
    return page.get_by_role("option").filter(has_text="complete" if turn % 2 else "pruned")


def _optuna_dashboard(url: str) -> tuple[float, float, float]:
    """Seconds to the first answer that holds the study, seconds of the processor, and megabytes after it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()", url, "--port", str(port), "-q"]
    with served(command, dict(os.environ), address, "/api/meta") as process:
        began, before = time.perf_counter(), sum(process.cpu_times()[:2])
        studies = requests.get(f"{address}/api/studies", timeout=300).json()["study_summaries"]
        number = studies[0]["study_id"]
        answer = requests.get(f"{address}/api/studies/{number}", params={"after": 0}, timeout=300)
        answer.raise_for_status()
        seconds = time.perf_counter() - began
        return seconds, sum(process.cpu_times()[:2]) - before, process.memory_info().rss / 1e6


def make_big_study(url: str, trials: int = TRIALS) -> str:
    """Make a study with 15 parameters, 15 attributes and 10 intermediate values a trial; the study's name.

    The trials end in every state, and most of their accuracy comes from the learning rate. Optuna makes the study and
    its first ten trials; the rows of the others are those that it would write, in few transactions: it takes 100 ms
    for one (a quarter of an hour for 10,000), this takes 1 ms.

    Args:
        url: of a database that is new or has no such study.
        trials: how many.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name=STUDY, storage=url, direction="maximize")
    made = list(big_trials(trials))
    study.add_trials(made[:BY_OPTUNA])
    engine = sqlalchemy.create_engine(url)
    tables = sqlalchemy.MetaData()
    tables.reflect(engine)
    for first in range(BY_OPTUNA, trials, CHUNK):
        with engine.begin() as connection:
            _insert(connection, tables, made[first : first + CHUNK], first)
    engine.dispose()
    return STUDY


def big_trials(trials: int) -> Iterator[FrozenTrial]:
    """The trials of the study, the same at every call."""
    chance = random.Random(1)
    return (_trial(number, chance) for number in range(trials))


def _insert(
    connection: sqlalchemy.Connection, tables: sqlalchemy.MetaData, made: Sequence[FrozenTrial], first: int
) -> None:
    """Write the rows of trials; `first` is the number of the first one."""
    trials, studies = tables.tables["trials"], tables.tables["studies"]
    study = connection.execute(sqlalchemy.select(studies.c.study_id).where(studies.c.study_name == STUDY)).scalar_one()
    last = connection.execute(sqlalchemy.select(sqlalchemy.func.max(trials.c.trial_id))).scalar_one()
    rows: dict[str, list[dict[str, Any]]] = {}
    for place, trial in enumerate(made):
        trial_id = last + 1 + place
        rows.setdefault("trials", []).append(
            {"trial_id": trial_id, "number": first + place, "study_id": study, "state": trial.state.name,
             "datetime_start": _utc(trial.datetime_start), "datetime_complete": _utc(trial.datetime_complete)}
        )  # fmt: skip
        for table, row in _rows_of(trial):
            rows.setdefault(table, []).append({"trial_id": trial_id, **row})
    for table, content in rows.items():
        connection.execute(tables.tables[table].insert(), content)


def _rows_of(trial: FrozenTrial) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) of everything that hangs on a trial."""
    if trial.value is not None:
        yield "trial_values", {"objective": 0, "value": trial.value, "value_type": "FINITE"}
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        yield "trial_params", {
            "param_name": name, "param_value": distribution.to_internal_repr(value),
            "distribution_json": distribution_to_json(distribution),
        }  # fmt: skip
    for key, content in trial.user_attrs.items():
        yield "trial_user_attributes", {"key": key, "value_json": json.dumps(content)}
    for step, value in trial.intermediate_values.items():
        yield "trial_intermediate_values", {
            "step": step, "intermediate_value": value, "intermediate_value_type": "FINITE",
        }  # fmt: skip


def _utc(moment: datetime.datetime | None) -> datetime.datetime | None:
    return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment is not None else None


def _trial(number: int, chance: random.Random) -> FrozenTrial:
    params = {name: _drawn(distribution, chance) for name, distribution in SPACE.items()}
    away = abs(math.log10(params["learning_rate"]) + 3)
    accuracy = min(0.999, max(0.1, 0.93 - 0.1 * away**2 + 0.0006 * params["filters"] + chance.gauss(0, 0.01)))
    state = chance.choices((TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL), (80, 15, 5))[0]
    steps = {step: accuracy * (1 - 0.6**step) for step in range(1, STEPS + 1)}
    seconds = 5 + params["epochs"] * params["filters"] / 10
    trial = create_trial(
        state=state,
        value=accuracy if state is TrialState.COMPLETE else None,
        params=params,
        distributions=SPACE,
        user_attrs=_attributes(params, accuracy, seconds, chance),
        intermediate_values=steps,
    )
    trial.datetime_start = BEGAN + datetime.timedelta(seconds=20 * number)
    trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=seconds)
    return trial


def _attributes(
    params: dict[str, Any], accuracy: float, seconds: float, chance: random.Random
) -> dict[str, int | float | str]:
    """Fifteen attributes as a run of ours leaves them behind."""
    metrics = {name: round(chance.uniform(0.3, 1.0), 4) for name in METRICS}
    return {
        "accuracy": accuracy, "health": round(sum(metrics.values()) / len(metrics), 4), **metrics,
        "parameters": int(1_000 * params["filters"] * params["conv_layers"]),
        "duration_s": seconds, "outcome": "complete", "reason": "", "architecture": f"Conv {params['filters']}",
        "diagnoses": chance.choice(("", "DEAD_UNITS", "PLATEAU,OVERFITTING")), "seed": chance.randrange(1_000),
    }  # fmt: skip


def _drawn(distribution: BaseDistribution, chance: random.Random) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return chance.choice(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        value = math.exp(chance.uniform(math.log(low), math.log(high)))
    elif distribution.step:
        value = low + distribution.step * chance.randint(0, round((high - low) / distribution.step))
    else:
        value = chance.uniform(low, high)
    return int(value) if isinstance(distribution, IntDistribution) else round(value, 10)
