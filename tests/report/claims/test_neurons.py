"""The check on knowledge neurons rests on the analyses that are there, and is inconclusive without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.analyses.finished import StoredAnalysis
from lrp2_bench.core.types import LayerPair
from lrp2_bench.render.table import Column, Table
from lrp2_bench.report.claims.check import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from lrp2_bench.report.claims.neurons import neuron_checks


def analysis(overlaps: dict[str, tuple[float, ...]], name: str = "neurons") -> StoredAnalysis:
    """Overlaps by language: baseline, and with LRP2 where there is a second."""
    rows = [
        (language, "LRP2" if number else "baseline", LayerPair(1, 3) if number else None, value)
        for language, values in overlaps.items()
        for number, value in enumerate(values)
    ]
    keys = (("language", "text"), ("setting", "text"), ("pair", "pair"), ("average", "percent"))
    table = Table("neurons_m_d", "Shared", tuple(Column(key, key, kind) for key, kind in keys), tuple(rows))
    other = Table("neurons_relations_m_d", "By relation", (Column("language", "language", "text"),), (("de",),))
    return StoredAnalysis(Path(), name, "m", (table, other), (), "default")


@pytest.mark.parametrize(
    ("gains", "outcome"),
    [((0.4, 0.5, 0.6), SUPPORTED), ((-0.4, -0.5, -0.6), CONTRADICTED), ((-1.0, 0.1, 1.0), INCONCLUSIVE)],
)
def test_the_change_over_languages_decides(gains: tuple[float, ...], outcome: str) -> None:
    found = analysis({code: (11.0, 11.0 + gain) for code, gain in zip(("de", "ru", "zh"), gains, strict=True)})
    ((subject, check),) = neuron_checks([found])
    assert subject == "knowledge neurons of m, 3 languages" and check.outcome == outcome
    assert check.figure is not None and check.figure.value == pytest.approx(sum(gains) / 3)


def test_one_language_is_too_few_and_its_number_is_shown() -> None:
    ((_, check),) = neuron_checks([analysis({"zh": (11.7, 12.1)})])
    assert check.outcome == INCONCLUSIVE and "Fewer than 3 languages" in check.why and "+0.4" in check.ours


@pytest.mark.parametrize("found", [[], [analysis({"de": (11.0,)})], [analysis({"de": (11.0, 12.0)}, name="tokens")]])
def test_without_neurons_under_lrp2_it_cannot_be_told(found: list[StoredAnalysis]) -> None:
    ((subject, check),) = neuron_checks(found)
    assert subject == "not in stored hits" and check.outcome == INCONCLUSIVE and "analysis=neurons" in check.why
