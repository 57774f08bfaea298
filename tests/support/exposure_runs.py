"""Run folders of testbed models on the embedded facts, hits drawn with a given chance by where the fact was seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench.analyses.exposure.compute import fact_statuses
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import ParallelFacts, all_pairs
from lrp2_bench.data.cldr.dataset import CldrDataset
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.results.hits import write_hits
from lrp2_bench.testbed.exposure import Exposure
from lrp2_bench.testbed.pretrained import Pretrained
from tests.support.run_folders import write_run

EXPOSURE = Exposure.default(("ar", "de", "ga", "hi", "tr", "zh"))
MODEL = Pretrained("tiny_mbert", EXPOSURE)
TWIN = Pretrained("tiny_mbert_twin", EXPOSURE.as_twin())
RELATIONS = ("P30", "P36", "P37", "P38")

#: Chance of a hit in percent by where the fact was seen.
CHANCES = {"seen": 90.0, "pivot": 40.0, "elsewhere": 55.0, "nowhere": 15.0}


@cache
def embedded(language: str, relations: tuple[str, ...] = RELATIONS) -> ParallelFacts:
    return CldrDataset(relations=relations).facts(language, "en", DataWarnings())


def write_exposure_run(
    root: Path,
    language: str,
    model: Pretrained = MODEL,
    *,
    folder: str | None = None,
    experiment: str = "paper",
    dataset: str = "cldr",
    blocks: int = 3,
    pairs: bool = True,
    chances: Mapping[str, float] = CHANCES,
    relations: tuple[str, ...] = RELATIONS,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """``root/experiment/MODEL/dataset/language`` as a search leaves it; draws are the same for a model and its twin
    where their chances are. Each pair flips a few of the baseline's hits."""
    facts = embedded(language, relations)
    keys = [(fact.relation, fact.uuid) for relation in facts.relations for fact in relation.facts]
    statuses = fact_statuses(keys, model.exposure, language)
    assert statuses is not None
    rng = np.random.default_rng(sum(map(ord, language)))
    settings = (None, *(all_pairs(blocks) if pairs and language != facts.pivot else ()))
    chance = sum(statuses.by[status] * value for status, value in chances.items())
    baseline = 100 * rng.random(len(keys)) < chance
    flips = rng.random((len(settings), len(keys))) < 0.05
    flips[0] = False
    hits = (baseline ^ flips).astype(np.int8)
    pivot_hits = np.ones(len(keys), dtype=np.int8)
    if model.exposure.twin:
        pivot_hits[statuses.held_out] = 0
    has = {fact.key for relation in facts.pivot_relations for fact in relation.facts}
    shared = np.array([fact.key in has for relation in facts.relations for fact in relation.facts])
    if language == facts.pivot:
        hits[0] = pivot_hits

    by_fact = np.where(shared, pivot_hits, -1).astype(np.int8)
    scores = list(zip(metrics.accuracy(hits), metrics.transferability(hits, by_fact), strict=True))
    run = write_run(
        root,
        language,
        scores[0],
        {(s.lirp, s.lsrp): score for s, score in zip(settings, scores, strict=True) if s is not None},
        experiment=experiment,
        model=folder or model.name,
        dataset=dataset,
        blocks=blocks,
        facts=len(keys),
        shared=int(shared.sum()),
        manifest={"testbed": model.as_dict(), **(manifest or {})},
    )
    ends = np.cumsum([len(relation.facts) for relation in facts.relations])[:-1]
    parts = zip(facts.relations, np.split(hits, ends, axis=1), strict=True)
    write_hits(run / "hits.parquet", [(relation.name, relation.facts, settings, part) for relation, part in parts])
    pivot_parts = [
        (relation.name, relation.facts, [None], part[None, kept])
        for relation, part, kept in zip(
            facts.pivot_relations, np.split(pivot_hits, ends), np.split(shared, ends), strict=True
        )
    ]
    write_hits(run / "pivot_hits.parquet", pivot_parts)
    return run
