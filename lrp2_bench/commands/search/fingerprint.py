"""What decides hits, and so which runs may share a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from lrp2_bench.commands.search.prepared import Inputs, SearchJob
from lrp2_bench.commands.search.projection import Projection
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.settings import ModelSettings, ProjectionTokens, SearchCommand, SearchKind, Templates
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.vectors import load_vectors, vectors_path
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.probing.build import pool_size_of, score_of
from lrp2_bench.results.baselines import Baselines

#: Where a language's vectors come from; None where that is not fixed yet.
Origin = Callable[[str], str | None]


def run_identity(job: SearchJob, inputs: Inputs, model: LayeredModel, projection: Projection) -> dict[str, Any]:
    """What decides hits, and nothing else. Null: not fixed yet, as vectors are while only baselines have run."""
    fit = projection.fitted.origin if projection.fitted else None
    return _identity(job, inputs, model.family, projection.origin, fit)


def early_identity(
    job: SearchJob, inputs: Inputs, make_corpus: Callable[[], Corpus], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """:func:`run_identity` as far as it is known without the model, beside the manifest of a stored run.

    What only a loaded model tells (its family, the shape of its vectors) is the stored run's.
    """
    settings, checkpoint = job.settings, inputs.checkpoint
    corpora: list[Corpus] = []
    before = stored.get("identity", {})
    model = _model(checkpoint.digest, settings.model)
    sides = {code: side for side, code in _sides(inputs.projection, settings).items()}

    def origin(language: str) -> str | None:
        if settings.search.kind is SearchKind.baseline:
            return None
        if settings.vectors.path is not None:
            path = vectors_path(Path(settings.vectors.path), language)
            vectors = load_vectors(path).of_model(checkpoint.digest, checkpoint.other_digest)
            fits = vectors.language == language and vectors.metadata.get("model_digest") == checkpoint.digest
            return vectors.origin if fits else None  # refused where they are read
        side = sides[language]
        code = before.get(side, language)
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

    return _identity(job, inputs, stored.get("model", {}).get("family"), origin)


def _model(digest: str, settings: ModelSettings) -> dict[str, str]:
    """Folders without a quantisation are of the checkpoint's weights as they are."""
    packed = {"quantization": settings.quantization.value} if settings.quantization else {}
    return {"digest": digest, "precision": settings.precision.value, **packed}


def _probing(settings: SearchCommand, family: str | None) -> dict[str, Any]:
    probing = settings.probing
    return {
        "pool_size": (pool_size_of(family, probing) or "full") if family else None,
        "sentence_score": score_of(family, probing).value if family else None,
        # Folders of the other families know nothing of it.
        **({"closing_sentinel": probing.closing_sentinel} if family == "seq2seq" else {}),
        "seed": settings.seed,
        # Folders of earlier versions lack these keys, which stand for what is left out today as well.
        **({"filtered": True} if probing.filtered else {}),
        **({"templates": probing.templates.value} if probing.templates is not Templates.first else {}),
    }


def baselines_for(settings: SearchCommand, checkpoint: Checkpoint, model: LayeredModel) -> Baselines | None:
    """The baselines of earlier runs of the same model, asked in the same way.

    None where a run evaluates its own: one that must equal another (``reproduces``), a model whose weights another
    package unpacks, and one whose adapter lies outside this package, so that its code is not known here.
    """
    if settings.reproduces is not None or settings.model.quantization:
        return None
    if not type(model).__module__.startswith(f"{__name__.split('.', maxsplit=1)[0]}."):
        return None
    # A folder of an earlier version goes by the digest of its rule: both are the same weights.
    digest = min(each for each in (checkpoint.digest, checkpoint.other_digest) if each is not None)
    device = torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else model.device.type
    decisive = {
        "model": _model(digest, settings.model), "probing": _probing(settings, model.family), "device": device,
    }  # fmt: skip
    return Baselines(Path(settings.paths.cache).expanduser() / "baselines", decisive)


def _sides(projection: Projection, settings: SearchCommand) -> dict[str, str]:
    """The languages whose vectors it takes, by what they are to it."""
    sides = {"language": settings.language, "pivot": settings.pivot}
    if projection.other:
        sides["other"] = projection.other
    return sides | {f"among {code}": code for code in projection.needs.among if code not in sides.values()}


def _identity(
    job: SearchJob, inputs: Inputs, family: str | None, origin: Origin, fit: str | None = None
) -> dict[str, Any]:
    settings = job.settings
    tokens, strengths = settings.projection.tokens, inputs.projection.intervention.strengths
    return {
        "model": _model(inputs.checkpoint.digest, settings.model),
        "dataset": {"name": job.dataset_name, "digest": inputs.facts.digest},
        "language": settings.language,
        "pivot": settings.pivot,
        "vectors": {
            **{side: origin(code) for side, code in _sides(inputs.projection, settings).items()},
            **({"fit": fit} if inputs.projection.needs.fits else {}),
        },
        "probing": _probing(settings, family),
        "projection": inputs.projection.name,
        # Folders of earlier versions lack these keys: that stands for all tokens and strength 1, and so it does today.
        **({"tokens": tokens.value} if tokens is not ProjectionTokens.all else {}),
        **({"strength": list(strengths)} if strengths != (1.0, 1.0) else {}),
    }
