"""What an intervention fits on a corpus's sentences: from the cache, or fitted and cached."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import file_name
from lrp2_bench.core.files import sha256_json, write_bytes
from lrp2_bench.core.settings import VectorSettings
from lrp2_bench.data.bitext import corpus_bitext
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.interventions.base import Intervention, Needs
from lrp2_bench.interventions.sentence_means import sentence_means
from lrp2_bench.interventions.tokens import CHOICES
from lrp2_bench.interventions.vectors import batch_tokens_of, token_sequences
from lrp2_bench.models.layered import LayeredModel

log = logging.getLogger(__name__)

_FORMAT = "lrp2_bench fit 1"
#: Sentences that are fitted on: more would take memory and hardly move a standard deviation or a map.
MOST = 2_000
#: With fewer parallel sentences a map is no map.
_FEWEST = 10
FEW = "Affine maps were fitted on fewer parallel sentences than a state has dimensions: ridge regression alone decides"


@dataclass(frozen=True)
class Fitted:
    """``tensors`` by name, and what they were fitted on; both empty where nothing is."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    @property
    def origin(self) -> str | None:
        """The digest of what they were fitted on, the same on every machine."""
        return sha256_json(dict(self.metadata)) if self.metadata else None


def fit_sentences(
    needs: Needs, language: str, pivot: str, corpus: Corpus, data_warnings: DataWarnings
) -> dict[str, list[str]]:
    """The sentences that are fitted on, by language. Raises :class:`BenchError` where the corpus lacks them."""
    if not needs.parallel:
        return {pivot: corpus.sentences(pivot, data_warnings)[:MOST]}
    known = corpus.parallel_languages()
    if not {language, pivot} <= set(known):
        has = f"It pairs those of {', '.join(known)}." if known else "It does not say which of its sentences are."
        raise BenchError(
            f"projection=affine is fitted on parallel sentences of '{language}' and '{pivot}', and "
            f"corpus={corpus.name} has none. {has}\nPass corpus=opus100, corpus=tatoeba corpus.path=ZIP_OR_DIR, or "
            "your own: corpus=text corpus.path=DIR corpus.parallel=true (line k of every DIR/LANG.txt says the same)."
        )
    pairs = corpus_bitext(corpus, language, pivot, data_warnings).sample(MOST, 0).pairs
    if len(pairs) < _FEWEST:
        raise BenchError(
            f"projection=affine is fitted on {_FEWEST} parallel sentences or more, and corpus={corpus.name} has "
            f"{len(pairs)} of '{language}' and '{pivot}'.\nPass more of them, or choose another projection."
        )
    return {language: [pair.ours.text for pair in pairs], pivot: [pair.theirs.text for pair in pairs]}


def cached_fit(
    made: Intervention,
    needs: Needs,
    model: LayeredModel,
    model_digest: str,
    corpus: Corpus,
    sides: tuple[str, str],
    settings: VectorSettings,
    cache: Path,
    data_warnings: DataWarnings,
) -> Fitted:
    """What ``made`` fits for ``sides``, the language and its pivot, on ``corpus`` and nothing else.

    Cached under a digest of model, sentences and choice of tokens; fitted when absent or damaged. Tensors are on the
    model's device. Raises :class:`BenchError` where sentences have no tokens, or states are not finite.
    """
    sentences = fit_sentences(needs, *sides, corpus, data_warnings)
    tokens, count = made.settings.tokens, len(next(iter(sentences.values())))
    if needs.parallel and count < model.hidden_size:
        data_warnings.add(FEW, f"{sides[0]}: {count} sentences, {model.hidden_size} dimensions")
    metadata = _metadata(made, model, model_digest, corpus, sentences)
    path = _path(cache, sides[0], metadata)
    found = _load(path, model)
    if found is None:
        tokenized = [token_sequences(model, texts, code, data_warnings, tokens) for code, texts in sentences.items()]
        usable = [row for row in zip(*tokenized, strict=True) if all(row)]
        if len(usable) < 2:
            raise BenchError(
                f"corpus={corpus.name} has {len(usable)} sentences of {' and '.join(sentences)} with a token in this "
                f"model's tokenizer, which projection={made.name} cannot be fitted on.\nPass another corpus."
            )
        read = partial(
            sentence_means, model, choose=CHOICES[tokens].of(model), batch_tokens=batch_tokens_of(settings, model)
        )
        means = {
            code: read([row[side] for row in usable], what=f"Sentence means {code}")
            for side, code in enumerate(sentences)
        }
        found = made.fit(means)
        _save(path, found)
    return Fitted({name: tensor.to(model.device) for name, tensor in found.items()}, metadata)


def sentences_to_fit(
    made: Intervention,
    needs: Needs,
    model: LayeredModel,
    model_digest: str,
    corpus: Corpus,
    sides: tuple[str, str],
    cache: Path,
) -> list[str]:
    """Those that :func:`cached_fit` would run: none where the fit is cached, or nothing is fitted."""
    if not needs.fits:
        return []
    sentences = fit_sentences(needs, *sides, corpus, DataWarnings())
    cached = _path(cache, sides[0], _metadata(made, model, model_digest, corpus, sentences)).exists()
    return [] if cached else [text for texts in sentences.values() for text in texts]


def _metadata(
    made: Intervention, model: LayeredModel, model_digest: str, corpus: Corpus, sentences: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    return {
        "format": _FORMAT,
        "projection": made.name,
        "languages": " ".join(sentences),
        "model_digest": model_digest,
        "precision": model.precision,
        "corpus": corpus.name,
        "sentences": str(len(next(iter(sentences.values())))),
        "sentences_digest": sha256_json([list(texts) for texts in sentences.values()]),
        "mean": CHOICES[made.settings.tokens].mean,
    }


def _path(cache: Path, language: str, metadata: Mapping[str, str]) -> Path:
    return cache / "fits" / file_name(language) / f"{sha256_json(dict(metadata))[:24]}.safetensors"


def _load(path: Path, model: LayeredModel) -> dict[str, Tensor] | None:
    """None where there is nothing, or nothing that can be read."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt", device=str(model.device)) as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (SafetensorError, OSError) as error:
        log.warning("'%s' cannot be read (%s). What it held is fitted again.", path, error)
        return None
    if all(tensor.isfinite().all() for tensor in found.values()):
        return found
    log.warning("'%s' holds numbers that are not finite. What it held is fitted again.", path)
    return None


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    try:
        write_bytes(path, save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))
    except OSError as error:  # the cache only saves time
        log.warning("Cannot keep what was fitted in '%s': %s. Set paths.cache.", path, error)


def codes_lacking(corpus: Corpus, codes: Sequence[str]) -> list[str]:
    """Those of ``codes`` that ``corpus`` has no sentences of."""
    lacking = []
    for code in codes:
        try:
            corpus.sentences(code, DataWarnings())
        except BenchError:
            lacking.append(code)
    return lacking
