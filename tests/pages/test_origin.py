"""The repository that the footer names."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.parts.frame import LICENCE, footer
from pages.parts.origin import repository

CONFIG = """[core]
\tbare = false
[remote "origin"]
\tfetch = +refs/heads/*:refs/remotes/origin/*
\turl = {url}
[branch "main"]
\tremote = origin
"""
HERE = "https://example.org/team/onegin"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://example.org/team/onegin.git", HERE),
        ("https://example.org/team/onegin/", HERE),
        ("https://somebody:secret@example.org/team/onegin.git", HERE),
        ("git@example.org:team/onegin.git", HERE),
        ("ssh://git@example.org:2222/team/onegin.git", HERE),
        ("/somewhere/onegin", ""),
        ("file:///somewhere/onegin", ""),
        ('https://example.org/"><script>', ""),
    ],
)
def test_the_origin_of_a_clone_becomes_an_address_without_secrets(url: str, address: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text(CONFIG.format(url=url))
    assert repository(tmp_path) == address


def test_a_copy_without_git_or_origin_has_none(tmp_path: Path) -> None:
    assert repository(tmp_path / "none") == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text('[remote "other"]\n\turl = https://example.org/x\n')
    assert repository(tmp_path) == ""


def test_the_footer_leads_to_the_repository_where_there_is_one() -> None:
    assert f'<a href="{HERE}" target="_blank" rel="noopener">Repository</a>' in footer(HERE)
    assert "Repository" not in footer("") and f'href="{LICENCE}"' in footer("")
