"""Tests of reading the log."""

from __future__ import annotations

from pathlib import Path

from hpo_core.logs import whole


def test_the_log_of_a_run_is_taken_with_what_was_rotated_away(tmp_path: Path) -> None:
    log = tmp_path / "onegin.log"
    for number, line in ((2, "oldest"), (1, "older")):
        log.with_name(f"{log.name}.{number}").write_text(f"moment INFO [a] {line}\nmoment INFO [b] of another\n")
    log.write_text("moment INFO [a] newest\nmoment INFO - of nobody\n")
    assert [line.split()[-1] for line in whole(log, "[a]")] == ["oldest", "older", "newest"]
    assert len(whole(log)) == 6 and whole(log.with_name("none")) == []
