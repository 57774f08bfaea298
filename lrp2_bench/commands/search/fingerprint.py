"""What decides hits, and so which runs may share a folder."""

from __future__ import annotations

from typing import Any

from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.probing.build import pool_size


def run_identity(
    settings: SearchCommand,
    model: LayeredModel,
    checkpoint: Checkpoint,
    facts: ParallelFacts,
    dataset_name: str,
    projection: Projection,
) -> dict[str, Any]:
    """What decides hits, and nothing else. Null: not fixed yet, as vectors are while only baselines have run."""
    return {
        "model": {"digest": checkpoint.digest, "precision": settings.model.precision.value},
        "dataset": {"name": dataset_name, "digest": facts.digest},
        "language": settings.language,
        "pivot": settings.pivot,
        "vectors": {
            "language": projection.origin(settings.language),
            "pivot": projection.origin(settings.pivot),
            **({"other": projection.origin(projection.other)} if projection.other else {}),
        },
        "probing": {
            "pool_size": pool_size(model, settings.probing) or "full",
            "sentence_score": settings.probing.sentence_score.value if model.family == "causal" else "mean",
            "seed": settings.seed,
        },
        "projection": projection.name,
    }
