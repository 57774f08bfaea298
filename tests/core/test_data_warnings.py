"""Counted warnings: once a kind, with the count and the first places."""

from __future__ import annotations

import logging

import pytest

from lrp2_bench.core.data_warnings import DataWarnings


def test_a_kind_is_logged_once_with_its_count_and_first_places(caplog: pytest.LogCaptureFixture) -> None:
    data_warnings = DataWarnings()
    for place in ("de P1", "de P2", "de P2", "de P3", "de P4"):
        data_warnings.add("Empty relations", place)
    data_warnings.add("Broken lines", "de P9 line 1", 7)
    data_warnings.report()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "Empty relations: 5 (de P1; de P2; de P3, ...)"),
        (logging.WARNING, "Broken lines: 7 (de P9 line 1, ...)"),
    ]


def test_a_second_report_tells_only_what_is_new(caplog: pytest.LogCaptureFixture) -> None:
    data_warnings = DataWarnings()
    data_warnings.add("Old", "a")
    data_warnings.add("Growing", "a")
    data_warnings.report()
    caplog.clear()
    data_warnings.report()
    assert not caplog.records
    data_warnings.add("Growing", "b")
    data_warnings.report()
    assert [record.getMessage() for record in caplog.records] == ["Growing: 2 (a; b)"]


def test_what_never_happened_counts_nothing() -> None:
    data_warnings = DataWarnings()
    assert data_warnings.count("Anything") == 0
    assert data_warnings.as_dict() == {}


def test_the_manifest_gets_counts_and_examples_of_its_own() -> None:
    data_warnings = DataWarnings()
    data_warnings.add("Kind", "here", 2)
    told = data_warnings.as_dict()
    assert told == {"Kind": {"count": 2, "examples": ["here"]}}
    data_warnings.add("Kind", "there")
    assert told == {"Kind": {"count": 2, "examples": ["here"]}}
