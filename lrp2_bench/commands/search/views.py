"""The tables of a run folder that follow from its hits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.core.types import Setting
from lrp2_bench.metrics.base import FactHits, Metric
from lrp2_bench.metrics.hits import fully_evaluated
from lrp2_bench.metrics.registry import PAPER
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.tables import PairRow


def write_views(
    folder: Path, hits: Sequence[RelationHits], settings: Sequence[Setting], measured: Sequence[Metric]
) -> list[PairRow]:
    """``hits.parquet``, ``pivot_hits.parquet``, ``facts.parquet`` and ``pairs.csv``; the rows of the last, with the
    metrics ``measured``. ``settings``, in order, are those of the hits' rows."""
    files = RunFolder(folder)
    files.write_hits((h.relation.name, h.relation.facts, settings, h.language) for h in hits)
    files.write_pivot_hits((h.relation.name, h.pivot_relation.facts, [None], h.pivot) for h in hits)
    files.write_facts((h.relation, h.pivot_relation) for h in hits)
    rows = _pair_rows(hits, settings, measured)
    files.write_pairs(rows)
    return rows


def _pair_rows(hits: Sequence[RelationHits], settings: Sequence[Setting], measured: Sequence[Metric]) -> list[PairRow]:
    """A row for each setting that was evaluated on every fact."""
    every = np.concatenate([h.language for h in hits], axis=1)
    relations = tuple(h.relation.name for h in hits for _ in h.relation.facts)
    data = FactHits(every, np.concatenate([h.pivot_by_fact() for h in hits]), relations, every[0])
    values = {metric.name: metric.values(data) for metric in measured}
    complete = fully_evaluated(data.hits)
    return [
        PairRow(
            lirp=setting.lirp if setting else None,
            lsrp=setting.lsrp if setting else None,
            accuracy=values["accuracy"][row],
            transferability=values["transferability"][row],
            facts=len(data.relations),
            shared=int((data.pivot >= 0).sum()),
            further={name: float(found[row]) for name, found in values.items() if name not in PAPER},
            strength=setting.strength if setting else None,
            strength_back=setting.strength_back if setting else None,
        )
        for row, setting in enumerate(settings)
        if complete[row]
    ]
