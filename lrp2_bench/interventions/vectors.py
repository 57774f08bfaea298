"""Language vectors (paper, section 2.1): the mean hidden state of a language at every layer."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lrp2_bench.core.batching import by_tokens, in_halves
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError, nearest
from lrp2_bench.core.filenames import STEM, file_name
from lrp2_bench.core.files import sha256_json, write_bytes
from lrp2_bench.core.progress import progress
from lrp2_bench.core.settings import ProjectionTokens, VectorSettings
from lrp2_bench.interventions.tokens import CHOICES, Choose
from lrp2_bench.models.finite import way_out_of
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.special_tokens import special_ids

log = logging.getLogger(__name__)

_FORMAT = "lrp2_bench language vectors 1"
_MOST_PADDING = 0.1
#: Padded tokens looked at together, without the model.
_AT_ONCE = 2**18


@dataclass(frozen=True)
class LanguageVectors:
    """``values`` is float32 ``[1 + blocks, hidden]``: row k is the language's mean state at layer k.

    The mean is over sentences of the mean over a sentence's tokens, special tokens counted or, by
    ``projection.tokens=text``, left out.
    """

    language: str
    values: Float[Tensor, "layer hidden"]
    metadata: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Of the numbers alone."""
        data = self.values.contiguous().numpy().tobytes()
        return sha256_json([list(self.values.shape), data.hex()])

    @property
    def origin(self) -> str:
        """The digest of what they were computed from. Unlike the numbers, it is the same on every machine."""
        return sha256_json(dict(self.metadata))

    def of_model(self, digest: str, other_digest: str | None) -> LanguageVectors:
        """The vectors under the model's ``digest`` where they hold the one by the other rule; else as they are."""
        if other_digest is None or self.metadata.get("model_digest") != other_digest:
            return self
        return replace(self, metadata={**self.metadata, "model_digest": digest})


def vector_metadata(
    model_digest: str,
    model: LayeredModel,
    language: str,
    corpus: str,
    sentences: Sequence[str],
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> dict[str, str]:
    """What the vectors of a language depend on; two equal ones give the same file."""
    return {
        "format": _FORMAT,
        "language": language,
        "model_digest": model_digest,
        "blocks": str(model.blocks),
        "hidden_size": str(model.hidden_size),
        "precision": model.precision,
        "corpus": corpus,
        "sentences": str(len(sentences)),
        "sentences_digest": sha256_json(list(sentences)),
        "mean": CHOICES[tokens].mean,
    }


def compute_vectors(
    model: LayeredModel,
    sentences: Sequence[str],
    metadata: Mapping[str, str],
    *,
    batch_tokens: int,
    data_warnings: DataWarnings,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> LanguageVectors:
    """Run every sentence through every block; float64 sums.

    ``tokens`` says which count; a sentence without any is skipped (counted). A sentence longer than the model's
    positions is cut to them (counted). ``batch_tokens`` bounds the padded tokens
    of a batch, of which at most a tenth is padding. Raises :class:`BenchError` where a mean is not finite.
    """
    language = metadata["language"]
    choose = CHOICES[tokens].of(model)
    sequences = _tokenize(model, sentences, language, data_warnings, tokens)
    lengths = [len(sequence) for sequence in sequences]
    sums = torch.zeros(model.blocks + 1, model.hidden_size, dtype=torch.float64)
    start, padded = time.perf_counter(), 0
    with progress(f"Language vectors {language}", len(sequences), "sentences") as advance, torch.inference_mode():

        def add(indices: list[int]) -> None:
            nonlocal padded
            batch = model.batch([sequences[index] for index in indices])
            context, hidden = model.context(batch), model.embed(batch)
            counted = choose(batch)
            means = [_sum_of_means(hidden, counted).cpu()]
            for layer in range(1, model.blocks + 1):
                hidden = model.block(layer, hidden, context)
                means.append(_sum_of_means(hidden, counted).cpu())
            found = torch.stack(means)
            check_finite(found, f"The language vectors of '{language}'", model)  # now, not after all of them
            sums.add_(found)
            padded += batch.ids.numel()
            advance(len(indices))

        for indices in by_tokens(lengths, batch_tokens, most_padding=_MOST_PADDING):
            in_halves(indices, add)
    seconds = time.perf_counter() - start
    log.info(
        "Language vectors %s: %d sentences, %d tokens (%.1f%% padding) in %.1f s, %.0f tokens/s",
        language, len(sequences), sum(lengths), 100 * (1 - sum(lengths) / padded), seconds, sum(lengths) / seconds,
    )  # fmt: skip
    vectors = LanguageVectors(language, (sums / len(sequences)).float(), metadata)
    check_finite(vectors.values, f"The language vectors of '{language}'", model)
    return vectors


def save_vectors(vectors: LanguageVectors, path: Path) -> None:
    # Bytes first: the library's own way to a file hides a full disk behind an error of its own.
    write_bytes(path, save({"vectors": vectors.values.contiguous()}, metadata=dict(vectors.metadata)))


def load_vectors(path: Path) -> LanguageVectors:
    """Raises :class:`BenchError` for a missing, damaged or foreign file, and for non-finite numbers."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            values = file.get_tensor("vectors")
    except FileNotFoundError as error:
        there = sorted(other.stem for other in path.parent.glob("*.safetensors")) if path.parent.is_dir() else []
        close = nearest(path.stem, there)
        hint = f" Did you mean '{close}'?" if close else ""
        raise BenchError(
            f"There are no language vectors '{path}'.{hint}\nThere: {', '.join(there) or 'none'}."
        ) from error
    except (SafetensorError, OSError) as error:
        raise BenchError(f"'{path}' holds no language vectors that can be read: {error}.") from error
    if metadata.get("format") != _FORMAT:
        raise BenchError(f"'{path}' is a safetensors file, but not one that `lrp2-bench vectors` wrote.")
    check_finite(values, f"'{path}'")
    return LanguageVectors(metadata["language"], values, metadata)


def check_vectors(
    vectors: LanguageVectors,
    path: Path,
    language: str,
    model: LayeredModel,
    model_digest: str,
    tokens: ProjectionTokens = ProjectionTokens.all,
) -> None:
    """Refuse vectors of another language, shape, model or choice of tokens, with the reason."""
    problems = []
    if vectors.language != language:
        problems.append(f"it is for '{vectors.language}', not '{language}'")
    expected = (model.blocks + 1, model.hidden_size)
    if tuple(vectors.values.shape) != expected:
        problems.append(f"its shape is {tuple(vectors.values.shape)}, the model needs {expected}")
    if vectors.metadata.get("model_digest") != model_digest:
        problems.append("it was computed with another model or other weights")
    if (mean := vectors.metadata.get("mean", CHOICES[ProjectionTokens.all].mean)) != CHOICES[tokens].mean:
        problems.append(f"it is the mean {mean}, and projection.tokens={tokens.value} asks for another")
    if problems:
        raise BenchError(
            f"'{path}' does not fit: {'; '.join(problems)}.\n"
            "Compute vectors for this model with `lrp2-bench vectors`, or leave vectors.path out."
        )


def vectors_name(language: str) -> str:
    """LANG.safetensors: what a language's vectors are called in a folder of the user's."""
    return f"{file_name(language, STEM)}.safetensors"


def vectors_path(given: Path, language: str) -> Path:
    """``vectors.path`` names a file, or the folder of such files."""
    given = given.expanduser()
    return given if given.is_file() else given / vectors_name(language)


def batch_tokens_of(settings: VectorSettings, model: LayeredModel) -> int:
    """Padded tokens of a batch."""
    return settings.batch_tokens or (32_768 if model.device.type == "cuda" else 4_096)


def cached_path(cache: Path, metadata: Mapping[str, str]) -> Path:
    return cache / "vectors" / file_name(metadata["language"]) / f"{sha256_json(dict(metadata))[:24]}.safetensors"


def _tokenize(
    model: LayeredModel, sentences: Sequence[str], language: str, data_warnings: DataWarnings, tokens: ProjectionTokens
) -> list[list[int]]:
    kept = [ids for ids in token_sequences(model, sentences, language, data_warnings, tokens) if ids]
    if not kept:
        raise BenchError(f"No sentence of '{language}' has a token in this model's tokenizer.")
    return kept


def token_sequences(
    model: LayeredModel, sentences: Sequence[str], language: str, data_warnings: DataWarnings, tokens: ProjectionTokens
) -> list[list[int]]:
    """Each sentence's token ids, cut to the model's positions; empty where none of ``tokens`` is there (counted)."""
    limit, choice = model.max_tokens, CHOICES[tokens]
    sequences = model.tokenize(sentences)
    usable = _with_any(model, sequences, choice.of(model)) if tokens is not ProjectionTokens.all else sequences
    found: list[list[int]] = []
    for number, ids in enumerate(sequences):
        if not usable[number]:
            data_warnings.add(choice.none, f"{language} sentence {number + 1}")
            found.append([])
            continue
        if limit is not None and len(ids) > limit:
            data_warnings.add(
                "Sentences longer than the model's positions were cut", f"{language} sentence {number + 1}"
            )
            # Keep a closing special token, as the tokenizer's own truncation does.
            closed = ids[-1] in special_ids(model.tokenizer)
            ids = ids[: limit - 1] + ids[-1:] if closed else ids[:limit]
        found.append(ids)
    return found


def _with_any(model: LayeredModel, sequences: Sequence[Sequence[int]], choose: Choose) -> list[bool]:
    """Whether each sequence has a token that is chosen."""
    found = [False] * len(sequences)
    for indices in by_tokens([max(1, len(ids)) for ids in sequences], _AT_ONCE):
        chosen = choose(model.batch([sequences[index] or [model.padding] for index in indices]))
        for index, has in zip(indices, chosen.any(dim=1).tolist(), strict=True):
            found[index] = has and bool(sequences[index])
    return found


def _sum_of_means(hidden: Tensor, counted: Bool[Tensor, "row token"]) -> Tensor:
    """Sum over rows of the mean over the tokens that are counted, float64 ``[hidden]``."""
    weights = counted.to(torch.float64)
    weights = weights / weights.sum(dim=1, keepdim=True)
    return torch.einsum("rt,rth->h", weights, hidden.to(torch.float64))


def check_finite(values: Float[Tensor, "layer any"], what: str, model: LayeredModel | None = None) -> None:
    """Raises :class:`BenchError` naming the layers with numbers that are not finite."""
    if torch.isfinite(values).all():
        return
    layers = (~torch.isfinite(values)).any(dim=1).nonzero().flatten().tolist()
    way_out = way_out_of(model) if model is not None else "Compute them again with `lrp2-bench vectors`."
    raise BenchError(f"{what} hold numbers that are not finite at layers {layers}.\n{way_out}")
