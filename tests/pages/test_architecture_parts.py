"""Networks as pictures: what is computed before anything is drawn, and the files."""

from __future__ import annotations

import io
import itertools
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from PIL import Image

from hpo_core.health.readings import LayerReading
from hpo_core.layer_difference import Change, layer_differences
from hpo_core.layer_plan import LayerPlan, layer_plan
from hpo_core.layer_texts import LayerKind
from hpo_core.parameters import Architecture, defaults
from pages.parts import (
    architecture_colours,
    architecture_difference,
    architecture_graph,
    architecture_motion,
    architecture_source,
    architecture_space,
    palette,
)
from pages.parts.architecture_files import KINDS, picture
from pages.parts.architecture_layout import HEIGHT, lay_out, subtitle
from pages.parts.architecture_trial import file_name
from storage.studies import TrialRow
from tests import histories
from tests.stubs import make_config

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plan() -> LayerPlan:
    return layer_plan(make_config(hidden_layers=2))


def test_layers_stand_below_each_other_with_shapes_between_them(plan: LayerPlan) -> None:
    layout = lay_out(plan)
    assert [box.layer for box in layout.boxes] == list(plan.layers)
    assert all(below.top - above.bottom > 12 for above, below in zip(layout.boxes, layout.boxes[1:], strict=False))
    assert all(box.left >= 0 and box.bottom <= layout.height for box in layout.boxes)
    assert [arrow.text for arrow in layout.arrows][:3] == ["8 × 8 × 1", "8 × 8 × 1", "8 × 8 × 16"]
    assert all(arrow.start.bottom < arrow.y < arrow.end.top for arrow in layout.arrows)


def test_a_layer_says_what_it_is(plan: LayerPlan) -> None:
    said = {layer.name: subtitle(layer) for layer in plan.layers}
    assert said["conv_1"] == "convolution · 144 weights" and said["activation_1"] == "activation · relu"
    assert said["dropout_1"] == "dropout · leaves out 10 %" and said["flatten"] == "all numbers in one row"


def test_the_legend_has_only_kinds_that_are_present(plan: LayerPlan) -> None:
    legend = dict(architecture_colours.by_type(plan).legend)
    assert set(legend) == {str(layer.kind) for layer in plan.layers} and "LSTM" not in legend
    assert legend["convolution"] == palette.LAYERS["Conv2D"] and legend["output"] == palette.OUTPUT_LAYER
    text = architecture_colours.by_type(layer_plan(make_config("generated_text", dropout=0.0)))
    assert [word for word, _ in text.legend] == [
        "input", "embedding", "LSTM", "flatten or global pooling", "dense", "output",
    ]  # fmt: skip


def test_colours_by_health_are_those_of_the_readings(plan: LayerPlan) -> None:
    readings = (
        histories.with_readings(
            histories.cnn_history(), lambda layer: layer if layer.name != "conv_1" else _half_dead(layer)
        )
        .epochs[-1]
        .layers
        or []
    )
    colouring = architecture_colours.colouring(architecture_colours.HEALTH, plan, readings)
    assert colouring.colours["conv_1"] == palette.health(0.5) and colouring.notes["conv_1"] == "health 0.500"
    assert colouring.colours["flatten"] == palette.OTHER_LAYER and "flatten" not in colouring.notes
    assert ("not read", palette.OTHER_LAYER) in colouring.legend


def _half_dead(layer: LayerReading) -> LayerReading:
    return replace(layer, dead=12, saturated=0)


def test_what_cannot_be_coloured_is_not_offered(plan: LayerPlan) -> None:
    assert architecture_colours.choices([], None) == ["Layer type"]
    reading = histories.cnn_history().epochs[-1].layers or []
    assert architecture_colours.choices(reading, 0.9) == ["Layer type", "Health", "Accuracy"]
    accurate = architecture_colours.colouring("Accuracy", plan, [], 0.9836)
    assert set(accurate.colours.values()) == {palette.health(0.9836)} and accurate.legend[0][0] == "98.36 %"


def test_a_click_names_its_layer() -> None:
    assert architecture_graph.layer_of("0:conv_1") == "conv_1"
    assert architecture_graph.layer_of("12:conv_1/shape") == "conv_1"
    assert architecture_graph.layer_of(None) is None and architecture_graph.layer_of("") is None


def test_a_box_says_its_title_apart_from_its_note_and_no_name_is_markup(plan: LayerPlan) -> None:
    """Titles stand in an element of their own, so that they can be lifted off the line below."""
    colouring = replace(architecture_colours.by_type(plan), notes={"conv_1": "<i>a & b</i>"})
    boxes = {box.layer.name: box for box in lay_out(plan).boxes}
    node = architecture_graph.node(boxes["conv_1"], colouring, ("#000", 1), 0)
    assert node["label"] == f"<b>{boxes['conv_1'].title}</b>\n&lt;i&gt;a &amp; b&lt;/i&gt;"


def test_a_diagram_as_svg_holds_every_layer_and_escapes_names(plan: LayerPlan) -> None:
    colouring = architecture_colours.by_type(plan)
    root = ElementTree.fromstring(picture("svg", plan, colouring, 'my "<run>" & 🎲', "lead"))
    texts = [node.text or "" for node in root.iter(f"{SVG}text")]
    assert texts[0] == 'my "<run>" & 🎲'
    assert [text for text in texts if " · " in text and text[0].isdigit()] == [
        f"{layer.number} · {layer.name}" for layer in plan.layers
    ]
    places = {box.layer.name: box for box in lay_out(plan).boxes}
    drawn = [node for node in root.iter(f"{SVG}rect") if float(node.get("height", 0)) == HEIGHT]
    assert [node.get("fill") for node in drawn] == [colouring.colours[name] for name in places]
    gaps = {round(float(b.get("y", 0)) - float(a.get("y", 0))) for a, b in itertools.pairwise(drawn)}
    assert gaps == {round(places["scaling"].y - places["input"].y)}
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    assert all(float(node.get("x", 0)) < width and float(node.get("y", 0)) < height for node in root.iter())


def test_a_diagram_as_png_has_the_colours_of_its_layers(plan: LayerPlan) -> None:
    colouring = architecture_colours.by_type(plan)
    image = Image.open(io.BytesIO(picture("png", plan, colouring, "run 🎲 Онегин", "lead")))
    found = {"#%02X%02X%02X" % colour for _, colour in image.getcolors(1 << 20) or []}  # noqa: UP031
    assert set(colouring.colours.values()) <= found


def test_a_diagram_as_pdf_is_one_page_whose_table_is_right(plan: LayerPlan) -> None:
    content = picture("pdf", plan, architecture_colours.by_type(plan), "run (1) \\ 🎲", "lead")
    assert content.startswith(b"%PDF-1.4") and content.endswith(b"%%EOF\n")
    table = int(re.findall(rb"startxref\n(\d+)", content)[0])
    assert content[table:].startswith(b"xref")
    for number, begin in enumerate(re.findall(rb"(\d{10}) 00000 n", content), start=1):
        assert content[int(begin) :].startswith(b"%d 0 obj" % number)
    length, stream = re.findall(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", content, re.S)[0]
    assert int(length) == len(stream) and rb"(run \(1\) \\ ?)" in stream
    assert b"(3 \xb7 conv_1)" in stream and b"(8 \xd7 8 \xd7 16)" in stream


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_deepest_network_has_a_picture(kind: str) -> None:
    deep = layer_plan(make_config("cifar10", conv_layers=12, hidden_layers=12))
    assert len(picture(kind, deep, architecture_colours.by_type(deep), "deep", "lead")) > 1000


def test_boxes_in_space_follow_the_shapes_and_do_not_touch(plan: LayerPlan) -> None:
    boxes = architecture_space.cuboids(plan, architecture_colours.by_type(plan))
    assert [box.name for box in boxes] == [layer.name for layer in plan.layers]
    for one, other in itertools.pairwise(boxes):
        assert other.centre[0] - other.size[0] / 2 > one.centre[0] + one.size[0] / 2
    sizes = {box.name: box.size for box in boxes}
    assert sizes["conv_1"][1:] == sizes["input"][1:] and sizes["pooling_1"][1] < sizes["conv_1"][1]
    assert sizes["conv_2"][0] > sizes["conv_1"][0] and sizes["hidden_1"][2] > sizes["output"][2]
    figure = architecture_space.draw_space(plan, architecture_colours.by_type(plan))
    assert len([trace for trace in figure.data if trace.type == "mesh3d"]) == len(plan.layers)


def test_the_animation_runs_there_and_back(plan: LayerPlan) -> None:
    steps = architecture_motion.steps(plan)
    assert [step.layer.number for step in steps] == [*range(1, len(plan.layers) + 1), *range(len(plan.layers), 0, -1)]
    assert steps[2].text == plan.layers[2].explanation and steps[-1].text == plan.layers[0].backward
    figure = architecture_motion.draw_motion(plan, architecture_colours.by_type(plan))
    assert len(figure.frames) == len(steps) == len(figure.layout.sliders[0].steps)
    assert figure.layout.updatemenus[0].y == figure.layout.sliders[0].y == 1  # in sight however deep the network is
    rings = [frame.data[1].y[0] for frame in figure.frames]
    assert rings == [-step.layer.number for step in steps]


def row(state: str = "complete", **more: object) -> TrialRow:
    return TrialRow(7, state, None, None, **more)  # type: ignore[arg-type]


def test_a_trial_is_drawn_from_the_configuration_it_left(plan: LayerPlan) -> None:
    trial = row(attributes={"configuration": plan.config.to_json()})
    assert architecture_source.plan_of(trial, {}) == plan


def test_a_running_trial_is_drawn_from_what_was_suggested() -> None:
    told = {"configuration": {"dataset": "digits", "max_epochs_per_trial": 4, "space": {"kernel_size": 5}}}
    params = {
        "conv_layers": 4, "filters": 20, "activation": "elu", "batch_normalization": False, "hidden_layers": 0,
        "dropout": 0.1, "optimizer": "adam", "learning_rate": 0.002, "learning_rate_schedule": "constant",
        "weight_decay": 1e-5, "batch_size": 32,
    }  # fmt: skip
    trial = row("running", params=params)
    found = architecture_source.plan_of(trial, told)
    assert found is not None and found.config["kernel_size"] == 5 and found.config["conv_layers"] == 4
    assert found.config["first_hidden_nodes"] == defaults(Architecture.CNN)["first_hidden_nodes"]
    assert architecture_source.plan_of(row("complete", params=params), told) is None
    del params["filters"]
    assert architecture_source.plan_of(trial, told) is None
    assert "just begun" in architecture_source.why_none(trial, told)


@pytest.mark.parametrize(
    "configuration",
    ["no JSON", "[1]", "{}", 7, None, json.dumps({"architecture": "transformer"}),
     make_config().to_json().replace('"digits"', '"gone"')],
)  # fmt: skip
def test_a_configuration_that_cannot_be_read_is_none(configuration: object) -> None:
    trial = row(attributes={"configuration": configuration})
    assert architecture_source.plan_of(trial, {"configuration": {"dataset": 3, "odd": 1}}) is None
    assert "ended before" in architecture_source.why_none(trial, {})


def test_a_trial_of_plain_optuna_says_so() -> None:
    trial = row(params={"x": 0.5})
    assert architecture_source.plan_of(trial, {}) is None
    assert "outside Onegin" in architecture_source.why_none(trial, {})


def test_files_of_a_network_have_speaking_names() -> None:
    assert file_name("digits-done", 7) == "digits-done_trial_7_architecture"
    assert file_name("a/b 'c' <🎲>", 0) == "a_b_c_trial_0_architecture"


def test_a_difference_in_one_sentence(plan: LayerPlan) -> None:
    more = layer_plan(make_config(hidden_layers=3))
    said = architecture_difference.summary(("Trial 1", "Trial 2"), (plan, more))
    assert (
        said.startswith("Layers from Trial 1 to Trial 2: 2 added, 1 changed, 1 in shape only.")
        and "weights more" in said
    )
    wider = layer_plan(make_config(filters=8))
    found = layer_differences(plan, wider)
    only = sum(item.only_shape for item in found)
    changed = sum(item.change is Change.CHANGED for item in found) - only
    said = architecture_difference.summary(("Trial 1", "Trial 2"), (plan, wider))
    assert changed and only and f"{changed} changed, {only} in shape only. " in said
    same = architecture_difference.summary(("Trial 1", "Trial 2"), (plan, plan))
    assert same.endswith("none differs. Trial 2 has as many weights.")


def test_every_kind_has_a_colour_of_its_own_place_in_the_palette() -> None:
    plans = [layer_plan(make_config()), layer_plan(make_config("generated_text", bidirectional=True))]
    layers = [layer for plan in plans for layer in plan.layers]
    assert {layer.kind for layer in layers} == set(LayerKind)
    assert {layer.type for layer in layers} <= set(palette.LAYERS)
