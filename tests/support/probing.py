"""Relations written by hand, what a probe makes of them on the baseline, and in which order it ranks labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ModelSettings, Precision, ProbingSettings
from lrp2_bench.core.types import Fact, Hits, Relation
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import GridPlan, plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.projection import Shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import Pool, pool_of
from lrp2_bench.probing.probe import FinalStates, Probe, Queries

#: Room for everything the tests run.
AMPLE = Limits(4096, 2048)


def load(folder: Path, precision: Precision = Precision.float32) -> LayeredModel:
    settings = ModelSettings(path=str(folder), device="cpu", precision=precision)
    return load_model(find_checkpoint(settings), settings)


def fact_of(subject: str, object_: str = "") -> Fact:
    """A fact of which nothing but its texts matters."""
    return Fact("P1", 0, "uuid-0", subject, subject, object_, object_)


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
    data_warnings: DataWarnings | None = None,
    probing: ProbingSettings | None = None,
    pool: Pool | None = None,
    log_partition: LogPartition | None = None,
) -> Probe:
    """The probe, with the full pool and the log-partition of a job unless others are given."""
    return build_probe(
        model,
        relation,
        pool_of(relation, None, 0) if pool is None else pool,
        "xx P1",
        probing or ProbingSettings(),
        log_partition or build_log_partition(model, GridSettings()),
        data_warnings or DataWarnings(),
    )


def hits_of(
    probe: Probe, facts: int, plan: GridPlan | None = None, shifts: Shifts | Edit | None = None, limits: Limits = AMPLE
) -> Hits:
    """``[setting, fact]``; of the baseline alone unless there is a plan."""
    return evaluate(
        probe, plan or plan_grid(probe.model.blocks, ()), shifts, range(facts), limits, lambda steps=1: None
    )


def baseline_hits(model: LayeredModel, relation: Relation, data_warnings: DataWarnings | None = None) -> Hits:
    """``[fact]``."""
    return hits_of(probe_of(model, relation, data_warnings), len(relation.facts))[0]


def outranks(
    model: LayeredModel,
    template: str,
    subjects: Sequence[str],
    labels: Sequence[str],
    probing: ProbingSettings | None = None,
    limits: Limits = AMPLE,
    log_partition: LogPartition | None = None,
) -> np.ndarray:
    """``[subject, a, b]``: whether label a is the answer where only labels a and b are asked for (all but a = b).

    A fact for every subject and ordered pair of labels, so that the order of all scores shows, not just the best.
    """
    asked = [(subject, a, b) for subject in subjects for a in labels for b in labels if a != b]
    relation = relation_of(template, [(subject, a) for subject, a, _ in asked], labels)
    index = {label: number for number, label in enumerate(relation.pool)}
    gold = np.array([index[a] for _, a, _ in asked], dtype=np.int64)
    allowed = np.zeros((len(asked), len(index)), dtype=np.bool_)
    for row, (_, a, b) in enumerate(asked):
        allowed[row, [index[a], index[b]]] = True
    probe = probe_of(model, relation, None, probing, Pool(relation.pool, gold, allowed), log_partition)
    hits = iter(hits_of(probe, len(asked), limits=limits)[0])
    table = np.zeros((len(subjects), len(labels), len(labels)), dtype=np.bool_)
    for subject in range(len(subjects)):
        for a in range(len(labels)):
            for b in range(len(labels)):
                table[subject, a, b] = bool(next(hits)) if a != b else False
    return table


def assert_ranked_by(ours: np.ndarray, scores: np.ndarray, tolerance: float = 1e-4) -> None:
    """That :func:`outranks` orders labels as ``scores``, ``[subject, label]``, wherever those are further apart."""
    apart = scores[:, :, None] - scores[:, None, :]
    decided = np.abs(apart) > tolerance
    assert decided.mean() > 0.5, "too few labels differ for this to prove anything"
    assert (ours == (apart > 0))[decided].all()


class Recorder:
    """Runs queries as the engine does and keeps what was asked."""

    def __init__(self, runner: FrontierRunner) -> None:
        self.queries: list[Queries] = []
        self.wanted: list[Bool[Tensor, "query setting"]] = []
        self._runner = runner

    def __call__(self, queries: Queries, wanted: Bool[Tensor, "query setting"]) -> FinalStates:
        self.queries.append(queries)
        self.wanted.append(wanted.clone())
        return self._runner(queries, wanted)


def decide_all(
    probe: Probe, plan: GridPlan, shifts: Shifts | Edit | None, limits: Limits = AMPLE
) -> tuple[FrontierRunner, Recorder]:
    """Every batch of a probe decided; the runner with its work, and what was asked of it."""
    runner = FrontierRunner(probe.model, plan, shifts, limits.step_tokens)
    recorder = Recorder(runner)
    with torch.inference_mode():
        for batch in probe.batches(limits.query_tokens):
            probe.decide(batch, plan.settings, recorder)
    return runner, recorder
