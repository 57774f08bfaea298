"""Masked probing (paper, section 3.1): n [MASK] tokens for an object of n tokens, mean log-probability."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lrp2_bench.batching import by_tokens
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.notices import Notices
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import Probe, QueryBatch
from lrp2_bench.types import Relation


class MaskedProbe(Probe):
    """Candidates of n tokens share the query with n masks, so a fact has one query per length in its pool."""

    def __init__(
        self,
        model: LayeredModel,
        relation: Relation,
        pool: Pool,
        where: str,
        notices: Notices,
        *,
        batch_tokens: int,
        logit_rows: int,
    ) -> None:
        self.model = model
        self.where = where
        self._logit_rows = logit_rows
        self._allowed = torch.from_numpy(pool.allowed)
        self._between = _between_masks(model.tokenizer)
        self._by_length = self._tokenize_pool(pool, where, notices)
        queries = self._tokenize_queries(relation, where, notices)
        self.batches = [
            batch
            for count, candidates in self._by_length.items()
            for batch in self._cut(queries, count, candidates[0], where, notices, batch_tokens)
        ]

    def scores(self, batch: QueryBatch, hidden: Float[Tensor, "row scored hidden"]) -> Float[Tensor, "fact candidate"]:
        count = hidden.shape[1]
        tokens = self._by_length[count][1]
        step = max(1, self._logit_rows // count)
        scores = torch.cat([self._mean_log_probability(part, tokens) for part in hidden.split(step)])
        return scores.masked_fill(batch.candidates < 0, -torch.inf)

    def _mean_log_probability(
        self, hidden: Float[Tensor, "row scored hidden"], tokens: Tensor
    ) -> Float[Tensor, "row candidate"]:
        logits = self.model.logits(hidden).float()
        normaliser = logits.logsumexp(dim=-1).sum(dim=1, keepdim=True)
        total = logits[:, 0].index_select(1, tokens[:, 0])
        for position in range(1, tokens.shape[1]):
            total = total + logits[:, position].index_select(1, tokens[:, position])
        return (total - normaliser) / tokens.shape[1]

    def _tokenize_pool(self, pool: Pool, where: str, notices: Notices) -> dict[int, tuple[Tensor, Tensor]]:
        """Number of tokens -> pool indices ``[candidate]`` and their token ids ``[candidate, n]`` (on the device)."""
        tokenizer = self.model.tokenizer
        groups: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        labels = list(pool.labels)
        encoded = tokenizer(labels, add_special_tokens=False, verbose=False)["input_ids"] if labels else []
        for index, ids in enumerate(encoded):
            if not ids:
                notices.add("Candidates without a token can never be the answer", f"{where} '{pool.labels[index]}'")
                continue
            if tokenizer.unk_token_id in ids:
                notices.add("Candidates with an unknown token", f"{where} '{pool.labels[index]}'")
            groups[len(ids)].append((index, ids))
        return {
            count: (
                torch.tensor([index for index, _ in members]),
                torch.tensor([ids for _, ids in members], device=self.model.device),
            )
            for count, members in sorted(groups.items())
        }

    def _tokenize_queries(self, relation: Relation, where: str, notices: Notices) -> dict[int, tuple[list[int], int]]:
        """Fact -> its query's token ids with a single mask, and that mask's place."""
        tokenizer = self.model.tokenizer
        texts = [relation.fill(fact.subject, tokenizer.mask_token) for fact in relation.facts]
        queries = {}
        for number, ids in enumerate(tokenizer(texts, verbose=False)["input_ids"] if texts else []):
            if ids.count(tokenizer.mask_token_id) != 1:
                notices.add(
                    "Facts whose subject holds the mask token are never hit", f"{where} {relation.facts[number].uuid}"
                )
                continue
            queries[number] = (ids, ids.index(tokenizer.mask_token_id))
        return queries

    def _cut(
        self,
        queries: dict[int, tuple[list[int], int]],
        count: int,
        candidates: Tensor,
        where: str,
        notices: Notices,
        batch_tokens: int,
    ) -> list[QueryBatch]:
        """The queries with ``count`` masks, in batches."""
        mask, limit = self.model.tokenizer.mask_token_id, self.model.max_tokens
        facts, sequences, starts = [], [], []
        for fact, (ids, place) in queries.items():
            if not self._allowed[fact, candidates].any():
                continue
            masks = [mask] + [*self._between, mask] * (count - 1)
            sequence = ids[:place] + masks + ids[place + 1 :]
            if limit is not None and len(sequence) > limit:
                notices.add(
                    "Queries longer than the model's positions (their candidates can never be the answer)",
                    f"{where} fact {fact} with {count} masks: {len(sequence)} tokens of {limit}",
                )
                continue
            facts.append(fact)
            sequences.append(sequence)
            starts.append(place)
        batches = []
        steps = torch.arange(count, device=self.model.device) * (1 + len(self._between))
        for indices in by_tokens([len(sequence) for sequence in sequences], batch_tokens):
            chosen = torch.tensor([facts[index] for index in indices])
            first = torch.tensor([starts[index] for index in indices], device=self.model.device)
            slots = torch.where(self._allowed[chosen][:, candidates], candidates, -1)
            batches.append(
                QueryBatch(
                    tokens=self.model.batch([sequences[index] for index in indices]),
                    positions=first.unsqueeze(1) + steps,
                    facts=chosen.to(self.model.device),
                    candidates=slots.to(self.model.device),
                )
            )
        return batches


def _between_masks(tokenizer: Any) -> list[int]:
    """What the tokenizer puts between two masks written with a space: nothing, or a token for the space.

    With it, one tokenization of a query serves every number of masks.
    """
    mask = tokenizer.mask_token
    ids: list[int] = tokenizer(f"{mask} {mask}", add_special_tokens=False)["input_ids"]
    first, second = (place for place, token in enumerate(ids) if token == tokenizer.mask_token_id)
    return ids[first + 1 : second]
