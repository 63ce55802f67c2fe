"""Tests of reading the log."""

from __future__ import annotations

from pathlib import Path

from hpo_core.logs import tail, whole


def test_the_log_of_a_run_is_taken_with_what_was_rotated_away(tmp_path: Path) -> None:
    log = tmp_path / "onegin.log"
    for number, line in ((2, "oldest"), (1, "older")):
        log.with_name(f"{log.name}.{number}").write_text(f"moment INFO [a] {line}\nmoment INFO [b] of another\n")
    log.write_text("moment INFO [a] newest\nmoment INFO - of nobody\n")
    assert [line.split()[-1] for line in whole(log, "[a]")] == ["oldest", "older", "newest"]
    assert len(whole(log)) == 6 and whole(log.with_name("none")) == []


def test_lines_that_lie_far_back_are_found(tmp_path: Path) -> None:
    log = tmp_path / "onegin.log"
    log.with_name("onegin.log.1").write_text("moment INFO [old] first\n")
    log.write_text("moment INFO [a] begins\n" + "moment INFO [b] goes on\n" * 200_000)
    assert tail(log, 5, "[a]") == ["moment INFO [a] begins"] == tail(log, 5, "[a]", "BEGINS")
    assert tail(log, 5, "[old]") == ["moment INFO [old] first"] and tail(log, 5, "[c]") == []
    assert tail(log, 2, "[b]") == ["moment INFO [b] goes on"] * 2
