"""Boxes as a GLB file, made in a process of its own."""

from __future__ import annotations

import json
import struct
import sys

import pytest

from pages.parts.glb import Cuboid, GlbError, glb_file

BOXES = [
    Cuboid("conv_1", (1.0, 7.0, 2.0), (2.0, 3.0, 4.0), "#0072B2"),
    Cuboid("out/put", (5.0, 0.0, 0.0), (1.0, 1.0, 1.0), "#D55E00"),
]


def test_each_box_is_a_named_mesh_of_its_size_and_colour() -> None:
    content = glb_file(BOXES)
    magic, version, length, json_length, chunk = struct.unpack("<4sIII4s", content[:20])
    assert (magic, version, length, chunk) == (b"glTF", 2, len(content), b"JSON")
    scene = json.loads(content[20 : 20 + json_length])
    assert [mesh["name"] for mesh in scene["meshes"]] == ["conv_1", "out/put"]
    corners = [scene["accessors"][mesh["primitives"][0]["attributes"]["POSITION"]] for mesh in scene["meshes"]]
    # In glTF y goes upwards and z towards the viewer.
    assert corners[0]["min"] == [0.0, 0.0, -8.5] and corners[0]["max"] == [2.0, 4.0, -5.5]
    colours = [material["pbrMetallicRoughness"]["baseColorFactor"] for material in scene["materials"]]
    assert colours[1] == pytest.approx([0xD5 / 255, 0x5E / 255, 0.0, 1.0])
    assert "trimesh" not in sys.modules


def test_what_cannot_be_made_is_said() -> None:
    with pytest.raises(GlbError, match="GLB"):
        glb_file([Cuboid("box", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "no colour")])
