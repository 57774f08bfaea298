"""What users write by hand: forward hooks, and one full pass of the model per layer pair.

The same rows in the same batches as a careful user would make (masked: queries of one length of object together;
causal: a fact's filled sentences together; encoder-decoders: a fact's targets together), scores from the whole logits.
It is here to be compared with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import HIT, MISS, Hits, LayerPair, Relation
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.layered import Family, LayeredModel
from lrp2_bench.models.registry import architecture_of
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.models.seq2seq.sentinels import OPENING
from lrp2_bench.probing.pools import Pool

#: Queries a batch of the masked evaluator; sentences of one fact make a batch of the causal one.
ROWS = 16


@dataclass(frozen=True)
class NaiveHits:
    """``hits`` and ``gap``, ``[setting, fact]``: |own score - best other|, and ``scale``: |own score|."""

    hits: Hits
    gap: np.ndarray
    scale: np.ndarray

    def close(self) -> np.ndarray:
        """Cells that rounding may decide either way."""
        return self.gap < np.maximum(1e-4, 1e-6 * self.scale)


class Forward(Protocol):
    """Logits ``[row, token, vocab]`` of a tokenized batch, with the projections of ``pair`` (None: baseline)."""

    def __call__(self, batch: Any, pair: LayerPair | None) -> Tensor: ...


def hooked_forward(model: LayeredModel, language: Tensor, pivot: Tensor) -> Forward:
    """``language`` and ``pivot`` are language vectors, ``[layer, hidden]``."""
    blocks = model.model.get_submodule(blocks_path(model))

    def forward(batch: Any, pair: LayerPair | None) -> Tensor:
        with _hooks(blocks, pair, language, pivot):
            logits: Tensor = model.model(**batch).logits
        return logits

    return forward


def blocks_path(model: LayeredModel) -> str:
    """Where the Hugging Face model keeps its list of blocks: what its architecture's record says, or the generic
    adapter found. Raises :class:`BenchError` where blocks are not the members of one list, each once."""
    if record := architecture_of(model.model.config.model_type):
        return record.blocks
    if isinstance(model, EncoderDecoder):
        return "encoder.block"
    blocks = model.modules.modules if isinstance(model, GenericModel) else ()
    for path, module in model.model.named_modules():
        if isinstance(module, nn.ModuleList) and tuple(module) == blocks:
            return str(path)
    raise BenchError(
        f"Where '{model.model.config.model_type}' keeps its blocks, each once, is not known, so naive hooks cannot be "
        "compared with.\nMeasure another model."
    )


@contextmanager
def _hooks(blocks: Any, pair: LayerPair | None, language: Tensor, pivot: Tensor) -> Iterator[None]:
    handles = []

    def add_hook(layer: int, subtract: Tensor, add: Tensor, strength: float | None) -> None:
        less, more = (vectors[layer] * (1.0 if strength is None else strength) for vectors in (subtract, add))

        def change(module: Any, inputs: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (output[0] - less + more, *output[1:])
            return output - less + more

        handles.append(blocks[layer - 1].register_forward_hook(change))

    try:
        if pair is not None:
            add_hook(pair.lirp, language, pivot, pair.strength)
            add_hook(pair.lsrp, pivot, language, pair.back)
        yield
    finally:
        for handle in handles:
            handle.remove()


def evaluate_naively(
    model: LayeredModel,
    relation: Relation,
    pool: Pool,
    settings: Sequence[LayerPair | None],
    forward: Forward,
    advance: Callable[[int], None],
) -> NaiveHits:
    """Every setting by itself; ``advance`` is called with each finished number of facts x settings."""
    shape = (len(settings), len(relation.facts))
    scores = np.full((*shape, len(pool.labels)), -np.inf, dtype=np.float32)
    ways: dict[Family, Callable[..., None]] = {
        "masked": _masked_scores, "causal": _causal_scores, "seq2seq": _seq2seq_scores,
    }  # fmt: skip
    score = ways[model.family]
    with torch.inference_mode():
        for row, setting in enumerate(settings):
            score(model, relation, pool, partial(forward, pair=setting), scores[row])
            advance(len(relation.facts))
    scores[:, ~pool.allowed] = -np.inf
    own = np.take_along_axis(scores, np.broadcast_to(pool.gold, shape)[..., None], axis=2)[..., 0]
    hits = np.where((scores.argmax(axis=2) == pool.gold) & np.isfinite(own), HIT, MISS).astype(np.int8)
    others = scores.copy()
    np.put_along_axis(others, np.broadcast_to(pool.gold, shape)[..., None], -np.inf, axis=2)
    return NaiveHits(hits, np.abs(own - others.max(axis=2)), np.abs(own))


def _masked_scores(
    model: LayeredModel, relation: Relation, pool: Pool, forward: Callable[[Any], Tensor], scores: np.ndarray
) -> None:
    tokenizer = model.tokenizer
    by_length: dict[int, list[int]] = defaultdict(list)
    ids = tokenizer(list(pool.labels), add_special_tokens=False)["input_ids"]
    for candidate, tokens in enumerate(ids):
        by_length[len(tokens)].append(candidate)
    for count, candidates in by_length.items():
        if not count:
            continue
        columns = torch.tensor([ids[candidate] for candidate in candidates], device=model.device)
        masks = " ".join([tokenizer.mask_token] * count)
        texts = [relation.fill(fact, masks).text for fact in relation.facts]
        order = sorted(range(len(texts)), key=lambda fact: len(texts[fact]))
        for start in range(0, len(order), ROWS):
            facts = order[start : start + ROWS]
            batch = tokenizer([texts[fact] for fact in facts], return_tensors="pt", padding=True).to(model.device)
            places = (batch["input_ids"] == tokenizer.mask_token_id).nonzero()[:, 1].view(len(facts), count)
            values = _at_masks(forward(batch), places, columns)
            scores[np.ix_(facts, candidates)] = values.float().cpu().numpy()


def _at_masks(logits: Tensor, places: Tensor, columns: Tensor) -> Float[Tensor, "row candidate"]:
    log_probabilities = logits.log_softmax(dim=-1)
    rows = torch.arange(len(places), device=places.device)
    total: Tensor = sum(  # type: ignore[assignment]  # of tensors
        log_probabilities[rows, places[:, mask]][:, columns[:, mask]] for mask in range(columns.shape[1])
    )
    return total / columns.shape[1]


def _causal_scores(
    model: LayeredModel, relation: Relation, pool: Pool, forward: Callable[[Any], Tensor], scores: np.ndarray
) -> None:
    tokenizer = model.tokenizer
    for fact, allowed in enumerate(pool.allowed):
        candidates = allowed.nonzero()[0]
        texts = [relation.fill(relation.facts[fact], pool.labels[candidate]).text for candidate in candidates]
        padded = model.batch(tokenizer(texts)["input_ids"])  # not every tokenizer has a token to pad with
        batch = {"input_ids": padded.ids, "attention_mask": padded.keep.long()}
        log_probabilities = forward(batch)[:, :-1].log_softmax(dim=-1)
        picked = log_probabilities.gather(2, batch["input_ids"][:, 1:, None]).squeeze(2)
        scores[fact, candidates] = (picked * batch["attention_mask"][:, 1:]).sum(dim=1).float().cpu().numpy()


def _seq2seq_scores(
    model: EncoderDecoder, relation: Relation, pool: Pool, forward: Callable[[Any], Tensor], scores: np.ndarray
) -> None:
    """Means over the object's tokens, as encoder-decoders are scored by default."""
    tokenizer, start = model.tokenizer, [model.start, model.sentinels.opening]
    ids = tokenizer(list(pool.labels), add_special_tokens=False)["input_ids"]
    for fact, allowed in enumerate(pool.allowed):
        candidates = [candidate for candidate in allowed.nonzero()[0].tolist() if ids[candidate]]
        text = relation.fill(relation.facts[fact], OPENING).text
        batch = tokenizer([text] * len(candidates), return_tensors="pt").to(model.device)
        targets = [torch.tensor([*start, *ids[candidate]], device=model.device) for candidate in candidates]
        batch["decoder_input_ids"] = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True)
        log_probabilities = forward(batch)[:, 1:-1].log_softmax(dim=-1)
        picked = log_probabilities.gather(2, batch["decoder_input_ids"][:, 2:, None]).squeeze(2)
        lengths = torch.tensor([len(ids[candidate]) for candidate in candidates], device=model.device)
        kept = torch.arange(picked.shape[1], device=model.device) < lengths.unsqueeze(1)
        scores[fact, candidates] = ((picked * kept).sum(dim=1) / lengths).float().cpu().numpy()
