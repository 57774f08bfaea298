"""Run folders of searched strengths, with hits drawn at random, as a search writes them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from lrp2_bench.commands.report_contents import Contents, Remarks, contents_of
from lrp2_bench.commands.search.board import RelationHits
from lrp2_bench.commands.search.views import write_views
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.settings import StatsSettings
from lrp2_bench.core.types import Fact, Relation, Setting, all_pairs
from lrp2_bench.metrics.registry import chosen_metrics
from tests.support.run_folders import write_run

FACTS = 120


def write_strength_run(
    root: Path,
    language: str,
    strengths: Sequence[float] = (),
    *,
    model: str = "mbert",
    projection: str = "lrp2",
    own: float = 1.0,
    blocks: int = 3,
) -> Path:
    """``root/paper/MODEL/mlama/LANGUAGE``, every pair at each of ``strengths``, or at the run's ``own`` alone; of
    baselines where there are no ``blocks``. Pairs win a few facts, the first most."""
    pairs = [pair.at(each) for pair in all_pairs(blocks) for each in strengths] if strengths else all_pairs(blocks)
    settings: tuple[Setting, ...] = (None, *pairs)
    experiment = "paper" if projection == "lrp2" else f"paper/{projection}"
    folder = write_run(
        root, language, (0, 0), {(1, 2): (0, 0)} if pairs else None, model=model, blocks=3, experiment=experiment,
        manifest={
            "projection": {"kind": "lrp2", "label": projection, "strength": [own, own]},
            "config": {"experiment": {"name": "paper"}},
        },
    )  # fmt: skip
    seed = list(map(ord, language))
    baseline = np.random.default_rng(seed).random(FACTS) < 0.4
    draws = [np.random.default_rng([*seed, 1 + at]).random(FACTS) for at in range(len(pairs))]
    won = [draw < (0.05 if at else 0.2) for at, draw in enumerate(draws)]
    hits = np.array([baseline, *(baseline | each for each in won)], dtype=np.int8)
    pivot = (np.random.default_rng(1).random((1, FACTS)) < 0.6).astype(np.int8)
    facts = tuple(Fact("P36", n, f"fact {n}", f"s{n}", f"S{n}", f"o{n}", f"O{n}") for n in range(FACTS))
    relation = Relation("P36", "[X] is [Y].", facts, {fact.object_id: fact.object for fact in facts})
    write_views(folder, [RelationHits(relation, relation, hits, pivot)], settings, chosen_metrics([], "accuracy"))
    return folder


def contents_below(root: Path, select_by: str = "accuracy") -> Contents:
    """What a report says of the runs below ``root``."""
    console = Console(file=io.StringIO(), quiet=True)
    return contents_of([root], select_by, [], GROUPS, console, StatsSettings(), Remarks(console))
