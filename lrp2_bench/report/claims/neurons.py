"""The paper's claim on knowledge neurons (Table 2), from the tables of finished analyses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.analyses.finished import StoredAnalysis
from lrp2_bench.render.table import Table
from lrp2_bench.report.claims.check import INCONCLUSIVE, Check, by_sign, counted, points_of
from lrp2_bench.stats.across_languages import mean_over_languages

_NAME, _CLAIM, _PAPER = "neurons_overlap", "Languages share more knowledge neurons (Table 2)", "+0.4"
_NEEDED = ("language", "setting", "average")


def neuron_checks(analyses: Sequence[StoredAnalysis]) -> Iterator[tuple[str, Check]]:
    """A check for each `analysis=neurons` with LRP2, under what it is of; an inconclusive one without any.

    Its figure is the change of the overlap over all pairs of relations, a number a language.
    """
    found = False
    for analysis in analyses:
        for table in analysis.tables if analysis.name == "neurons" else ():
            changes = _changes(table)
            if not changes:
                continue
            found = True
            figure = mean_over_languages(list(changes.values()))
            outcome, why = by_sign(figure)
            subject = f"knowledge neurons of {analysis.model}, {counted(changes)}"
            yield subject, Check(_NAME, _CLAIM, outcome, points_of(figure, "points of overlap"), _PAPER, why, figure)
    if not found:
        why = "Needs `lrp2-bench analyze analysis=neurons`."
        yield "not in stored hits", Check(_NAME, _CLAIM, INCONCLUSIVE, paper=_PAPER, why=why)


def _changes(table: Table) -> dict[str, float]:
    """By language, in percent points; nothing of another table, or where LRP2 was left out."""
    place = {column.key: number for number, column in enumerate(table.columns)}
    if any(key not in place for key in _NEEDED):
        return {}
    overlap: dict[str, list[float]] = {}
    for row in table.rows:
        language, average = str(row[place["language"]]), row[place["average"]]
        if isinstance(average, float | int):
            overlap.setdefault(language, []).append(float(average))
    return {language: both[1] - both[0] for language, both in overlap.items() if len(both) == 2}
