"""What a masked model may be asked: a fact's query with any number of masks, and the candidates of so many tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation
from lrp2_bench.models.devices import send
from lrp2_bench.models.layered import LayeredModel, TokenBatch, Vocabulary
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import Queries

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Length:
    """The candidates of one number of tokens: pool indices (ascending), and of each mask the tokens that occur there
    and each candidate's among them; on the model's device, ``numbers`` being the pool indices on the host."""

    index: Int[Tensor, " candidate"]
    tokens: list[Int[Tensor, " token"]]
    column: list[Int[Tensor, " candidate"]]
    numbers: Numbers

    @classmethod
    def of(cls, numbers: Sequence[int], ids: Sequence[Sequence[int]], device: torch.device) -> Length:
        found = [np.unique(tokens, return_inverse=True) for tokens in np.array(ids).T]
        tokens, column = (
            [send(torch.from_numpy(part), device) for part in parts] for parts in zip(*found, strict=True)
        )
        own = np.array(numbers, dtype=np.int64)
        return cls(send(torch.from_numpy(own), device), tokens, column, own)

    @property
    def masks(self) -> int:
        return len(self.tokens)

    def score(
        self, states: Float[Tensor, "cell masks hidden"], vocabulary: Vocabulary
    ) -> tuple[Float[Tensor, "cell candidate"], Float[Tensor, "cell masks"]]:
        """Sums of the candidates' logits: log-probabilities but for the log-partition they share; and the log-sum-exps
        of their tokens' logits, which that is no less than."""
        total = torch.zeros(len(states), len(self.index), device=states.device)
        known = torch.zeros(len(states), self.masks, device=states.device)
        for mask, (tokens, column) in enumerate(zip(self.tokens, self.column, strict=True)):
            bias = vocabulary.bias[tokens] if vocabulary.bias is not None else None
            logits = torch.nn.functional.linear(states[:, mask], vocabulary.weight[tokens], bias)
            logits = vocabulary.finish(logits.float())
            known[:, mask] = logits.logsumexp(dim=1)
            total += logits[:, column]
        return total, known


class MaskedQueries:
    """Of one relation. ``lengths`` are its candidates by their number of tokens, ``own`` the number of tokens of the
    right object of each fact that can be asked for it."""

    def __init__(
        self, model: LayeredModel, relation: Relation, pool: Pool, where: str, data_warnings: DataWarnings
    ) -> None:
        self._model = model
        self._between = between_masks(model.tokenizer)
        self.lengths = self._tokenize_pool(pool, where, data_warnings)
        self._queries = self._tokenize_queries(relation, where, data_warnings)
        tokens = {int(index): masks for masks, length in self.lengths.items() for index in length.numbers}
        gold = {fact: int(pool.gold[fact]) for fact in self._queries}
        own = {fact: tokens[index] for fact, index in gold.items() if index in tokens}
        self.own = {fact: masks for fact, masks in own.items() if self.fits(fact, masks)}

    def ask(self, facts: Numbers, masks: Numbers) -> Queries:
        """Each fact with as many ``masks``, read there; a query with fewer than another reads its last repeatedly."""
        asked = list(zip(facts.tolist(), masks.tolist(), strict=True))
        steps = np.minimum(np.arange(masks.max()), masks[:, None] - 1) * (1 + len(self._between))
        first = np.array([self._queries[fact][1] for fact, _ in asked])
        tokens: TokenBatch = self._model.padded([self.sequence(fact, count) for fact, count in asked])
        return Queries(tokens, torch.from_numpy(first[:, None] + steps))

    def sequence(self, fact: int, masks: int) -> list[int]:
        ids, place = self._queries[fact]
        mask = ids[place]
        return [*ids[:place], mask, *([*self._between, mask] * (masks - 1)), *ids[place + 1 :]]

    def length(self, fact: int, masks: int) -> int:
        ids, _ = self._queries[fact]
        return len(ids) + (masks - 1) * (1 + len(self._between))

    def longest(self, fact: int) -> int:
        """Tokens of the longest query the fact may be asked: a batch must have room for the other lengths as well."""
        return max(self.length(fact, masks) for masks in self.lengths if self.fits(fact, masks))

    def answerable(self) -> list[int]:
        """The facts that can be asked for candidates of some length, whether or not their own object is among them."""
        return [fact for fact in self._queries if any(self.fits(fact, masks) for masks in self.lengths)]

    def fits(self, fact: int, masks: int) -> bool:
        limit = self._model.max_tokens
        return limit is None or self.length(fact, masks) <= limit

    def _tokenize_pool(self, pool: Pool, where: str, data_warnings: DataWarnings) -> dict[int, Length]:
        """Number of tokens -> candidates."""
        tokenizer = self._model.tokenizer
        groups: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        labels = list(pool.labels)
        encoded = self._model.tokenize(labels, special=False)
        for index, ids in enumerate(encoded):
            named = f"{where} '{pool.labels[index]}'"
            if not ids:
                data_warnings.add("Candidates without a token can never be the answer", named)
                continue
            if tokenizer.unk_token_id in ids:
                data_warnings.add("Candidates with an unknown token", named)
            groups[len(ids)].append((index, ids))
        return {
            masks: Length.of([index for index, _ in members], [ids for _, ids in members], self._model.device)
            for masks, members in sorted(groups.items())
        }

    def _tokenize_queries(
        self, relation: Relation, where: str, data_warnings: DataWarnings
    ) -> dict[int, tuple[list[int], int]]:
        """Fact -> its query's token ids with a single mask, and that mask's place."""
        tokenizer = self._model.tokenizer
        texts = [relation.fill(fact, tokenizer.mask_token).text for fact in relation.facts]
        queries = {}
        for number, ids in enumerate(self._model.tokenize(texts)):
            named = f"{where} {relation.facts[number].uuid}"
            if ids.count(tokenizer.mask_token_id) != 1:
                data_warnings.add("Facts whose subject holds the mask token are never hit", named)
                continue
            queries[number] = (ids, ids.index(tokenizer.mask_token_id))
        self._queries = queries
        for number in queries:
            for masks in self.lengths:
                if not self.fits(number, masks):
                    data_warnings.add(
                        "Queries longer than the model's positions (their candidates can never be the answer)",
                        f"{where} {relation.facts[number].uuid} with {masks} masks",
                    )
        return queries


def between_masks(tokenizer: Any) -> list[int]:
    """What the tokenizer puts between two masks written with a space: nothing, or a token for the space.

    With it, one tokenization of a query serves every number of masks.
    """
    mask = tokenizer.mask_token
    ids: list[int] = tokenizer(f"{mask} {mask}", add_special_tokens=False)["input_ids"]
    first, second = (place for place, token in enumerate(ids) if token == tokenizer.mask_token_id)
    return ids[first + 1 : second]
