"""Run folders with everything that the page reads, hits drawn at random: as many blocks and facts as asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrp2_bench.core.types import Fact, Hits, Relation, all_pairs
from lrp2_bench.metrics import hits as metrics
from lrp2_bench.report.assessed_runs import AssessedRuns, assess_runs
from lrp2_bench.results.facts import write_facts
from lrp2_bench.results.hits import write_hits
from lrp2_bench.results.layout import FACTS
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import AlignmentRow, write_alignment
from tests.support.run_folders import write_run


def assessed_groups(runs: Sequence[Run], select_by: str = "transferability") -> list[AssessedRuns]:
    """``runs`` by model and dataset, assessed, as a report hands them to the page."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.model, run.dataset), []).append(run)
    return [assess_runs(members, select_by) for members in groups.values()]


def write_page_run(
    root: Path,
    language: str,
    *,
    model: str = "mbert",
    dataset: str = "mlama",
    blocks: int = 4,
    relations: Sequence[str] = ("P30", "P36"),
    facts: int = 20,
    labels: Sequence[str] = (),
    seed: int = 0,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """``root/paper/MODEL/DATASET/LANGUAGE`` with ``facts`` facts a relation, of which the pivot lacks every tenth.

    Pairs flip a few of the baseline's hits, the nearer to the middle of the model the more of them to the
    better. ``labels`` are the first facts' objects; the others are plain.
    """
    rng = np.random.default_rng([seed, *map(ord, language)])
    ours = [_relation(name, language, facts, labels) for name in relations]
    theirs = [_relation(name, "en", facts, labels, lacks=10) for name in relations]
    settings = (None, *all_pairs(blocks))
    hits = _hits(rng, blocks, facts * len(relations))
    pivot = (rng.random(hits.shape[1]) < 0.6).astype(np.int8)
    pivot[np.tile(np.arange(facts) % 10 == 0, len(relations))] = -1
    scores = list(zip(metrics.accuracy(hits), metrics.transferability(hits, pivot), strict=True))
    folder = write_run(
        root, language, scores[0], {(s.lirp, s.lsrp): score for s, score in zip(settings, scores, strict=True) if s},
        model=model, dataset=dataset, blocks=blocks, facts=hits.shape[1], shared=int((pivot >= 0).sum()),
        manifest=manifest,
    )  # fmt: skip
    by_relation = np.split(hits, len(relations), axis=1), np.split(pivot, len(relations))
    write_hits(
        folder / "hits.parquet",
        [(each.name, each.facts, settings, part) for each, part in zip(ours, by_relation[0], strict=True)],
    )
    write_hits(
        folder / "pivot_hits.parquet",
        [(r.name, r.facts, [None], part[part >= 0][None]) for r, part in zip(theirs, by_relation[1], strict=True)],
    )
    write_facts(folder / FACTS, zip(ours, theirs, strict=True))
    write_alignment(
        folder / "alignment.csv",
        [
            AlignmentRow(layer, 0.5 + 0.3 * math.sin(layer), 0.6 + 0.3 * math.sin(layer), 80)
            for layer in range(blocks + 1)
        ],
    )
    return folder


def _hits(rng: np.random.Generator, blocks: int, facts: int) -> Hits:
    baseline = rng.random(facts) < 0.4
    rows = [baseline]
    for pair in all_pairs(blocks):
        off_centre = (abs(pair.lirp - 0.4 * blocks) + abs(pair.lsrp - 0.7 * blocks)) / blocks
        won = ~baseline & (rng.random(facts) < 0.08 * math.exp(-2 * off_centre))
        lost = baseline & (rng.random(facts) < 0.02 + 0.9 * off_centre**2)
        rows.append((baseline | won) & ~lost)
    return np.array(rows, dtype=np.int8)


def _relation(name: str, language: str, facts: int, labels: Sequence[str], lacks: int = 0) -> Relation:
    """``facts`` facts, less those whose number ``lacks`` divides."""
    made = [
        Fact(
            name, line, f"{name}-{line:06d}", f"{language} subject {line} of {name}", f"S{line}",
            labels[line] if line < len(labels) else f"{language} answer {line % 90}", f"Q{line % 90}",
        )
        for line in range(facts)
        if not lacks or line % lacks
    ]  # fmt: skip
    return Relation(name, f"[X] is in {language} told of [Y] .", tuple(made), {f.object_id: f.object for f in made})
