"""What decides hits, and so which runs may share a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import ParallelFacts
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.vectors import load_vectors, vectors_path
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.probing.build import pool_size_of


def run_identity(
    settings: SearchCommand,
    model: LayeredModel,
    checkpoint: Checkpoint,
    facts: ParallelFacts,
    dataset_name: str,
    projection: Projection,
) -> dict[str, Any]:
    """What decides hits, and nothing else. Null: not fixed yet, as vectors are while only baselines have run."""
    return _identity(settings, model.family, checkpoint, facts, dataset_name, projection, projection.origin)


def early_identity(
    stored: Mapping[str, Any],
    settings: SearchCommand,
    checkpoint: Checkpoint,
    facts: ParallelFacts,
    dataset_name: str,
    projection: Projection,
    make_corpus: Callable[[], Corpus],
) -> dict[str, Any]:
    """:func:`run_identity` as far as it can be told without the model, beside the manifest of a stored run.

    What only a loaded model tells (its family, the shape of its vectors) is the stored run's.
    """
    corpora: list[Corpus] = []
    before = stored.get("identity", {})
    model = {"digest": checkpoint.digest, "precision": settings.model.precision.value}
    sides = {settings.language: "language", settings.pivot: "pivot", projection.other: "other"}

    def origin(language: str) -> str | None:
        if settings.search.kind is SearchKind.baseline:
            return None
        if settings.vectors.path is not None:
            path = vectors_path(Path(settings.vectors.path), language)
            vectors = load_vectors(path).of_model(checkpoint.digest, checkpoint.other_digest)
            fits = vectors.language == language and vectors.metadata.get("model_digest") == checkpoint.digest
            return vectors.origin if fits else None  # refused where they are read
        side = sides[language]
        code = before.get(side, projection.other)
        then = {key: value for key, value in stored.get("vectors", {}).get(code, {}).items() if key != "digest"}
        if sha256_json(then) != before.get("vectors", {}).get(side):
            return None
        if not corpora:
            corpora.append(make_corpus())
        sentences = corpora[0].sentences(language, DataWarnings())
        now = {
            "language": language, "corpus": corpora[0].name,
            "sentences": str(len(sentences)), "sentences_digest": sha256_json(list(sentences)),
        }  # fmt: skip
        if model != before.get("model"):  # which is refused in any case
            now |= {"model_digest": model["digest"], "precision": model["precision"]}
        return sha256_json({**then, **now})

    family = stored.get("model", {}).get("family")
    return _identity(settings, family, checkpoint, facts, dataset_name, projection, origin)


def _identity(
    settings: SearchCommand,
    family: str | None,
    checkpoint: Checkpoint,
    facts: ParallelFacts,
    dataset_name: str,
    projection: Projection,
    origin: Callable[[str], str | None],
) -> dict[str, Any]:
    probing = settings.probing
    return {
        "model": {"digest": checkpoint.digest, "precision": settings.model.precision.value},
        "dataset": {"name": dataset_name, "digest": facts.digest},
        "language": settings.language,
        "pivot": settings.pivot,
        "vectors": {
            "language": origin(settings.language),
            "pivot": origin(settings.pivot),
            **({"other": origin(projection.other)} if projection.other else {}),
        },
        "probing": {
            "pool_size": (pool_size_of(family, probing) or "full") if family else None,
            "sentence_score": (probing.sentence_score.value if family == "causal" else "mean") if family else None,
            "seed": settings.seed,
        },
        "projection": projection.name,
    }
