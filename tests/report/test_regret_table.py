"""The tables of regret say how sure it is which pair is the best."""

from __future__ import annotations

import pytest

from lrp2_bench.report.tables.regret import curve_table, regret_table

pytestmark = pytest.mark.no_torch


def test_the_notes_say_that_clusters_of_facts_are_resampled() -> None:
    for table in (regret_table("regret", "Regret", {}), curve_table("regret", "Regret", {})):
        notes = " ".join(table.notes)
        assert "paired bootstrap, 1,000 resamples of clusters of facts" in notes and "relations" not in notes
