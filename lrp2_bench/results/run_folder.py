"""Everything in a run's folder, read and written in one place; :mod:`~lrp2_bench.results.layout` has the names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrp2_bench.core.reading import find_object, read_object
from lrp2_bench.core.types import Fact, Hits, Relation, Setting
from lrp2_bench.results import layout
from lrp2_bench.results.damage import DamageRow, read_damage
from lrp2_bench.results.draws import DrawRow, read_draws
from lrp2_bench.results.facts import FactText, read_facts, write_facts
from lrp2_bench.results.hits import write_hits
from lrp2_bench.results.score_tables import Answer, ScoreMetricRow, read_answers, read_score_metrics
from lrp2_bench.results.scores import read_scores
from lrp2_bench.results.stored_hits import FactKey, StoredHits, read_hits
from lrp2_bench.results.tables import (
    AlignmentRow,
    PairRow,
    read_alignment,
    read_pairs,
    write_alignment,
    write_pairs,
)

if TYPE_CHECKING:
    import pandas as pd

#: By relation: its name, its facts, the settings, and hits ``[setting, fact]``.
HitsParts = Iterable[tuple[str, Sequence[Fact], Sequence[Setting], Hits]]


@dataclass(frozen=True)
class RunFolder:
    """The files of one run. Reading raises :class:`~lrp2_bench.core.errors.BenchError` where a file is missing or
    damaged, reported the same way; writing leaves a file whole or as it was.

    Hits as they are computed are kept by :class:`~lrp2_bench.results.hits.HitsStore`, the manifest is written by
    :mod:`~lrp2_bench.results.identity` and the status by :mod:`~lrp2_bench.results.status`, for several jobs may write
    those at once.
    """

    path: Path

    def manifest(self) -> dict[str, Any]:
        return read_object(self.path / layout.MANIFEST, "Run the same `lrp2-bench search` again.")

    def find_manifest(self) -> Mapping[str, Any]:
        """Empty where there is none that can be read."""
        return find_object(self.path / layout.MANIFEST)

    def find_status(self) -> Mapping[str, Any]:
        """What the job reports of itself; empty where there is nothing that can be read."""
        return find_object(self.path / layout.STATUS)

    def pairs(self) -> list[PairRow]:
        """The baseline, then every fully evaluated pair in order."""
        return read_pairs(self.path / layout.PAIRS)

    def hits(self) -> StoredHits:
        return read_hits(self.path / layout.HITS)

    def pivot_hits(self, facts: Sequence[FactKey]) -> Hits:
        """``[fact]``: the pivot's baseline hits of ``facts``, -1 where the pivot lacks one."""
        return self.stored_pivot_hits().by_fact(None, facts)

    def stored_pivot_hits(self) -> StoredHits:
        return read_hits(self.path / layout.PIVOT_HITS, may_be_empty=True)

    def facts(self) -> Mapping[FactKey, FactText]:
        """The facts' texts by (relation, uuid)."""
        return read_facts(self.path / layout.FACTS)

    def scores(self) -> pd.DataFrame:
        """What `lrp2-bench score` made: a row for every fact, setting and candidate."""
        return read_scores(self.path / layout.SCORES)

    def answers(self) -> list[Answer]:
        """What is ranked first for each fact, in the settings that were scored."""
        return read_answers(self.path / layout.ANSWERS)

    def score_metrics(self) -> list[ScoreMetricRow]:
        return read_score_metrics(self.path / layout.SCORE_METRICS)

    def alignment(self) -> list[AlignmentRow]:
        return read_alignment(self.path / layout.ALIGNMENT)

    def damage(self) -> list[DamageRow]:
        """The baseline, then the pairs reported; none where the run measured none."""
        return read_damage(self.path / layout.DAMAGE)

    def draws(self) -> list[DrawRow]:
        """The best pair, then random interventions of its KL; none where the run drew none."""
        return read_draws(self.path / layout.DRAWS)

    def has(self, name: str) -> bool:
        """Whether there is a file of that name of :mod:`~lrp2_bench.results.layout`."""
        return (self.path / name).is_file()

    def write_pairs(self, rows: Sequence[PairRow]) -> None:
        write_pairs(self.path / layout.PAIRS, rows)

    def write_hits(self, parts: HitsParts) -> None:
        write_hits(self.path / layout.HITS, parts)

    def write_pivot_hits(self, parts: HitsParts) -> None:
        write_hits(self.path / layout.PIVOT_HITS, parts)

    def write_facts(self, relations: Iterable[tuple[Relation, Relation]]) -> None:
        """``relations`` are (the language's, the pivot's)."""
        write_facts(self.path / layout.FACTS, relations)

    def write_alignment(self, rows: Sequence[AlignmentRow]) -> None:
        write_alignment(self.path / layout.ALIGNMENT, rows)
