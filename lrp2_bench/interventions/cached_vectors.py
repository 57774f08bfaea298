"""A language's vectors for one model: from files, from the cache, or computed and cached."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionTokens, VectorSettings
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.vectors import (
    LanguageVectors,
    batch_tokens_of,
    cached_path,
    check_vectors,
    compute_vectors,
    load_vectors,
    save_vectors,
    vector_metadata,
    vectors_path,
)
from lrp2_bench.models.layered import LayeredModel

log = logging.getLogger(__name__)


def language_vectors(
    model: LayeredModel,
    model_digest: str,
    language: str,
    corpus: Corpus | None,
    settings: VectorSettings,
    cache: Path,
    data_warnings: DataWarnings,
    other_digest: str | None = None,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> LanguageVectors:
    """The vectors in ``settings.path/LANG.safetensors`` where a path is set (refused if they do not fit), else those
    of ``corpus``: cached under a digest of model, sentences, ``tokens`` and settings, computed when absent or damaged.

    Those made under the model's ``other_digest`` are taken as well, and come back under ``model_digest``."""
    if settings.path is not None:
        path = vectors_path(Path(settings.path), language)
        vectors = load_vectors(path).of_model(model_digest, other_digest)
        check_vectors(vectors, path, language, model, model_digest, tokens)
        return vectors
    if corpus is None:
        raise BenchError("Language vectors need a corpus (corpus=opus100, tatoeba or text) or vectors.path=DIR.")
    sentences = corpus.sentences(language, data_warnings)
    metadata = vector_metadata(model_digest, model, language, corpus.name, sentences, tokens)
    path, *made_before = _places(cache, metadata, other_digest)
    for found in (path, *made_before):
        if found.exists():
            try:
                return load_vectors(found).of_model(model_digest, other_digest)
            except BenchError as error:
                log.warning("%s They are computed again.", error)
    batch_tokens = batch_tokens_of(settings, model)
    vectors = compute_vectors(
        model, sentences, metadata, batch_tokens=batch_tokens, data_warnings=data_warnings, tokens=tokens
    )
    try:
        save_vectors(vectors, path)
    except OSError as error:
        # The cache only saves time; a run with its vectors at hand goes on without it.
        log.warning("Cannot keep the language vectors in '%s': %s. Set paths.cache.", path, error)
    return vectors


def sentences_to_compute(
    model: LayeredModel,
    model_digest: str,
    language: str,
    corpus: Corpus,
    cache: Path,
    other_digest: str | None = None,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> Sequence[str]:
    """The sentences that :func:`language_vectors` would run for a language: none where its vectors are cached."""
    sentences = corpus.sentences(language, DataWarnings())
    metadata = vector_metadata(model_digest, model, language, corpus.name, sentences, tokens)
    return () if any(path.exists() for path in _places(cache, metadata, other_digest)) else sentences


def _places(cache: Path, metadata: Mapping[str, str], other_digest: str | None) -> list[Path]:
    """Where such vectors are written, and where those made under the model's other digest may be."""
    further = [cached_path(cache, {**metadata, "model_digest": other_digest})] if other_digest else []
    return [cached_path(cache, metadata), *further]
