"""Trying a final model: what is said about an answer, and what the page does with one that does not come."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

import datasets
from hpo_core.records import Answer
from hpo_core.splits import test_indices as indices_of_test
from pages.parts import answer_view, final_models, palette, samples, shared, try_model
from storage.database import Database
from tests.pages import examined
from tests.pages.test_pages import open_page, words
from tests.stubs import make_config

PAGE = "pages/models.py"
NAMES = ("cat", "<b>dog</b>", "a rather long name of a class")
LOAD_S = 90


def test_classes_are_listed_by_their_probability() -> None:
    listed = answer_view.guesses(Answer(probabilities=[0.2, 0.7, 0.1], label=2), NAMES)
    assert [(guess.name, guess.is_right) for guess in listed] == [
        (NAMES[1], False),
        (NAMES[0], False),
        (NAMES[2], True),
    ]
    many = Answer(probabilities=[0.0, *([0.01] * 99)], label=0)
    listed = answer_view.guesses(many, [str(number) for number in range(100)])
    assert len(listed) == answer_view.MOST_CLASSES and listed[-1].is_right and listed[-1].name == "0"


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        (None, "It says “cat” with 60.00 %."),
        (0, "It says “cat” with 60.00 %, which is right."),
        (1, "It says “cat” with 60.00 %, which is wrong: it is “<b>dog</b>”."),
    ],
)
def test_the_answer_in_a_sentence(label: int | None, sentence: str) -> None:
    assert answer_view.verdict(Answer(probabilities=[0.6, 0.3, 0.1], label=label), NAMES) == sentence


def test_bars_are_named_and_the_right_one_is_marked() -> None:
    figure = answer_view.draw_guesses(answer_view.guesses(Answer(probabilities=[0.6, 0.3, 0.1], label=2), NAMES))
    (bars,) = figure.data
    assert list(bars.x) == [60, 30, 10] and list(bars.text) == ["60.00 %", "30.00 %", "10.00 %"]
    names = figure.layout.yaxis.ticktext
    assert names[2].endswith(" ✓") and "…" in names[2] and list(bars.customdata) == list(NAMES)
    assert list(bars.y) == list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert list(bars.marker.color) == [palette.RUNNING, palette.RUNNING, palette.COMPLETE]


def test_long_names_differ_where_they_end() -> None:
    names = ("Dangerous curve to the left", "Dangerous curve to the right")
    figure = answer_view.draw_guesses(answer_view.guesses(Answer(probabilities=[0.6, 0.4], label=None), names))
    assert list(figure.layout.yaxis.ticktext) == ["Dangerous c…to the left", "Dangerous c…to the right"]


@pytest.mark.parametrize(
    ("probability", "said"),
    [(1.0, "> 99.99 %"), (0.99995, "> 99.99 %"), (0.9999, "99.99 %"), (0.0001, "0.01 %"), (1e-9, "< 0.01 %")],
)
def test_no_model_is_quite_sure(probability: float, said: str) -> None:
    assert answer_view.likely(probability) == said


def test_words_are_shown_as_the_model_reads_them() -> None:
    shown = answer_view.words_seen(["the", "", "<script>"])
    assert "3 words reach the model, 1 of them unknown" in shown and "[unknown]" in shown
    assert "&lt;script&gt;" in shown and "<script>" not in shown
    assert "One word reaches the model, none of them unknown" in answer_view.words_seen(["the"])


def test_a_picture_whose_light_and_dark_were_swapped_says_so() -> None:
    told = answer_view.seen(Answer(probabilities=[1.0], picture="x", swapped=True), 8, 8)
    assert "8 × 8 pixels. Light and dark were swapped" in told and told.endswith("“Swap light and dark” undoes it.")
    assert answer_view.seen(Answer(probabilities=[1.0], picture="x"), 28, 28) == "What the model sees: 28 × 28 pixels."


def test_a_sample_is_seen_before_it_is_asked_about(database: Database) -> None:
    examined.make_final_model(database)
    app = open_page(PAGE, study="digits-done")
    seen = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="Sample 0 of the test part">', words(app))
    model = final_models.read(shared.settings().results_dir, "digits-done")
    prepared = datasets.prepare("digits", folder=None, cache=shared.settings().cache_dir)
    assert model is not None and seen is not None
    part, indices = indices_of_test(model.card.config, prepared)
    assert part == "train"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(seen[1]))))
    assert np.array_equal(shown, prepared.x_train[indices[0]][:, :, 0])
    made_at = (model.folder / "model.keras").stat().st_mtime_ns
    app.session_state["try_last"] = try_model.Tried(
        "digits-done", f"{made_at} test 0", Answer(probabilities=[1.0] + [0.0] * 9)
    )
    assert "It says" in words(app.run())
    app.number_input(key="try_sample").set_value(7).run()
    assert 'alt="Sample 7 of the test part"' in words(app) and "Its answer will stand here" in words(app)
    app.button_group(key="try_source").set_value("own").run()
    app.button_group(key="try_source").set_value("test").run()
    assert app.number_input(key="try_sample").value == 7  # as it was left
    app.button(key="try_another").click().run()
    assert "Its answer will stand here" in words(app)  # it is shown, not asked about


def test_a_text_is_read_before_it_is_asked_about(database: Database) -> None:
    config = make_config("generated_text", sequence_length=20, lstm_units=8)
    place = (None, shared.settings().cache_dir)
    prepared = datasets.prepare("generated_text", folder=None, cache=place[1])
    part, indices = indices_of_test(config, prepared)
    text = samples.of_test(config, 3, *place)
    assert text == datasets.decode_text(prepared, prepared.sequences(part)[int(indices[3])])
    assert datasets.text_at(prepared, part, int(indices[3]), 20).endswith(" …")
    with pytest.raises(samples.NotAtHand):
        samples.of_test(make_config("mnist"), 0, *place)


@pytest.mark.slow
def test_a_picture_is_asked_about_when_the_button_is_pressed(database: Database) -> None:
    """As a test sample and a text are; the answer goes with the picture it is about."""
    examined.make_final_model(database)
    app = open_page(PAGE, study="digits-done")
    app.button_group(key="try_source").set_value("own").run()
    assert app.button(key="try_ask_picture").disabled
    app.file_uploader(key="try_file").set_value(("no.png", b"no picture", "image/png")).run()
    assert app.error[0].value.startswith("The file is no picture") and app.button(key="try_ask_picture").disabled
    drawn = io.BytesIO()
    Image.new("L", (300, 600), 255).save(drawn, "PNG")
    app.file_uploader(key="try_file").set_value(("blank.png", drawn.getvalue(), "image/png")).run()
    assert not app.error and 'alt="Your picture"' in words(app) and "Its answer will stand here" in words(app)
    app.button(key="try_ask_picture").click().run(timeout=LOAD_S)
    assert "Its answer will stand here" not in words(app)
    app.toggle(key="try_inverted").set_value(True).run()
    assert "Its answer will stand here" in words(app)
    large = io.BytesIO()
    Image.new("1", (4000, 4000)).save(large, "PNG")
    app.file_uploader(key="try_file").set_value(("large.png", large.getvalue(), "image/png")).run()
    assert "Too large to be shown here" in words(app) and not app.button(key="try_ask_picture").disabled


@pytest.mark.slow
def test_a_damaged_model_is_told_in_place(database: Database) -> None:
    """Its .keras file holds nothing that Keras could read; a real process is asked."""
    examined.make_final_model(database)
    app = open_page(PAGE, study="digits-done")
    assert app.number_input(key="try_sample").max == 359 and "Its answer will stand here" in words(app)
    app.button(key="try_ask").click().run(timeout=LOAD_S)
    assert "The file model.keras cannot be read" in app.error[0].value and not app.exception
    assert "Files of the model" in words(app)


def test_a_model_whose_file_is_gone_cannot_be_tried(database: Database) -> None:
    folder = examined.make_final_model(database)
    (folder / "optimized_model" / "model.keras").unlink()
    app = open_page(PAGE, study="digits-done")
    assert "cannot be tried" in words(app) and not [item for item in app.button if item.key == "try_ask"]
