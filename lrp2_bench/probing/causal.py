"""Causal probing (paper, section 3.1): the template filled with each candidate, the whole sentence scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.batching import by_tokens
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.notices import Notices
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import Probe, QueryBatch
from lrp2_bench.settings import SentenceScore
from lrp2_bench.types import Relation


@dataclass(frozen=True)
class _Sentences:
    """A fact's filled sentences: pool indices, token ids, and the first token that is scored."""

    fact: int
    candidates: list[int]
    ids: list[list[int]]
    first: int

    @property
    def longest(self) -> int:
        return max(len(ids) for ids in self.ids)


@dataclass(frozen=True)
class _CausalBatch(QueryBatch):
    """``targets`` are the tokens predicted at ``positions``, -1 where a row has fewer; ``rows`` is where each
    (fact, candidate) slot finds its sentence."""

    targets: Int[Tensor, "row scored"]
    lengths: Int[Tensor, " row"]
    rows: Int[Tensor, "fact candidate"]


class CausalProbe(Probe):
    """Sentences are tokenized whole. For sums, the tokens all of a fact's sentences begin with cancel and are not
    scored; for means nothing cancels. The first token is never scored: nothing predicts it."""

    def __init__(
        self,
        model: LayeredModel,
        relation: Relation,
        pool: Pool,
        where: str,
        notices: Notices,
        *,
        score: SentenceScore,
        batch_tokens: int,
        logit_rows: int,
    ) -> None:
        self.model = model
        self.where = where
        self._mean = score is SentenceScore.mean
        self._logit_rows = logit_rows
        by_size: dict[int, list[_Sentences]] = defaultdict(list)
        for sentences in self._tokenize(relation, pool, where, notices):
            by_size[len(sentences.ids)].append(sentences)
        self.batches = [
            self._batch([group[index] for index in indices])
            for size, group in sorted(by_size.items())
            for indices in by_tokens([item.longest for item in group], max(1, batch_tokens // size))
        ]

    def scores(self, batch: QueryBatch, hidden: Float[Tensor, "row scored hidden"]) -> Float[Tensor, "fact candidate"]:
        assert isinstance(batch, _CausalBatch)
        scored = batch.targets >= 0
        log_probabilities = torch.zeros(batch.targets.shape, device=hidden.device)
        parts = zip(hidden[scored].split(self._logit_rows), batch.targets[scored].split(self._logit_rows), strict=True)
        log_probabilities[scored] = torch.cat([self._log_probability(states, ids) for states, ids in parts])
        totals = log_probabilities.sum(dim=1)
        if self._mean:
            totals = totals / (batch.lengths - 1)
        return totals[batch.rows]

    def _log_probability(self, hidden: Float[Tensor, "scored hidden"], targets: Tensor) -> Float[Tensor, " scored"]:
        logits = self.model.logits(hidden).float()
        return logits.gather(1, targets.unsqueeze(1)).squeeze(1) - logits.logsumexp(dim=-1)

    def _tokenize(self, relation: Relation, pool: Pool, where: str, notices: Notices) -> list[_Sentences]:
        choices = [allowed.nonzero()[0].tolist() for allowed in pool.allowed]
        texts = [
            relation.fill(fact.subject, pool.labels[index])
            for fact, indices in zip(relation.facts, choices, strict=True)
            for index in indices
        ]
        encoded = iter(self.model.tokenizer(texts, verbose=False)["input_ids"] if texts else [])
        limit = self.model.max_tokens
        result = []
        for fact, indices in enumerate(choices):
            usable: list[tuple[int, list[int]]] = []
            for index in indices:
                ids = next(encoded)
                spot = f"{where} fact {fact} '{pool.labels[index]}'"
                if len(ids) < 2:
                    notices.add("Sentences without a token to score can never be the answer", spot)
                elif limit is not None and len(ids) > limit:
                    notices.add("Sentences longer than the model's positions can never be the answer", spot)
                else:
                    usable.append((index, ids))
            if usable:
                all_ids = [ids for _, ids in usable]
                shared = 0 if self._mean else _common_prefix(all_ids)
                result.append(_Sentences(fact, [index for index, _ in usable], all_ids, max(1, shared)))
        return result

    def _batch(self, queries: list[_Sentences]) -> _CausalBatch:
        rows = [(query, ids) for query in queries for ids in query.ids]
        width = max(1, max(len(ids) - query.first for query, ids in rows))
        positions = torch.zeros(len(rows), width, dtype=torch.long)
        targets = torch.full((len(rows), width), -1, dtype=torch.long)
        for row, (query, ids) in enumerate(rows):
            count = len(ids) - query.first
            positions[row, :count] = torch.arange(query.first - 1, len(ids) - 1)
            targets[row, :count] = torch.tensor(ids[query.first :], dtype=torch.long)
        device = self.model.device
        tokens: TokenBatch = self.model.batch([ids for _, ids in rows])
        return _CausalBatch(
            tokens=tokens,
            positions=positions.to(device),
            facts=torch.tensor([query.fact for query in queries], device=device),
            candidates=torch.tensor([query.candidates for query in queries], device=device),
            targets=targets.to(device),
            lengths=torch.tensor([len(ids) for _, ids in rows], device=device),
            rows=torch.arange(len(rows), device=device).view(len(queries), -1),
        )


def _common_prefix(sequences: Sequence[list[int]]) -> int:
    """How many tokens all sequences begin with."""
    first, last = min(sequences), max(sequences)  # every other sequence lies between these two
    differing = (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return next(differing, min(len(first), len(last)))
