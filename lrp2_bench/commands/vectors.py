"""``lrp2-bench vectors``: a language's vectors as a file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import VectorsCommand
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.cached_vectors import language_vectors
from lrp2_bench.interventions.vectors import cached_path, save_vectors, vectors_name
from lrp2_bench.models.loading import find_checkpoint, load_model

log = logging.getLogger(__name__)


def run_vectors(settings: VectorsCommand, make_corpus: Callable[[], Corpus]) -> Path:
    """``lrp2-bench vectors``: the language's vectors as ``LANG.safetensors`` in ``output``, else in the cache."""
    data_warnings = DataWarnings()
    checkpoint = find_checkpoint(settings.model)
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
    )
    data_warnings.report()
    path = cached_path(cache, vectors.metadata)
    if settings.output is not None:
        path = Path(settings.output).expanduser() / vectors_name(settings.language)
        save_vectors(vectors, path)
    norms = vectors.values.norm(dim=1)
    log.info("Norm by layer: %s", " ".join(f"{norm:.2f}" for norm in norms.tolist()))
    log.info("Language vectors: %s", path)
    return path
