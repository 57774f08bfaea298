"""``lrp2-bench vectors``: a language's vectors as a file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import VectorsCommand
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.vectors import LanguageVectors, cached_path, load_vectors, save_vectors, vectors_name
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model
from lrp2_bench.models.names import folder_name

_NEXT = "give another output=DIR, or delete the file."

log = logging.getLogger(__name__)


def run_vectors(settings: VectorsCommand, make_corpus: Callable[[], Corpus]) -> Path:
    """``lrp2-bench vectors``: the language's vectors as ``LANG.safetensors`` in ``output``, else in the cache."""
    data_warnings = DataWarnings()
    checkpoint = find_checkpoint(settings.model)
    path = Path(settings.output).expanduser() / vectors_name(settings.language) if settings.output is not None else None
    name = folder_name(settings.model.name, settings.model.path)
    if path is not None:
        _require_same_model(path, name, checkpoint)
    model = load_model(checkpoint, settings.model)
    corpus = make_corpus() if settings.vectors.path is None else None
    cache = Path(settings.paths.cache).expanduser()
    vectors = language_vectors(
        model,
        checkpoint.digest,
        settings.language,
        corpus,
        settings.vectors,
        cache,
        data_warnings,
        checkpoint.other_digest,
        settings.projection.tokens,
    )
    data_warnings.report()
    if path is None:
        path = cached_path(cache, vectors.metadata)
    else:
        _require_same_sentences(path, vectors)
        save_vectors(vectors, path)
    norms = vectors.values.norm(dim=1)
    log.info("Norm by layer: %s", " ".join(f"{norm:.2f}" for norm in norms.tolist()))
    log.info("Language vectors: %s", path)
    return path


def _require_same_model(path: Path, name: str, checkpoint: Checkpoint) -> None:
    """Raises :class:`BenchError` where the file is there and is not this model's; before the model is loaded."""
    if not path.exists():
        return
    try:
        found = load_vectors(path).metadata.get("model_digest")
    except BenchError as error:
        raise BenchError(f"{str(error).rstrip('.')}. It is not overwritten: {_NEXT}") from error
    if found not in (checkpoint.digest, checkpoint.other_digest):
        raise BenchError(
            f"'{path}' holds the vectors of another model (digest {str(found)[:12]}), and is not overwritten with "
            f"those of '{name}' (digest {checkpoint.digest[:12]}): {_NEXT}"
        )


def _require_same_sentences(path: Path, vectors: LanguageVectors) -> None:
    """Raises :class:`BenchError` where the file holds vectors of the model from other sentences."""
    if not path.exists():
        return
    stored = load_vectors(path).metadata
    keys = ("corpus", "sentences", "sentences_digest", "precision", "mean")
    then_and_now = {key: (stored.get(key), vectors.metadata.get(key)) for key in keys}
    differing = [f"{key} {then} -> {now}" for key, (then, now) in then_and_now.items() if then != now]
    if differing:
        raise BenchError(f"'{path}' holds other vectors, and is not overwritten ({'; '.join(differing)}): {_NEXT}")
