"""The tables of a run folder that follow from its hits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lrp2_bench.commands.search.hits import RelationHits
from lrp2_bench.core.types import all_pairs
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.facts import FACTS, write_facts
from lrp2_bench.results.hits import write_hits
from lrp2_bench.results.tables import PairRow, write_pairs


def write_views(folder: Path, hits: Sequence[RelationHits], blocks: int) -> list[PairRow]:
    """``hits.parquet``, ``pivot_hits.parquet``, ``facts.parquet`` and ``pairs.csv``; the rows of the last."""
    settings = (None, *all_pairs(blocks))
    write_hits(folder / "hits.parquet", ((h.relation.name, h.relation.facts, settings, h.language) for h in hits))
    write_hits(
        folder / "pivot_hits.parquet", ((h.relation.name, h.pivot_relation.facts, [None], h.pivot) for h in hits)
    )
    write_facts(folder / FACTS, ((h.relation, h.pivot_relation) for h in hits))
    rows = _pair_rows(hits, blocks)
    write_pairs(folder / "pairs.csv", rows)
    return rows


def _pair_rows(hits: Sequence[RelationHits], blocks: int) -> list[PairRow]:
    """A row for each setting that was evaluated on every fact."""
    language = np.concatenate([h.language for h in hits], axis=1)
    pivot = np.concatenate([h.pivot_by_fact() for h in hits])
    facts, shared = language.shape[1], int((pivot >= 0).sum())
    accuracy, transferability = metrics.accuracy(language), metrics.transferability(language, pivot)
    complete = metrics.fully_evaluated(language)
    return [
        PairRow(
            lirp=setting.lirp if setting else None,
            lsrp=setting.lsrp if setting else None,
            accuracy=accuracy[row],
            transferability=transferability[row],
            facts=facts,
            shared=shared,
        )
        for row, setting in enumerate((None, *all_pairs(blocks)))
        if complete[row]
    ]
