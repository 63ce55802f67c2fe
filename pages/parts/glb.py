"""Boxes as a GLB file, which 3D programs, slides and browsers read (glTF 2.0).

Trimesh makes it, in a process of its own that lives as long as that takes: it and what it loads hold 64 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hpo_core.errors import OneginError

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT_S = 60.0


@dataclass(frozen=True)
class Cuboid:
    """A box with its middle at `centre`; lengths along x, y and z (upwards) in `size`; `colour` as '#RRGGBB'."""

    name: str
    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    colour: str


class GlbError(OneginError):
    """The file could not be made."""


def glb_file(cuboids: Sequence[Cuboid]) -> bytes:
    """The content of a GLB file, one named mesh per box. Raises GlbError."""
    told = json.dumps([asdict(cuboid) for cuboid in cuboids]).encode()
    words = [sys.executable, "-m", "pages.parts.glb"]
    try:
        done = subprocess.run(words, input=told, capture_output=True, check=True, timeout=TIME_LIMIT_S, cwd=ROOT)
        return done.stdout
    except (subprocess.SubprocessError, OSError) as error:
        raise GlbError(f"the GLB file could not be made: {error}") from error


def _export(cuboids: Sequence[Cuboid]) -> bytes:
    import trimesh

    scene = trimesh.Scene()
    for cuboid in cuboids:
        mesh = trimesh.creation.box(extents=_y_upwards(cuboid.size))
        x, height, depth = _y_upwards(cuboid.centre)
        mesh.apply_translation((x, height, -depth))
        mesh.visual = trimesh.visual.TextureVisuals(
            material=trimesh.visual.material.PBRMaterial(
                baseColorFactor=[int(cuboid.colour[at : at + 2], 16) for at in (1, 3, 5)] + [255],
                metallicFactor=0.0, roughnessFactor=0.8, name=cuboid.name,
            )
        )  # fmt: skip
        scene.add_geometry(mesh, node_name=cuboid.name, geom_name=cuboid.name)
    content: bytes = scene.export(file_type="glb")
    return content


def _y_upwards(lengths: tuple[float, float, float]) -> tuple[float, float, float]:
    """In glTF it is y that goes upwards."""
    return lengths[0], lengths[2], lengths[1]


if __name__ == "__main__":
    sys.stdout.buffer.write(_export([Cuboid(**item) for item in json.load(sys.stdin)]))
