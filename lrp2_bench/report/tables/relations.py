"""Figures 6 and 7 as numbers: to how many languages each relation transfers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrp2_bench.data.relation_names import relation_name
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.method import method
from lrp2_bench.stats.relations import RelationScore


@dataclass(frozen=True)
class RelationSummary:
    """One relation over the ``languages`` that share facts of it with the pivot: in how many transferability ``rises``
    and ``falls`` at the language's best pair, and its means in percent."""

    relation: str
    languages: int
    rises: int
    falls: int
    without: float
    lrp2: float

    @property
    def share(self) -> float:
        """Percent of the languages to which the relation transfers better."""
        return 100.0 * self.rises / self.languages


def summarise_relations(found: AssessedRuns) -> list[RelationSummary]:
    """The relations of a model's assessed languages, the one that rises in the largest share of languages first."""
    scores: dict[str, list[RelationScore]] = {}
    for each in found.assessed.values():
        for score in each.assessed.relations:
            scores.setdefault(score.relation, []).append(score)
    summaries = [_summary(relation, members) for relation, members in scores.items()]
    return sorted(summaries, key=lambda one: (-one.share, -one.lrp2 + one.without, one.relation))


def _summary(relation: str, scores: Sequence[RelationScore]) -> RelationSummary:
    return RelationSummary(
        relation,
        len(scores),
        sum(score.lrp2 > score.without for score in scores),
        sum(score.lrp2 < score.without for score in scores),
        math.fsum(score.without for score in scores) / len(scores),
        math.fsum(score.lrp2 for score in scores) / len(scores),
    )


def relations_table(found: AssessedRuns) -> Table:
    """One row a relation, as in :func:`summarise_relations`."""
    return Table(
        name=f"relations_{found.model}_{found.dataset}",
        title=f"Languages to which each relation transfers, {found.model} on {found.dataset} "
        "(the paper's Figures 6 and 7)",
        columns=(
            Column("relation", "relation", "text"),
            Column("name", "name", "text"),
            Column("rises", "rises in", "share"),
            Column("share", "rises, percent", "percent"),
            Column("falls", "falls in", "count"),
            Column("without", "transf. baseline", "percent"),
            Column("lrp2", f"transf. {method(found.runs[0])}", "percent"),
            Column("change", "change", "change"),
        ),
        rows=tuple(_row(one) for one in summarise_relations(found)),
        notes=(
            f"Rises, falls: languages whose best pair by {found.select_by} raises or lowers transferability over the "
            "relation's own shared facts; in the others it stays. Of: languages that share facts of it with the pivot.",
            "Transferability: means over these languages, in-sample (chosen and reported on the same facts), as in "
            "the paper.",
        ),
    )


def _row(one: RelationSummary) -> tuple[Cell, ...]:
    return (
        one.relation, relation_name(one.relation) or None, (one.rises, one.languages), one.share, one.falls,
        one.without, one.lrp2, one.lrp2 - one.without,
    )  # fmt: skip
