"""The small pictures of a running trial, and a trial's pictures when it is over."""

from __future__ import annotations

import base64
import dataclasses
import re
import xml.etree.ElementTree as ET

from pages.parts import live_curves, pictures
from storage.artifacts import ArtifactFile
from storage.database import Database
from storage.progress import ProgressTable
from tests import histories
from tests.pages import conftest, examined
from tests.pages.test_pages import open_page, words


def svgs(area: str) -> list[ET.Element]:
    """The pictures in a text; parsing proves that a browser can, too."""
    found = re.findall(r"base64,([^\"]+)", area)
    return [ET.fromstring(base64.b64decode(data).decode()) for data in found]


def test_loss_is_thin_within_epochs_and_thick_between_them() -> None:
    curve = live_curves.curve(histories.cnn_history(epochs=2))
    assert len(curve.thin) == 40 and [x for x, _ in curve.training] == [1, 2]
    assert 0 < curve.thin[0][0] < 0.1 and 1.9 < curve.thin[-1][0] < 2


def test_long_trainings_are_thinned_and_keep_their_end() -> None:
    points = [(float(x), 1.0) for x in range(1001)]
    thin = live_curves.thinned(points)
    assert len(thin) <= live_curves.MAX_POINTS and thin[-1] == points[-1]
    assert live_curves.thinned(points[:7]) == points[:7]
    assert len(live_curves.area(histories.cnn_history(epochs=100))) < 12_000


def test_losses_that_differ_much_get_a_logarithmic_axis() -> None:
    points = [(1.0, 1000.0), (2.0, 10.0), (3.0, 1.0)]
    assert live_curves.is_log([y for _, y in points]) and not live_curves.is_log([2.3, 0.1, 0.5])
    assert not live_curves.is_log([1000.0, 0.0])
    picture = live_curves.loss_svg(live_curves.Curve([], points, []))
    assert 'points="100,0 200,40 300,60"' in picture
    assert 'points="150,0 300,30"' in live_curves.loss_svg(live_curves.Curve([], [(1.0, 2.0), (2.0, 1.0)], []))


def test_three_pictures_of_a_training() -> None:
    area = live_curves.area(histories.cnn_history())
    loss, gradient, weights = svgs(area)
    assert len(loss.findall(".//{*}polyline")) == 3
    assert len(gradient.findall(".//{*}rect")) == len(weights.findall(".//{*}polygon")) == 5
    assert weights.find(".//{*}line[@stroke-dasharray]") is not None and "within an epoch" in area
    beside, below = re.findall(r'class="beside">(.*?)</span>', area), re.findall(r'class="below">(.*?)</span>', area)
    assert len(beside) == 1 and beside[0].endswith("<i>0</i>")
    assert below[:2] == [f"<i>start</i><i>epoch {len(histories.cnn_history().epochs)}</i>", "<i>input</i><i>output</i>"]
    assert re.fullmatch(r"<i>−([\d.]+)</i><i>0</i><i>\1</i>", below[2])
    bare = dataclasses.replace(
        histories.cnn_history(),
        epochs=[dataclasses.replace(epoch, loss_curve=[]) for epoch in histories.cnn_history().epochs],
    )
    assert "within an epoch" not in live_curves.area(bare)


def test_ends_of_a_logarithmic_axis_are_losses() -> None:
    frame = live_curves.frame_of(live_curves.Curve([], [(1.0, 1000.0), (2.0, 0.5)], []))
    assert frame is not None and frame.log and frame.ends() == ("1\u202f000", "0.5")
    assert live_curves.frame_of(live_curves.Curve([], [], [])) is None


def test_a_bar_six_powers_of_ten_below_the_largest_is_a_stump() -> None:
    layers = histories.cnn_history().epochs[-1].layers
    assert layers is not None
    sizes = [dataclasses.replace(layers[0], gradient_norm=norm) for norm in (1.0, 1e-3, 1e-9)]
    bars = svgs(f'base64,{base64.b64encode(live_curves.gradient_svg(sizes).encode()).decode()}"')[0]
    heights = [float(bar.get("height", 0)) for bar in bars.findall(".//{*}rect")]
    assert heights[0] == 60 and heights[1] == 30 and 0 < heights[2] < 3


def test_what_is_no_number_leaves_a_gap_and_fails_nowhere() -> None:
    history = histories.with_readings(
        histories.with_epochs(
            histories.cnn_history(),
            lambda epoch: dataclasses.replace(epoch, loss=None, validation_loss=None, loss_curve=[None] * 20),
        ),
        lambda layer: dataclasses.replace(layer, gradient_norm=None, weight_histogram=None),
    )
    assert len(svgs(live_curves.area(history))) == 3
    assert "no number" in live_curves.area(history)
    assert len(svgs(live_curves.area(histories.without_readings(histories.cnn_history())))) == 1


def test_monitor_draws_a_trial_from_its_first_epoch_on(database: Database) -> None:
    conftest.make_running(database)
    assert "Curves follow the first epoch" in words(open_page("pages/monitor.py"))
    ProgressTable(database, "digits-now").write([], [], {2: histories.cnn_history(epochs=1).to_json()})
    shown = words(open_page("pages/monitor.py"))
    assert "Training loss" in shown and "Curves follow" not in shown


def test_pictures_stand_in_their_order_and_unknown_ones_last() -> None:
    def file(name: str) -> ArtifactFile:
        return ArtifactFile(id=name, filename=name, mimetype="image/png", size=1, made_at=0.0)

    names = ("odd_one.png", "history.json", "gradient_flow.png", "training_history.png")
    shown = pictures.shown({name: file(name) for name in names})
    assert [title for _, title, _ in shown] == ["Training history", "Gradient flow", "Odd one"]


def test_trial_in_detail_shows_health_and_pictures(database: Database) -> None:
    examined.make_examined(database)
    app = open_page("pages/trials.py", study="digits-examined", trial="1")
    shown = words(app)
    assert "Health: 0." in shown and "Dead units" in shown and "Training history" in shown
    assert len(app.get("image")) == 2
    keys = {button.key for button in app.get("download_button")}
    assert keys >= {"download_training_history_png", "download_training_animation_gif", "download_history_json"}
    assert "Gradient health" in shown  # among what was recorded, by its title


def test_trial_without_pictures_says_so(database: Database) -> None:
    conftest.make_finished(database)
    shown = words(open_page("pages/trials.py", trial="1"))
    assert "Health: –" in shown and "No diagnosis was made" in shown and "No pictures were drawn" in shown
