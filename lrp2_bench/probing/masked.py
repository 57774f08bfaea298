"""Masked probing (paper, section 3.1): n [MASK] tokens for an object of n tokens, mean log-probability.

Candidates of n tokens share the query with n masks, so a fact has one query per length in its pool. Within a length
the log-partition cancels: the candidates' own logits show whether the right object leads it. Only the settings in which
it does go on to the other lengths, longest list first, and leave as soon as any candidate beats the right object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation, Setting
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.leader import Leader
from lrp2_bench.probing.log_partition import Interval, LogPartition
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import FactBatch, Probe, ProbeCounts, Queries, RunSettings, Shape, Workload


@dataclass(frozen=True)
class _Length:
    """The candidates of one number of tokens: pool indices (ascending) and token ids, on the model's device."""

    index: Int[Tensor, " candidate"]
    ids: Int[Tensor, "candidate masks"]

    @property
    def masks(self) -> int:
        return self.ids.shape[1]


@dataclass(frozen=True)
class _MaskedBatch(FactBatch):
    """Facts whose right objects have ``masks`` tokens."""

    masks: int


class MaskedProbe(Probe):
    """See the module."""

    def __init__(
        self,
        model: LayeredModel,
        relation: Relation,
        pool: Pool,
        where: str,
        data_warnings: DataWarnings,
        log_partition: LogPartition,
    ) -> None:
        self.model, self.relation, self.where, self.data_warnings = model, relation, where, data_warnings
        self.counts = ProbeCounts()
        self._log_partition = log_partition
        self._between = between_masks(model.tokenizer)
        self._lengths = self._tokenize_pool(pool)
        self._queries = self._tokenize_queries(relation)
        self._allowed = torch.from_numpy(pool.allowed).to(model.device)
        self._gold = torch.from_numpy(pool.gold).to(model.device)
        self._own = {int(index): masks for masks, length in self._lengths.items() for index in length.index.tolist()}

    def batches(self, tokens: int, facts: Sequence[int] | None = None) -> Iterator[_MaskedBatch]:
        by_masks: dict[int, list[int]] = defaultdict(list)
        for fact in self._queries if facts is None else sorted(self._queries.keys() & set(facts)):
            masks = self._own.get(int(self._gold[fact]))
            if masks is not None and self._fits(fact, masks):
                by_masks[masks].append(fact)
        for masks, asked in sorted(by_masks.items()):
            for indices in by_tokens([self._longest(fact) for fact in asked], tokens):
                chosen = torch.tensor([asked[index] for index in indices], device=self.model.device)
                yield _MaskedBatch(chosen, masks)

    def workload(self, tokens: int, facts: Sequence[int] | None = None) -> Workload:
        certain, possible = [], []
        for batch in self.batches(tokens, facts):
            together = batch.facts.tolist()
            certain.append(self._shape(together, batch.masks))
            rivals = {
                masks: [fact for fact in together if self._fits(fact, masks)] for masks in self._rivals(batch.masks)
            }
            possible += [self._shape(fitting, masks) for masks, fitting in rivals.items() if fitting]
        return Workload(certain, possible)

    def _shape(self, facts: list[int], masks: int) -> Shape:
        lengths = tuple(self._length(fact, masks) for fact in facts)
        candidates = sum(len(self._lengths[masks].ids[:, mask].unique()) for mask in range(masks))
        return Shape(lengths, masks, candidates, 1, max(lengths), masks)

    def decide(self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings) -> Bool[Tensor, "fact setting"]:
        if not isinstance(batch, _MaskedBatch):
            raise TypeError(f"{type(batch).__name__} is not a batch that this probe has made")
        facts, own = batch.facts, self._lengths[batch.masks]
        everything = torch.ones(len(facts), len(settings), dtype=torch.bool, device=facts.device)
        final = run(self._ask(facts, batch.masks), everything)
        states = self.model.readout(final.hidden)
        scores, known = self._within_length(states, own, facts[final.query], final.setting, settings)
        place = torch.searchsorted(own.index, self._gold[facts[final.query]])
        gold = scores.gather(1, place.unsqueeze(1))
        before = own.index < own.index[place].unsqueeze(1)
        leads = ~((scores > gold) | ((scores == gold) & before)).any(dim=1) & torch.isfinite(gold).squeeze(1)

        hits = torch.zeros_like(everything)
        hits[final.query[leads], final.setting[leads]] = True
        self.counts.cells += everything.numel()
        self.counts.facts += len(facts)
        self.counts.undecided_facts += int(hits.any(dim=1).sum())
        rivals = self._rivals(batch.masks)
        if not rivals or not len(leads.nonzero()):
            return hits
        leader = self._leader(states[leads], gold.squeeze(1)[leads], known[leads], final.query[leads], batch.masks)
        cell = torch.full_like(hits, -1, dtype=torch.long)
        cell[final.query[leads], final.setting[leads]] = torch.arange(int(leads.sum()), device=facts.device)
        for masks in rivals:
            self._against(masks, facts, settings, hits, leader, cell, run)
        return hits

    def _against(
        self,
        masks: int,
        facts: Int[Tensor, " fact"],
        settings: Sequence[Setting],
        hits: Bool[Tensor, "fact setting"],
        leader: Leader,
        cell: Int[Tensor, "fact setting"],
        run: RunSettings,
    ) -> None:
        """Take out of ``hits`` the cells in which a candidate of ``masks`` tokens beats the right object."""
        length = self._lengths[masks]
        competes = self._allowed[facts][:, length.index].any(dim=1)
        competes &= torch.tensor([self._fits(int(fact), masks) for fact in facts.tolist()], device=facts.device)
        rows = (hits.any(dim=1) & competes).nonzero().flatten()
        if not len(rows):
            return
        final = run(self._ask(facts[rows], masks), hits[rows])
        fact, setting = rows[final.query], final.setting
        states = self.model.readout(final.hidden)
        scores, known = self._within_length(states, length, facts[fact], setting, settings)
        top = scores.max(dim=1).values
        none = torch.iinfo(torch.long).max
        index = torch.where(scores == top.unsqueeze(1), length.index, none).min(dim=1).values
        rival = self._leader(states, top, known, final.query, masks)
        mine = cell[fact, setting]
        everyone = torch.arange(len(mine), device=mine.device)
        for look in range(3):
            ours, theirs = leader.interval(mine), rival.interval(everyone)
            beaten = (theirs.low > ours.high) | ~torch.isfinite(ours.high)
            close = ~beaten & ~(theirs.high < ours.low) & torch.isfinite(top)  # also where a bound is no number
            if look == 2 or not close.any():
                break
            # First whoever is ahead with log-partitions at their lowest: a rival may win, or fall, by that alone.
            ahead = (ours.high >= theirs.high) if look == 0 else torch.ones_like(close)
            leader.bound(mine[close & ahead])
            rival.bound(everyone[close & (~ahead if look == 0 else ahead)])
        close = close.nonzero().flatten()
        if len(close):
            exact, rivals = leader.exact(mine[close]), rival.exact(close)
            first = index[close] < self._gold[facts[fact[close]]]
            beaten[close] = (rivals > exact) | ((rivals == exact) & first) | ~torch.isfinite(exact)
        hits[fact[beaten], setting[beaten]] = False

    def _leader(
        self,
        states: Float[Tensor, "cell masks hidden"],
        logits: Float[Tensor, " cell"],
        known: Float[Tensor, "cell masks"],
        query: Int[Tensor, " cell"],
        masks: int,
    ) -> Leader:
        led = self._log_partition.led(states, query, self.counts)
        known = torch.maximum(known - self._log_partition.slip(states, known), led.low)
        bounds = Interval(torch.where(led.low == led.high, led.low, known), led.high)
        return Leader(states, logits, bounds, masks, self._log_partition, self.counts)

    def _within_length(
        self,
        states: Float[Tensor, "cell masks hidden"],
        length: _Length,
        facts: Int[Tensor, " cell"],
        numbers: Int[Tensor, " cell"],
        settings: Sequence[Setting],
    ) -> tuple[Float[Tensor, "cell candidate"], Float[Tensor, "cell masks"]]:
        """Sums of the candidates' logits: log-probabilities but for the log-partition they share; and the log-sum-exps
        of their tokens' logits, which that is no less than."""
        vocabulary = self.model.vocabulary
        total = torch.zeros(len(states), len(length.index), device=states.device)
        known = torch.zeros(len(states), length.masks, device=states.device)
        for mask in range(length.masks):
            tokens, column = length.ids[:, mask].unique(return_inverse=True)
            bias = vocabulary.bias[tokens] if vocabulary.bias is not None else None
            logits = torch.nn.functional.linear(states[:, mask], vocabulary.weight[tokens], bias)
            logits = vocabulary.finish(logits.float())
            known[:, mask] = logits.logsumexp(dim=1)
            total += logits[:, column]
        scores = self.finite(total, facts, numbers, settings)
        return scores.masked_fill(~self._allowed[facts][:, length.index], -torch.inf), known

    def _rivals(self, own: int) -> list[int]:
        """The other lengths, the one with most candidates first: it is the likeliest to hold a better one."""
        others = [masks for masks in self._lengths if masks != own]
        return sorted(others, key=lambda masks: (-len(self._lengths[masks].index), masks))

    def _ask(self, facts: Int[Tensor, " fact"], masks: int) -> Queries:
        numbers = facts.tolist()
        first = torch.tensor([self._queries[fact][1] for fact in numbers], device=facts.device)
        steps = torch.arange(masks, device=facts.device) * (1 + len(self._between))
        tokens = self.model.batch([self._sequence(fact, masks) for fact in numbers])
        return Queries(tokens, first.unsqueeze(1) + steps)

    def _sequence(self, fact: int, masks: int) -> list[int]:
        ids, place = self._queries[fact]
        mask = ids[place]
        return [*ids[:place], mask, *([*self._between, mask] * (masks - 1)), *ids[place + 1 :]]

    def _length(self, fact: int, masks: int) -> int:
        ids, _ = self._queries[fact]
        return len(ids) + (masks - 1) * (1 + len(self._between))

    def _longest(self, fact: int) -> int:
        """Tokens of the longest query the fact may be asked: a batch must have room for the other lengths as well."""
        return max(self._length(fact, masks) for masks in self._lengths if self._fits(fact, masks))

    def _fits(self, fact: int, masks: int) -> bool:
        limit = self.model.max_tokens
        return limit is None or self._length(fact, masks) <= limit

    def _tokenize_pool(self, pool: Pool) -> dict[int, _Length]:
        """Number of tokens -> candidates."""
        tokenizer, data_warnings = self.model.tokenizer, self.data_warnings
        groups: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        labels = list(pool.labels)
        encoded = self.model.tokenize(labels, special=False)
        for index, ids in enumerate(encoded):
            where = f"{self.where} '{pool.labels[index]}'"
            if not ids:
                data_warnings.add("Candidates without a token can never be the answer", where)
                continue
            if tokenizer.unk_token_id in ids:
                data_warnings.add("Candidates with an unknown token", where)
            groups[len(ids)].append((index, ids))
        device = self.model.device
        return {
            masks: _Length(
                torch.tensor([index for index, _ in members], device=device),
                torch.tensor([ids for _, ids in members], device=device),
            )
            for masks, members in sorted(groups.items())
        }

    def _tokenize_queries(self, relation: Relation) -> dict[int, tuple[list[int], int]]:
        """Fact -> its query's token ids with a single mask, and that mask's place."""
        tokenizer = self.model.tokenizer
        texts = [relation.fill(fact.subject, tokenizer.mask_token).text for fact in relation.facts]
        queries = {}
        for number, ids in enumerate(self.model.tokenize(texts)):
            where = f"{self.where} {relation.facts[number].uuid}"
            if ids.count(tokenizer.mask_token_id) != 1:
                self.data_warnings.add("Facts whose subject holds the mask token are never hit", where)
                continue
            queries[number] = (ids, ids.index(tokenizer.mask_token_id))
        self._queries = queries
        for number in queries:
            for masks in self._lengths:
                if not self._fits(number, masks):
                    self.data_warnings.add(
                        "Queries longer than the model's positions (their candidates can never be the answer)",
                        f"{self.where} {relation.facts[number].uuid} with {masks} masks",
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
