"""Doing without a package that is installed."""

from __future__ import annotations

import sys

import pytest

from hpo_core.imports import absent


def test_a_package_is_absent_within_and_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with absent("this"), pytest.raises(ModuleNotFoundError):
        import this  # noqa: F401
    assert "this" not in sys.modules


def test_it_is_there_again_after_an_error_within() -> None:
    with pytest.raises(ZeroDivisionError), absent("this"):
        raise ZeroDivisionError
    assert "this" not in sys.modules


def test_one_that_is_loaded_stays() -> None:
    before = sys.modules["pytest"]
    with absent("pytest"):
        assert sys.modules["pytest"] is before
    assert sys.modules["pytest"] is before
