"""The package of a run: complete, checkable with sha256sum, and never offered damaged."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from pathlib import Path

import pytest

from hpo_core import package
from hpo_core.files import with_part
from hpo_core.package import CHECKSUMS, PackageError, build_package


def test_everything_is_in_it_with_its_checksum(tmp_path: Path) -> None:
    model = tmp_path / "model.keras"
    model.write_bytes(bytes(range(256)) * 9000)
    made = build_package({"model/model.keras": model, "a ☃.txt": "é\n".encode()}, tmp_path / "run.zip")
    assert made.names == ("model/model.keras", "a ☃.txt", CHECKSUMS)
    assert made.size_bytes == made.path.stat().st_size > model.stat().st_size
    with zipfile.ZipFile(made.path) as opened:
        assert opened.read("model/model.keras") == model.read_bytes()
        listed = dict(reversed(line.split("  ", 1)) for line in opened.read(CHECKSUMS).decode().splitlines())  # type: ignore[misc]
    assert listed == {
        "model/model.keras": hashlib.sha256(model.read_bytes()).hexdigest(),
        "a ☃.txt": hashlib.sha256("é\n".encode()).hexdigest(),
    }


def test_entries_have_the_time_of_what_they_hold(tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(b"1")
    os.utime(file, (1_600_000_000, 1_600_000_000))
    contents: dict[str, Path | bytes] = {"old.csv": file, "told": b"2", "now": b"3", "before zip": b"4"}
    told = {"told": 1_500_000_000.0, "before zip": 0.0}
    made = build_package(contents, tmp_path / "run.zip", told, clock=lambda: 1_700_000_000.0)
    with zipfile.ZipFile(made.path) as opened:
        dates = {entry.filename: entry.date_time for entry in opened.infolist()}
    moments = {"old.csv": 1_600_000_000, "told": 1_500_000_000, "now": 1_700_000_000, CHECKSUMS: 1_700_000_000}
    for name, moment in moments.items():  # of seconds a zip file keeps the even ones
        assert abs(time.mktime((*dates[name], 0, 0, -1)) - moment) <= 1, name
    assert dates["before zip"] == (1980, 1, 1, 0, 0, 0)


def test_a_package_that_cannot_be_made_leaves_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "run.zip"
    build_package({"a": b"1"}, target)
    before = target.read_bytes()
    with pytest.raises(PackageError, match="No such file"):
        build_package({"a": b"2", "gone": tmp_path / "gone"}, target)
    with pytest.raises(PackageError, match="nothing to put"):
        build_package({}, target)
    assert target.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["run.zip"]


def test_what_is_not_what_was_put_in_is_found_out(tmp_path: Path) -> None:
    made = build_package({"a.png": b"0123456789" * 50}, tmp_path / "run.zip").path
    sums = {"a.png": hashlib.sha256(b"0123456789" * 50).hexdigest()}
    package._verify(made, sums)
    with pytest.raises(PackageError, match=r"a\.png is damaged"):
        package._verify(made, {"a.png": "0" * 64})
    with pytest.raises(PackageError, match="does not hold"):
        package._verify(made, {**sums, "b": ""})
    content = made.read_bytes()
    made.write_bytes(content.replace(b"0123456789", b"0123456780", 1))
    with pytest.raises((PackageError, zipfile.BadZipFile)):
        package._verify(made, sums)


def test_what_is_given_up_leaves_nothing_behind(tmp_path: Path) -> None:
    """`with_part` tidies up whatever was wrong, not only what the file system says."""

    def refuse(part: Path) -> None:
        part.write_bytes(b"half")
        raise PackageError("damaged")

    with pytest.raises(PackageError):
        with_part(tmp_path / "run.zip", refuse)
    assert list(tmp_path.iterdir()) == []
