"""How far an intervention moves a model's predictions on neutral sentences: the KL divergence from the baseline's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.core.batching import by_tokens, in_halves
from lrp2_bench.core.types import LayerPair
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.models.special_tokens import special_ids
from lrp2_bench.probing.probe import Queries

#: Sentences that are asked unless told otherwise.
SENTENCES = 200
#: Logits that are held at once: a vocabulary of 250,000 takes 1 GB for a thousand rows.
_AT_ONCE = 2**23


@dataclass(frozen=True)
class _Question:
    """A sentence's tokens, and the place whose state predicts its middle token (encoder-decoders: where it was)."""

    ids: list[int]
    place: int


class NeutralSentences:
    """One prediction a sentence, of its middle token that is not special.

    A masked model is asked with the mask in its place; a causal one with what stands before it, for the next token; an
    encoder-decoder with the opening sentinel in its place, for the token that its decoder puts behind that sentinel.
    Sentences of fewer than two such tokens are left out, and longer ones than the model's positions are cut. Of more
    than ``most`` sentences, ``most`` at even distances are taken.
    """

    def __init__(self, model: LayeredModel, sentences: Sequence[str], most: int = SENTENCES) -> None:
        self._model = model
        special = special_ids(model.tokenizer)
        asked = (self._question(ids, special) for ids in model.tokenize(list(_spread(sentences, most))))
        self._questions = [question for question in asked if question is not None]

    def __len__(self) -> int:
        return len(self._questions)

    def divergence(self, edit: Edit, pair: LayerPair) -> float:
        """The mean over sentences of ``KL(baseline || intervention) = sum_t p(t) log(p(t) / q(t))`` in nats, over the
        whole vocabulary; not a number without sentences, or where a state is not finite."""
        if not self._questions:
            return float("nan")
        before, after = self._baseline, self._states(edit, pair)
        rows = max(1, _AT_ONCE // self._model.vocab_size)
        total = 0.0
        with torch.inference_mode():
            for one, other in zip(before.split(rows), after.split(rows), strict=True):
                p, q = (self._model.logits(states).float().log_softmax(dim=-1) for states in (one, other))
                total += float(torch.nn.functional.kl_div(q, p, reduction="sum", log_target=True))
        mean = total / len(self._questions)
        return mean if math.isnan(mean) else max(0.0, mean)  # rounding may leave a little less than nothing

    @cached_property
    def _baseline(self) -> Float[Tensor, "sentence hidden"]:
        return self._states(None, None)

    def _states(self, edit: Edit | None, pair: LayerPair | None) -> Float[Tensor, "sentence hidden"]:
        """The states that the head makes predictions of."""
        model, lengths = self._model, [len(question.ids) for question in self._questions]
        tokens = 32_768 if model.device.type == "cuda" else 2_048
        uses_back = edit is not None and edit.before_leaving_uses_back
        plan = plan_grid(model.blocks, [pair] if pair else [], baseline=pair is None, uses_back=uses_back)
        run = FrontierRunner(model, plan, edit, tokens)
        found = torch.empty(len(lengths), model.hidden_size, dtype=model.dtype, device=model.device)

        def read(indices: list[int]) -> None:
            batch = model.padded([self._questions[index].ids for index in indices])
            found[torch.tensor(indices, device=model.device)] = self._read(batch, indices, run)

        with torch.inference_mode():
            for indices in by_tokens(lengths, tokens):
                in_halves(indices, read)
        return found

    def _read(self, batch: TokenBatch, indices: Sequence[int], run: FrontierRunner) -> Float[Tensor, "row hidden"]:
        model, places = self._model, torch.tensor([[self._questions[index].place] for index in indices])
        whole = isinstance(model, EncoderDecoder)
        last = batch.keep.sum(dim=1, keepdim=True) - 1
        queries = Queries(batch, torch.minimum(batch.positions, last) if whole else places)
        final = run(queries, torch.ones(len(indices), 1, dtype=torch.bool))
        hidden = final.hidden.index_select(0, final.query.argsort())
        if not isinstance(model, EncoderDecoder):
            return hidden[:, 0]
        opened = model.batch([[model.start, model.sentinels.opening]] * len(indices))
        before = torch.ones(2, 2, dtype=torch.bool, device=model.device).tril().expand(len(indices), 2, 2)
        targets = TokenBatch(opened.ids, opened.keep, opened.positions, before)
        return model.decode(hidden, batch.keep.to(model.device), targets)[:, -1]

    def _question(self, ids: list[int], special: frozenset[int]) -> _Question | None:
        model = self._model
        ids = ids if model.max_tokens is None else ids[: model.max_tokens]
        text = [place for place, token in enumerate(ids) if token not in special]
        if len(text) < 2:
            return None
        middle = text[len(text) // 2]
        if model.family == "causal":
            return _Question(ids[:middle], middle - 1)
        mask = model.sentinels.opening if isinstance(model, EncoderDecoder) else model.tokenizer.mask_token_id
        return _Question([*ids[:middle], mask, *ids[middle + 1 :]], middle)


def _spread(sentences: Sequence[str], most: int) -> Sequence[str]:
    count = len(sentences)
    return sentences if count <= most else [sentences[number * count // most] for number in range(most)]
