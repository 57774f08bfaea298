"""The independent evaluator: one full forward pass with two hooks per setting, scores taken from whole logits.

It shares no code with the engine, the probes or the adapters: Hugging Face's own forward, its own tokenization of
the queries, vectors added and subtracted one after the other as the paper writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lrp2_bench.core.types import LayerPair, Relation
from tests.support.families import blocks_of


@dataclass(frozen=True)
class NaiveResult:
    """``hits`` and ``gap`` are ``[setting, fact]``; ``gap`` is |gold score - best other score|, ``scale`` |gold|."""

    hits: np.ndarray
    gap: np.ndarray
    scale: np.ndarray

    def too_close_to_call(self) -> np.ndarray:
        return self.gap < np.maximum(1e-4, 1e-6 * self.scale)


#: What becomes of a layer's states ``[row, token, hidden]`` of the token ids ``[row, token]``.
Change = Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor]


@contextmanager
def hooked(model: Any, change: Change) -> Iterator[None]:
    """Every block's output is what ``change`` makes of it."""
    layers, called = model.config.get_text_config().num_hidden_layers, 0
    read: list[torch.Tensor] = []

    def note(module: Any, args: Any, named: dict[str, Any]) -> None:
        read[:] = [args[0] if args else named["input_ids"]]

    def replace(module: Any, inputs: Any, output: Any) -> Any:
        nonlocal called
        layer = called % layers + 1  # by turn: ALBERT's blocks are one module
        called += 1
        after = change(layer, output[0] if isinstance(output, tuple) else output, read[0])
        return (after, *output[1:]) if isinstance(output, tuple) else after

    handles = [block.register_forward_hook(replace) for block in blocks_of(model)]
    handles.append(model.register_forward_pre_hook(note, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def moved(
    model: Any,
    pair: LayerPair | None,
    language: torch.Tensor,
    pivot: torch.Tensor,
    sides: Sequence[str] = ("lirp", "lsrp"),
    still: Sequence[int] = (),
) -> AbstractContextManager[None]:
    """``language`` and ``pivot`` are ``[layer, hidden]`` language vectors; only the named ``sides`` move, and tokens
    whose ids are ``still`` stay as they are."""
    moves = {}  # layer -> (what is subtracted, what is added, how many times)
    if pair is not None and "lirp" in sides:
        moves[pair.lirp] = language, pivot, 1.0 if pair.strength is None else pair.strength
    if pair is not None and "lsrp" in sides:
        moves[pair.lsrp] = pivot, language, 1.0 if pair.back is None else pair.back

    def change(layer: int, before: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        if layer not in moves:
            return before
        subtract, add, strength = moves[layer]
        after = before - strength * subtract[layer] + strength * add[layer]
        resting = torch.isin(ids, torch.tensor(still, dtype=torch.long)).unsqueeze(-1)
        return torch.where(resting, before, after) if still else after

    return hooked(model, change)


def states(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Every layer's states ``[layer, row, token, hidden]`` of one forward pass; layer L before any final norm.

    Under :func:`moved`, a layer's states are those its hook has moved.
    """
    blocks, layers = blocks_of(model), []

    def keep(module: Any, inputs: Any, output: Any) -> None:
        layers.append(output[0] if isinstance(output, tuple) else output)

    handles = [block.register_forward_hook(keep) for block in blocks]
    try:
        with torch.no_grad():
            embedded = model(ids, output_hidden_states=True).hidden_states[0]
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack([embedded, *layers])


def evaluate(
    model: Any,
    tokenizer: Any,
    relation: Relation,
    candidates: Sequence[Sequence[str]],
    settings: Sequence[LayerPair | None],
    language: torch.Tensor,
    pivot: torch.Tensor,
    *,
    mean: bool = False,
    sides: Sequence[str] = ("lirp", "lsrp"),
    closing: bool = False,
    still: Sequence[int] = (),
    changes: Callable[[LayerPair], Change] | None = None,
) -> NaiveResult:
    """``candidates[f]`` are the labels fact f chooses from, sorted; ``mean`` divides a causal score or an
    encoder-decoder's by its tokens, among which the ``closing`` sentinel may be. ``changes`` says what a pair does
    where that is not :func:`moved`."""
    shape = (len(settings), len(relation.facts))
    hits, gap, scale = np.zeros(shape, dtype=np.int8), np.full(shape, np.inf), np.zeros(shape)
    for row, setting in enumerate(settings):
        if changes is None or setting is None:
            hooks = moved(model, setting, language, pivot, sides, still)
        else:
            hooks = hooked(model, changes(setting))
        with hooks, torch.no_grad():
            for column, fact in enumerate(relation.facts):
                labels = list(candidates[column])
                scores = scores_of(model, tokenizer, relation.template, fact.subject, labels, mean, closing)
                gold = labels.index(fact.object)
                others = [score for number, score in enumerate(scores) if number != gold]
                hits[row, column] = int(np.argmax(scores)) == gold and np.isfinite(scores[gold])
                if others and np.isfinite(scores[gold]):
                    gap[row, column], scale[row, column] = abs(scores[gold] - max(others)), abs(scores[gold])
    return NaiveResult(hits, gap, scale)


def scores_of(
    model: Any,
    tokenizer: Any,
    template: str,
    subject: str,
    labels: Sequence[str],
    mean: bool = False,
    closing: bool = False,
) -> list[float]:
    """Of every label, in the setting at hand (:func:`moved`); call it without gradients."""
    if model.config.is_encoder_decoder:
        return _seq2seq(model, tokenizer, template, subject, labels, mean, closing)
    if type(model).__name__.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")):
        return _causal(model, tokenizer, template, subject, labels, mean)
    return _masked(model, tokenizer, template, subject, labels)


def _masked(model: Any, tokenizer: Any, template: str, subject: str, labels: Sequence[str]) -> list[float]:
    scores = [-np.inf] * len(labels)
    pieces = [tokenizer.encode(label, add_special_tokens=False) for label in labels]
    for count in {len(piece) for piece in pieces} - {0}:
        text = template.replace("[X]", subject).replace("[Y]", " ".join([tokenizer.mask_token] * count))
        batch = tokenizer(text, return_tensors="pt")
        places = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
        assert len(places) == count
        log_probabilities = model(**batch).logits[0].log_softmax(-1)
        for number, piece in enumerate(pieces):
            if len(piece) == count:
                picked = [log_probabilities[place, token].item() for place, token in zip(places, piece, strict=True)]
                scores[number] = sum(picked) / count
    return scores


def _causal(model: Any, tokenizer: Any, template: str, subject: str, labels: Sequence[str], mean: bool) -> list[float]:
    texts = [template.replace("[X]", subject).replace("[Y]", label) for label in labels]
    rows = [torch.tensor(ids) for ids in tokenizer(texts)["input_ids"]]  # by hand: not every tokenizer has padding
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    log_probabilities = model(input_ids=ids, attention_mask=mask).logits[:, :-1].log_softmax(-1)
    targets, kept = ids[:, 1:], mask[:, 1:]
    picked = log_probabilities.gather(2, targets.unsqueeze(-1)).squeeze(-1).double() * kept
    totals = picked.sum(dim=1)
    return (totals / kept.sum(dim=1) if mean else totals).tolist()


def _seq2seq(
    model: Any, tokenizer: Any, template: str, subject: str, labels: Sequence[str], mean: bool, closing: bool
) -> list[float]:
    text = template.replace("[X]", subject).replace("[Y]", "<extra_id_0>")
    before, after = (tokenizer.convert_tokens_to_ids(f"<extra_id_{number}>") for number in (0, 1))
    pieces = [tokenizer.encode(label, add_special_tokens=False) for label in labels]
    width = 2 + max(map(len, pieces))
    wanted = torch.full((len(labels), width), -100)
    counted = torch.zeros(len(labels), width, dtype=torch.bool)
    for row, piece in enumerate(pieces):
        wanted[row, : len(piece) + 2] = torch.tensor([before, *piece, after])
        counted[row, 1 : 1 + len(piece) + closing] = True
    batch = tokenizer([text] * len(labels), return_tensors="pt")
    log_probabilities = model(**batch, labels=wanted).logits.log_softmax(-1)
    picked = log_probabilities.gather(2, wanted.clamp(min=0).unsqueeze(-1)).squeeze(-1).double() * counted
    totals = picked.sum(dim=1) / (counted.sum(dim=1) if mean else 1)
    return [total if piece else -np.inf for total, piece in zip(totals.tolist(), pieces, strict=True)]
