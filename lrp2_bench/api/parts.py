"""A model by itself, and a language's vectors by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrp2_bench.config.compose import factory
from lrp2_bench.config.from_python import as_overrides, composed, model_overrides
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.interventions import cached_vectors
from lrp2_bench.interventions.vectors import LanguageVectors
from lrp2_bench.models import loading
from lrp2_bench.models.layered import LayeredModel


def load_model(path_or_name: str | Path, **settings: Any) -> LayeredModel:
    """The adapter that runs a model block by block, in evaluation mode.

    ``path_or_name`` is one of :func:`lrp2_bench.models`, a checkpoint's folder or a hub id; ``settings`` are those of
    ``model.``: ``precision="bfloat16"``, ``device="cuda"``, ``revision=...``. ``model.blocks`` is L, hidden states are
    ``[row, token, hidden]``. Raises :class:`~lrp2_bench.core.errors.BenchError` for an unknown name or setting, and
    for a checkpoint that is missing, damaged or of an unknown architecture.
    """
    given = as_overrides({f"model.{key}": value for key, value in settings.items()})
    # The language is mandatory there, and says nothing of a model.
    wanted = composed([*model_overrides(path_or_name), "language=en", *given]).settings.model
    return loading.load_model(loading.find_checkpoint(wanted), wanted)


def language_vectors(model: str | Path, language: str, **settings: Any) -> LanguageVectors:
    """A language's mean hidden state at every layer: ``values`` is a float32 tensor ``[1 + L, hidden]``, row 0 the
    embedding's. Computed from the corpus once, then read from the cache.

    ``model`` as in :func:`load_model`; ``settings`` by their names on the command line: ``corpus="cldr"``,
    ``**{"corpus.sentences": 500, "vectors.path": DIR, "paths.cache": DIR}``. Raises
    :class:`~lrp2_bench.core.errors.BenchError` as :func:`load_model` does, and for a language that the corpus lacks.
    """
    config, wanted, _ = composed([*model_overrides(model), *as_overrides({"language": language, **settings})])
    checkpoint = loading.find_checkpoint(wanted.model)
    data_warnings = DataWarnings()
    vectors = cached_vectors.language_vectors(
        loading.load_model(checkpoint, wanted.model),
        checkpoint.digest,
        language,
        factory(config.corpus)() if wanted.vectors.path is None else None,
        wanted.vectors,
        Path(wanted.paths.cache).expanduser(),
        data_warnings,
    )
    data_warnings.report()
    return vectors
