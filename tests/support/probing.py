"""Relations written by hand, and what a probe makes of them on the untouched model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lrp2_bench.grid.engine import evaluate, final_states
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.notices import Notices
from lrp2_bench.probing.build import build_probe
from lrp2_bench.probing.pools import Pool, pool_of
from lrp2_bench.probing.probe import Probe
from lrp2_bench.settings import GridSettings, ModelSettings, ProbingSettings
from lrp2_bench.types import Fact, Hits, Relation


def load(folder: Path) -> LayeredModel:
    settings = ModelSettings(path=str(folder), device="cpu")
    return load_model(find_checkpoint(settings), settings)


def relation_of(template: str, facts: Sequence[tuple[str, str]], others: Sequence[str] = ()) -> Relation:
    """(subject, object) pairs as a relation; ``others`` are objects of facts that a limit has cut off."""
    labels = [*(object_ for _, object_ in facts), *others]
    ids = {label: f"Q{number}" for number, label in enumerate(dict.fromkeys(labels))}
    made = tuple(
        Fact("P1", line, f"uuid-{line}", subject, f"S{line}", object_, ids[object_])
        for line, (subject, object_) in enumerate(facts)
    )
    return Relation("P1", template, made, {id_: label for label, id_ in ids.items()})


def probe_of(
    model: LayeredModel,
    relation: Relation,
    notices: Notices | None = None,
    probing: ProbingSettings | None = None,
    grid: GridSettings | None = None,
) -> tuple[Probe, Pool]:
    """The probe with the full pool."""
    pool = pool_of(relation, None, 0)
    settings = probing or ProbingSettings(), grid or GridSettings()
    return build_probe(model, relation, pool, "xx P1", *settings, notices or Notices()), pool


def baseline_hits(model: LayeredModel, relation: Relation, notices: Notices | None = None) -> Hits:
    """``[fact]``."""
    probe, pool = probe_of(model, relation, notices)
    return evaluate(probe, plan_grid(model.blocks, ()), None, pool.gold, Notices(), lambda steps=1: None)[0]


def score_table(probe: Probe, pool: Pool) -> np.ndarray:
    """``[fact, candidate]``, minus infinity where the probe never asks."""
    table = np.full(pool.allowed.shape, -np.inf)
    with torch.inference_mode():
        for batch in probe.batches:
            [(_, hidden)] = final_states(probe.model, batch, plan_grid(probe.model.blocks, ()), None)
            scores = probe.scores(batch, hidden)
            for row, fact in enumerate(batch.facts.tolist()):
                for column, candidate in enumerate(batch.candidates[row].tolist()):
                    if candidate >= 0:
                        assert table[fact, candidate] == -np.inf, "a candidate is scored twice"
                        table[fact, candidate] = scores[row, column].item()
    return table
