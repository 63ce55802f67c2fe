"""The gallery of trials: what the address asks for, filters, details, comparison."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import re
import warnings

import optuna
from optuna.trial import TrialState, create_trial
from streamlit.testing.v1 import AppTest

from hpo_core.results import best_hyperparameters
from pages.parts import (
    formats,
    shared,
    trial_details,
    trial_differences,
    trial_filter_bar,
    trial_gallery,
    trial_query,
)
from pages.parts import words as field_words
from pages.parts.trial_details import SAID_BY_POOLING
from pages.parts.trial_query import Choice
from storage.database import Database
from storage.studies import TrialRow
from storage.trial_filters import Span, TrialFilter
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words

PAGE = "pages/trials.py"
ODD = "a 'b' / <b>\u2603</b> \U0001f600 $x$"


def cards(app: AppTest) -> list[int]:
    """Numbers of the trials whose cards are shown, in their order."""
    return [int(number) for number in re.findall(r"<b>Trial (\d+)</b>", words(app))]


def make_many(database: Database, trials: int = 14) -> optuna.Study:
    study = conftest.make_run(database, "many", trials)
    for number in range(trials):
        conftest.add_trial(study, number / 100)
    return study


def go(app: AppTest, **parts: str) -> AppTest:
    """The page with another query."""
    for name in list(app.query_params):
        del app.query_params[name]
    for name, value in parts.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def query(app: AppTest, name: str) -> list[str]:
    found = app.query_params.get(name, [])
    return [found] if isinstance(found, str) else list(found)


def test_address_is_read_and_complained_about() -> None:
    choice, complaints = trial_query.read({
        "page": ["2"], "sort": ["-score"], "state": ["pruned"], "view": ["table"], "min_score": ["0.5"],
        "diagnosis": ["PLATEAU"], "max.learning rate": ["1e-3"], "is.optimizer": ["adam", "None"], "study": ["x"],
    })  # fmt: skip
    wanted = TrialFilter(
        states=("pruned",), score=Span(0.5), ranges={"learning rate": Span(high=1e-3)},
        choices={"optimizer": ("adam", "None")}, diagnosis="PLATEAU",
    )  # fmt: skip
    assert (choice, complaints) == (Choice(2, "-score", "table", wanted), [])
    bad = {"page": ["0"], "sort": ["beauty"], "state": ["odd"], "min_score": ["many"], "max.x": ["nan"]}
    choice, complaints = trial_query.read(bad)
    assert choice == Choice() and len(complaints) == 5
    for word, complaint in zip(("beauty", "odd", "0", "many", "nan"), complaints, strict=True):
        assert f"“{word}”" in complaint


def test_numbers_in_the_address_lose_nothing() -> None:
    for number in (0.1 + 0.2, 1e-9, 3.0, -2.5, 1e22):
        assert float(trial_query.number_text(number)) == number
    assert trial_query.number_text(3.0) == "3"
    assert trial_query.compared("1, 4,x,1,,7") == ([1, 4, 7], ["x"])


def test_filters_in_words() -> None:
    wanted = TrialFilter(
        states=("fail",), score=Span(0.5, 0.9), ranges={"learning_rate": Span(high=0.01), "x": Span(2)},
        choices={"optimizer": ("adam", "sgd")}, diagnosis="DEAD_UNITS",
    )  # fmt: skip
    assert [chip.text for chip in trial_filter_bar.chips(wanted)] == [
        "State: failed or stopped", "Score from 0.5 to 0.9", "Learning rate at most 0.01", "x at least 2",
        "Optimizer: adam or sgd", "Diagnosis: dead units",
    ]  # fmt: skip


def test_gallery_is_sorted_and_paged_by_the_address(database: Database) -> None:
    make_many(database)
    app = open_page(PAGE)
    assert cards(app) == list(range(12))
    assert cards(go(app, study="many", sort="-score", page="2")) == [1, 0]
    assert "13 to 14 of 14 trials" in words(app)
    assert cards(go(app, page="99")) == [12, 13]


def test_what_is_chosen_on_the_page_goes_into_the_address(database: Database) -> None:
    make_many(database)
    app = open_page(PAGE, page="2")
    app.toggle(key="descending").set_value(True).run()
    assert query(app, "sort") == ["-number"] and query(app, "page") == [] and cards(app)[0] == 13
    app.selectbox(key="sort_by").select("score").run()
    app.selectbox(key="filter_state").select("fail").run()
    assert (query(app, "sort"), query(app, "state")) == (["-score"], ["fail"])
    assert "No trial matches" in words(app) and cards(app) == []
    app.button(key="reset_filters_here").click().run()
    assert query(app, "state") == [] and len(cards(app)) == 12


def test_every_order_and_the_table_open(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE)
    for sort in ("score", "accuracy", "health", "number", "-duration"):
        assert len(cards(go(app, sort=sort))) == 3
    go(app, view="table", sort="-score")
    assert list(app.dataframe[0].value["Trial"]) == ["Trial 1 ★", "Trial 2", "Trial 0"]
    assert "Learning rate" in app.dataframe[0].value


def test_filters_of_the_address_stand_as_chips_that_remove_them(database: Database) -> None:
    make_many(database)
    app = open_page(PAGE, **{"min_score": "0.1", "max_score": "0.12", "min.filters": "8"})
    assert cards(app) == [10, 11, 12] and "3 trials that match; the study has 14" in words(app)
    app.button(key="chip_0").click().run()
    assert query(app, "min_score") == query(app, "max_score") == [] and query(app, "min.filters") == ["8"]
    app.button(key="chip_0").click().run()
    assert len(cards(app)) == 12 and "that match" not in words(app)


def test_filters_are_offered_by_what_the_study_has(database: Database) -> None:
    study = optuna.create_study(study_name=ODD, storage=database.optuna_storage())
    for choice in ("a_b", "*c*"):
        study.add_trial(
            create_trial(
                value=0.5, params={"kind_[1]": choice, "x": 2.0}, user_attrs={"diagnoses": "ODD_CODE"},
                distributions={"kind_[1]": optuna.distributions.CategoricalDistribution(["a_b", "*c*"]),
                               "x": optuna.distributions.FloatDistribution(0, 3)},
            )
        )  # fmt: skip
    app = open_page(PAGE)
    app.session_state["more_filters"] = True
    app.run()
    app.selectbox(key="filter_parameter").select("kind_[1]").run()
    app.button_group(key="filter_is_kind_[1]").set_value(["*c*"]).run()
    assert not app.exception and query(app, "is.kind_[1]") == ["*c*"] and cards(app) == [1]
    app.selectbox(key="filter_parameter").select("x").run()
    app.number_input(key="filter_max.x").set_value(1.5).run()
    assert query(app, "max.x") == ["1.5"] and "No trial matches" in words(app)
    app.number_input(key="filter_max.x").set_value(None).run()
    app.selectbox(key="filter_diagnosis").select("ODD_CODE").run()
    assert query(app, "diagnosis") == ["ODD_CODE"] and cards(app) == [1]
    app.button(key="reset_filters").click().run()
    assert cards(app) == [0, 1]


def test_table_for_download_has_all_trials_that_match(database: Database) -> None:
    make_many(database)
    wanted = TrialFilter(score=Span(0.05, 0.1))
    lines = trial_gallery.as_csv("many", Choice(page=2, sort="-score", wanted=wanted)).decode().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [str(number) for number in range(10, 4, -1)]
    app = open_page(PAGE, min_score="0.05", max_score="0.1", page="2")
    assert app.download_button(key="download_trials").label == "These 6 trials as CSV"


def test_card_says_what_matters(database: Database) -> None:
    examined.make_examined(database)
    shown = words(open_page(PAGE))
    for expected in (
        "best",
        "98.36 %",
        "0.984",
        "Conv 16-32, dense 64",
        "12\u202f345 parameters",
        "4 epochs",
        "complete",
    ):
        assert expected in shown
    assert shown.count('class="best-mark"') == 1
    assert shown.count('class="glyph"') == shown.count('class="sparkline"') == 3
    assert "convolution 16, convolution 32, convolution 64, flatten, dense 64, output 10" in shown


def test_details_open_from_the_button_and_close(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE)
    assert not _is_open(app)
    app.button(key="details_1").click().run()
    assert _is_open(app) and query(app, "trial") == ["1"]
    shown = words(app)
    for expected in ("Accuracy: 98.36 %", "12\u202f345", "Sample percentage", "Dead units"):
        assert expected in shown
    row = shared.studies().trials("digits-examined", limit=1, offset=1)[0]
    for field in best_hyperparameters("digits-examined", row):
        assert field in ("run_name", "trial", *SAID_BY_POOLING) or field_words.recorded_title(field) in shown, field
    assert "(no effect: hidden layers = 1)" in shown and "<td>validation accuracy</td>" in shown
    # The name in files stands behind what a row means, where it is another one than the title.
    assert "In files: conv_<wbr>layers." in shown and "In files: filters." not in shown
    del app.query_params["trial"]
    assert not _is_open(app.run())


def test_the_best_trial_says_by_what_it_is_the_best(database: Database) -> None:
    conftest.make_finished(database)
    said = words(open_page(PAGE, study="digits-done", trial="1"))
    assert (
        "The best trial of this run: it has the highest validation accuracy, 98.36 %; Trial 2 comes next with 95.00 %."
        in said
    )
    assert "What counts is the last epoch" in said
    assert "The best trial of this" not in words(open_page(PAGE, study="digits-done", trial="2"))
    study = optuna.create_study(study_name="losses", storage=database.optuna_storage())
    study.add_trials([create_trial(value=value, intermediate_values={1: value}) for value in (-math.inf, 0.5, 0.2)])
    best = words(open_page(PAGE, study="losses", trial="2"))
    assert "The best trial of this study: it has the lowest score, 0.200; Trial 1 comes next with 0.500." in best
    assert "What counts is the last epoch" not in best
    study = optuna.create_study(study_name="infinite", storage=database.optuna_storage())
    study.add_trials([create_trial(value=value) for value in (-math.inf, math.inf, 0.2)])
    assert "it has the lowest score." in words(open_page(PAGE, study="infinite", trial="2"))


def test_details_wait_until_a_trial_is_over(database: Database) -> None:
    conftest.make_running(database)
    app = open_page(PAGE, trial="2")
    assert app.button(key="details_2").disabled and not app.button(key="details_1").disabled
    assert [app.button(key=f"details_{n}").label for n in (1, 2)] == ["Details", "Details at its end"]
    assert "Trial 2 is running" in app.info[0].value and not _is_open(app)


def test_trials_complain_about_a_bad_address(database: Database) -> None:
    conftest.make_finished(database)
    app = open_page(PAGE, sort="beauty", state="odd", page="-1", trial="999")
    said = "\n".join(item.value for item in app.warning)
    for word in ("beauty", "odd", "-1", "999"):
        assert word in said
    assert len(cards(app)) == 3


def test_a_trial_says_what_it_cost(database: Database) -> None:
    study = conftest.make_run(database, "remote", 2)
    conftest.add_trial(study, 0.9, more={"cost": 0.0123})
    conftest.add_trial(study, 0.8)
    assert "Cost: $0.0123" in words(app := open_page(PAGE, study="remote", trial="0"))
    assert "Cost" not in words(go(app, study="remote", trial="1"))


def test_trials_are_chosen_and_compared(database: Database) -> None:
    examined.make_examined(database)
    app = open_page(PAGE)
    app.checkbox(key="compare_0").check().run()
    assert app.button(key="compare").disabled
    app.checkbox(key="compare_2").check().run()
    app.button(key="compare").click().run()
    assert query(app, "compare") == ["0,2"] and "2 trials compared" in words(app)
    assert "Health in numbers" in words(app) and "91.00 %" in words(app) and "they were told the same" in words(app)
    app.button(key="to_gallery").click().run()
    assert app.checkbox(key="compare_0").value and len(cards(app)) == 3
    app.button(key="uncompare_0").click().run()
    assert not app.checkbox(key="compare_0").value


def test_choice_for_the_comparison_survives_the_next_page(database: Database) -> None:
    make_many(database)
    app = open_page(PAGE)
    for number in range(4):
        app.checkbox(key=f"compare_{number}").check().run()
    assert app.checkbox(key="compare_5").disabled and not app.checkbox(key="compare_3").disabled
    go(app, page="2")
    assert app.button(key="uncompare_3").label == "Trial 3" and not app.button(key="compare").disabled
    assert app.checkbox(key="compare_13").disabled


def test_comparison_in_the_address_says_what_is_missing(database: Database) -> None:
    make_many(database)
    app = open_page(PAGE, compare="1,77,x,3")
    assert "has no Trial 77" in app.warning[0].value and "“x”" in app.warning[0].value
    assert "2 trials compared" in words(app)
    go(app, compare="5")
    assert "needs two trials" in app.info[0].value and len(cards(app)) == 12
    assert "4 trials compared" in words(go(app, compare="1,2,3,4,5"))


def make_foreign(database: Database) -> None:
    """A study of plain Optuna with all that can be odd, named oddly."""
    study = optuna.create_study(study_name=ODD, storage=database.optuna_storage())
    study.add_trial(create_trial(value=math.inf))
    study.add_trial(
        create_trial(value=12345.678, user_attrs={"accuracy": "<i>good</i>", "configuration": "{", "health": math.nan})
    )
    study.add_trial(create_trial(state=TrialState.FAIL, intermediate_values={0: math.nan, 3: 1.0}))
    study.add_trial(create_trial(state=TrialState.PRUNED, value=-1e-7, user_attrs={"reason": "<script>"}))
    study.enqueue_trial({"<x>": 1})
    study.enqueue_trial({"<x>": 0.5})
    study.enqueue_trial({"<x>": 0.25})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        study.ask({"<x>": optuna.distributions.FloatDistribution(0, 1)})
        study.ask({"<x>": optuna.distributions.FloatDistribution(0, 1)})


def test_oddities_of_plain_optuna_open(database: Database) -> None:
    make_foreign(database)
    app = open_page(PAGE)
    assert cards(app) == list(range(7)) and not app.error and not app.warning
    shown = words(app)
    assert "∞" in shown and "12345.7" in shown and "-1e-07" in shown
    assert "<script>" not in shown and "&lt;x&gt;" in shown and "No parameter was searched" in shown
    for number in range(4):
        go(app, study=ODD, trial=str(number))
        assert _is_open(app) and not app.error and not app.warning
    assert "compared" in words(go(app, study=ODD, compare="0,1,2,3"))
    assert len(go(app, study=ODD, view="table").dataframe[0].value) == 7


def test_several_objectives_show_all_values(database: Database) -> None:
    study = optuna.create_study(study_name="two", storage=database.optuna_storage(), directions=["maximize"] * 2)
    for number in range(3):
        study.add_trial(create_trial(values=[number / 10, 1 - number / 10]))
    app = open_page(PAGE, study="two", sort="-score")
    assert cards(app) == [2, 1, 0] and "0.200 · 0.800" in words(app) and "best-mark" not in words(app)
    assert "Values: 0.200 · 0.800" in words(go(app, study="two", trial="2"))


def test_study_that_is_deleted_meanwhile_is_said(database: Database) -> None:
    conftest.make_plain(database)
    conftest.make_finished(database)
    app = open_page(PAGE, study="plain", trial="1")
    optuna.delete_study(study_name="plain", storage=database.optuna_storage())
    app.run()
    assert not app.exception and "plain" in app.warning[0].value and len(cards(app)) == 3


def test_study_that_is_deleted_without_being_in_the_address_is_said(database: Database) -> None:
    conftest.make_finished(database)
    conftest.make_plain(database)
    app = open_page(PAGE)
    assert app.selectbox(key="trials_study").value == "plain"
    optuna.delete_study(study_name="plain", storage=database.optuna_storage())
    app.run()
    assert "“plain” was deleted" in app.warning[0].value and len(cards(app)) == 3


def test_names_of_downloads_suit_every_system() -> None:
    assert formats.file_name("my run/1 'x' \u2603", "trials.csv") == "my-run-1--x-trials.csv"
    assert formats.file_name("///", "trials.csv") == "study-trials.csv"


def test_names_are_no_markdown() -> None:
    assert formats.as_markdown("my-run_1 $x$ <b>") == "my-run\\_1 \\$x\\$ \\<b\\>"


def test_damaged_configuration_leaves_the_parameters(database: Database) -> None:
    study = conftest.make_run(database, "damaged", 1)
    conftest.add_trial(study, 0.9, more={"configuration": "{no json"})
    row = shared.studies().trials("damaged")[0]
    assert trial_details.configuration("damaged", row) == row.params


def _is_open(app: AppTest) -> bool:
    return "Full configuration" in words(app)


def test_a_comparison_as_csv_holds_what_is_compared_and_no_formula() -> None:
    row = TrialRow(0, "complete", 0.5, 1.0, {"=x": "+1"}, {"accuracy": 0.5}, {}, (0.5,))
    other = dataclasses.replace(row, number=3, params={"=x": "2"})
    rows = trial_differences.parameters([row, other])
    told = list(csv.reader(io.StringIO(trial_differences.as_csv([row, other], rows))))
    assert told[0] == ["what", "field", "Trial 0", "Trial 3"]
    assert told[1] == ["'=x", "'=x", "'+1", "2"]


def test_compared_numbers_are_short_unless_they_would_look_equal() -> None:
    rates = (0.00124161, 0.0012849, 0.00103659)
    params = [{"learning_rate": rate, "x": 1 + n / 1e5} for n, rate in enumerate(rates)]
    rows = [TrialRow(n, "complete", 0.5, 1.0, each) for n, each in enumerate(params)]
    by_name = {row.name: row for row in trial_differences.parameters(rows)}
    assert by_name["learning_rate"].short_cells == ("0.001242", "0.001285", "0.001037")
    assert by_name["learning_rate"].cells == ("0.00124161", "0.0012849", "0.00103659")
    assert by_name["x"].short_cells == ("1", "1.00001", "1.00002")
