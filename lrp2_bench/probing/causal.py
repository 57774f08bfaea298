"""Causal probing (paper, section 3.1): the template filled with each candidate, the whole sentence scored.

A fact's sentences run as one packed prefix tree, or a row each where a model cannot do that. For sums, what all of them
share cancels; for means nothing does. The first token is never scored: nothing predicts it. A sentence's score is at
most the sum of what is known of it, since no log-probability is positive, so a rival's log-partitions are computed only
while it may still beat the right object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SentenceScore
from lrp2_bench.core.types import Relation, Setting
from lrp2_bench.models.devices import floats_at_once, send
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.bounded_ranking import BoundedRanking, Sentences
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.prefix_tree import PrefixTree, packed, plant
from lrp2_bench.probing.probe import FactBatch, FinalStates, Probe, ProbeCounts, Queries, RunSettings, Shape, Workload
from lrp2_bench.probing.rows import SentenceRows, rows_of


@dataclass(frozen=True)
class _Choice:
    """A fact's distinct sentences; ``gold`` is its own among them, ``weights`` 1 or one over the tokens scored."""

    prefix_tree: PrefixTree
    gold: int
    weights: list[float]
    longest: int  # tokens of the longest sentence
    rows: SentenceRows | None  # its sentences by themselves; None: they run as the prefix tree
    owners: list[tuple[int, int]]  # (pool index, sentence) of every candidate that has one; none unless all are scored

    @property
    def tokens(self) -> int:
        return len(self.prefix_tree.ids) if self.rows is None else self.rows.tokens


class CausalProbe(Probe):
    """See the module. Candidates that tokenize alike are one sentence, which belongs to the first label."""

    def __init__(
        self,
        model: LayeredModel,
        relation: Relation,
        pool: Pool,
        where: str,
        data_warnings: DataWarnings,
        log_partition: LogPartition,
        score: SentenceScore,
        *,
        full: bool = False,
    ) -> None:
        """``full``: for :meth:`scores`, whose sentences keep what all of a fact's have in common."""
        self.model, self.relation, self.where, self.data_warnings = model, relation, where, data_warnings
        self.counts = ProbeCounts()
        self._log_partition, self._full = log_partition, full
        self._mean = score is SentenceScore.mean
        self.candidates = pool.allowed
        self._choices = self._tokenize(relation, pool)

    def batches(self, tokens: int, facts: Sequence[int] | None = None) -> Iterator[FactBatch]:
        asked = list(self._choices) if facts is None else sorted(self._choices.keys() & set(facts))
        for indices in by_tokens([self._choices[fact].tokens for fact in asked], tokens):
            chosen = [asked[index] for index in indices]
            yield FactBatch(torch.tensor(chosen))

    def workload(self, tokens: int, facts: Sequence[int] | None = None) -> Workload:
        certain = []
        for batch in self.batches(tokens, facts):
            choices = [self._choices[fact] for fact in batch.facts.tolist()]
            certain += [self._shape(choice) for choice in choices if len(choice.prefix_tree.paths) > 1]
        return Workload(certain, [])

    def _shape(self, choice: _Choice) -> Shape:
        prefix_tree, rows = choice.prefix_tree, choice.rows
        log_partitions = len(prefix_tree.scored) - sum(prefix_tree.shared)
        if rows is None:
            return Shape(
                lengths=(len(prefix_tree.ids),),
                scored=len(prefix_tree.scored),
                candidate_tokens=len(prefix_tree.steps),
                sentences=len(prefix_tree.paths),
                sentence_tokens=choice.longest,
                log_partitions=log_partitions,
            )
        count = len(rows.ids)  # a shape's numbers are of each query
        return Shape(
            lengths=tuple(map(len, rows.ids)),
            scored=max(map(len, rows.read)),
            candidate_tokens=ceil(len(prefix_tree.steps) / count),
            sentences=1,
            sentence_tokens=choice.longest,
            log_partitions=ceil(log_partitions / count),
        )

    def decide(self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings) -> Bool[Tensor, "fact setting"]:
        facts: list[int] = batch.facts.tolist()
        choices = [self._choices[fact] for fact in facts]
        self.counts.cells += len(facts) * len(settings)
        self.counts.facts += len(facts)
        places = [place for place, choice in enumerate(choices) if len(choice.prefix_tree.paths) > 1]
        if not places:
            return torch.ones(len(facts), len(settings), dtype=torch.bool)
        won = self._contested([choices[place] for place in places], [facts[place] for place in places], settings, run)
        if len(places) == len(facts):
            return won
        hits = torch.ones(len(facts), len(settings), dtype=torch.bool, device=won.device)
        return hits.index_copy_(0, send(torch.tensor(places), won.device), won)

    def _contested(
        self, choices: list[_Choice], facts: Sequence[int], settings: Sequence[Setting], run: RunSettings
    ) -> Bool[Tensor, "fact setting"]:
        """:meth:`decide` of facts with rivals."""
        return self._ranking(choices, self._states(choices, len(settings), run), facts, settings).wins()

    def scores(
        self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings
    ) -> Float[Tensor, "fact setting candidate"]:
        facts: list[int] = batch.facts.tolist()
        choices = [self._choices[fact] for fact in facts]
        found = torch.full((len(facts), len(settings), self.candidates.shape[1]), -torch.inf)
        for places, states in self._in_parts(choices, len(settings), run):
            some = [choices[place] for place in places]
            sentences, states, logits = self._sentences(some, states, [facts[place] for place in places], settings)
            used = sentences.uses.any(dim=1).nonzero()
            rows = states[used[:, 0], :, used[:, 1]]
            exact = self._log_partition.exact(rows.flatten(0, 1), self.counts).view(rows.shape[:2])
            known = logits.new_zeros(states.shape[:3])
            known[used[:, 0], :, used[:, 1]] = exact
            scores = sentences.total(logits) - torch.bmm(known, sentences.uses.transpose(1, 2))
            scores = torch.where(torch.isfinite(scores), scores, -torch.inf).cpu()
            for row, place in enumerate(places):
                candidate, sentence = (list(side) for side in zip(*choices[place].owners, strict=True))
                found[place][:, candidate] = scores[row][:, sentence]
        return found.masked_fill(~torch.from_numpy(self.candidates[facts]).unsqueeze(1), torch.nan)

    def _in_parts(
        self, choices: list[_Choice], settings: int, run: RunSettings
    ) -> Iterator[tuple[list[int], Float[Tensor, "fact setting scored hidden"]]]:
        """The readout at scored nodes of some of the choices (their places), then of others."""
        yield list(range(len(choices))), self._states(choices, settings, run)

    def _states(
        self, choices: list[_Choice], settings: int, run: RunSettings
    ) -> Float[Tensor, "fact setting scored hidden"]:
        """The readout at the scored nodes of each fact's prefix tree, in every setting."""
        device = self.model.device
        if self.model.packs:
            everything = torch.ones(len(choices), settings, dtype=torch.bool)
            final = run(Queries(*packed([choice.prefix_tree for choice in choices], self.model.padding)), everything)
            return self._readout(final, len(choices), settings)
        rows = [choice.rows for choice in choices if choice.rows is not None]
        ids = [row for some in rows for row in some.ids]
        read = [places for some in rows for places in some.read]
        positions = np.zeros((len(ids), max(1, *map(len, read))), dtype=np.int64)
        for row, places in enumerate(read):
            positions[row, : len(places)] = places
        everything = torch.ones(len(ids), settings, dtype=torch.bool)
        common = [choice.prefix_tree.common for choice in choices if choice.rows for _ in choice.rows.ids]
        tokens = replace(self.model.padded(ids), common=torch.tensor(common))
        final = run(Queries(tokens, torch.from_numpy(positions)), everything)
        hidden = self._readout(final, len(ids), settings).transpose(1, 2)
        # Where each fact's scored nodes are; what a fact has not is filled up with the first row's first place.
        source = np.zeros((len(choices), max(1, *(len(some.slots) for some in rows)), 2), dtype=np.int64)
        first = 0
        for fact, some in enumerate(rows):
            source[fact, : len(some.slots)] = np.array(some.slots, dtype=np.int64).reshape(-1, 2)
            source[fact, :, 0] += first
            first += len(some.ids)
        at = send(torch.from_numpy(source), device)
        return hidden[at[..., 0], at[..., 1]].transpose(1, 2)

    def _readout(self, final: FinalStates, queries: int, settings: int) -> Float[Tensor, "query setting scored hidden"]:
        """That of every query in every setting, in order."""
        cell = torch.empty(queries, settings, dtype=torch.long, device=final.hidden.device)
        cell[final.query, final.setting] = torch.arange(len(final.query), device=cell.device)
        size = max(1, floats_at_once(final.hidden.device) // (settings * final.hidden[0].numel()))
        return torch.cat([self.model.readout(final.hidden[part]) for part in cell.split(size)])

    def _ranking(
        self,
        choices: list[_Choice],
        states: Float[Tensor, "fact setting scored hidden"],
        facts: Sequence[int],
        settings: Sequence[Setting],
    ) -> BoundedRanking:
        return BoundedRanking(*self._sentences(choices, states, facts, settings), self._log_partition, self.counts)

    def _sentences(
        self,
        choices: list[_Choice],
        states: Float[Tensor, "fact setting scored hidden"],
        facts: Sequence[int],
        settings: Sequence[Setting],
    ) -> tuple[Sentences, Float[Tensor, "fact setting slot hidden"], Float[Tensor, "fact setting step"]]:
        """The choices' sentences, the states at their slots and the logits of their steps."""
        trees = [choice.prefix_tree for choice in choices]
        sentences = Sentences.of(
            trees, [choice.weights for choice in choices], [choice.gold for choice in choices], states.device
        )
        tokens = np.zeros(sentences.slots.shape, dtype=np.int64)
        there = np.zeros(sentences.slots.shape, dtype=np.bool_)
        for place, tree in enumerate(trees):
            tokens[place, : len(tree.steps)] = [token for _, token in tree.steps]
            there[place, : len(tree.steps)] = True
        sent = send(torch.from_numpy(np.stack([tokens, there])), states.device)
        slots = sentences.uses.shape[2]
        logits = self._step_logits(states, sentences.slots.clamp(max=slots - 1), sent[0])
        logits = logits.masked_fill(~sent[1].bool().unsqueeze(1), 0.0)
        return sentences, states[:, :, :slots], self.finite_of_facts(logits, facts, settings)

    def _step_logits(
        self,
        states: Float[Tensor, "fact setting scored hidden"],
        slots: Int[Tensor, "fact step"],
        tokens: Int[Tensor, "fact step"],
    ) -> Float[Tensor, "fact setting step"]:
        """Each step's token's logit at its slot."""
        vocabulary, (facts, settings, _, hidden) = self.model.vocabulary, states.shape
        size = max(1, floats_at_once(states.device) // (facts * settings * hidden))
        number = torch.arange(facts, device=states.device).unsqueeze(1)
        turned = states.transpose(1, 2)
        parts = []
        for slot, token in zip(slots.split(size, dim=1), tokens.split(size, dim=1), strict=True):
            products = turned[number, slot] * vocabulary.weight[token].unsqueeze(2)
            parts.append(products.sum(dim=-1).float())
        logits = torch.cat(parts, dim=1).transpose(1, 2)
        return vocabulary.finish(
            logits if vocabulary.bias is None else logits + vocabulary.bias[tokens].unsqueeze(1)
        ).contiguous()

    def _tokenize(self, relation: Relation, pool: Pool) -> dict[int, _Choice]:
        choices = [allowed.nonzero()[0].tolist() for allowed in pool.allowed]
        texts = [
            relation.fill(fact, pool.labels[index]).text
            for fact, indices in zip(relation.facts, choices, strict=True)
            for index in indices
        ]
        encoded = iter(self.model.tokenize(texts))
        result = {}
        for fact, indices in enumerate(choices):
            of = {index: tuple(next(encoded)) for index in indices}
            where = f"{self.where} {relation.facts[fact].uuid}"
            of = {index: ids for index, ids in of.items() if self._usable(ids, f"{where} '{pool.labels[index]}'")}
            found = self._found(of, int(pool.gold[fact]))
            if found is None:
                continue
            sentences, gold, owners = found
            prefix_tree = plant(sentences, cancel=not (self._mean or self._full))
            weights = [1 / (len(ids) - 1) if self._mean else 1.0 for ids in sentences]
            rows = None if self.model.packs else rows_of(prefix_tree)
            result[fact] = _Choice(prefix_tree, gold, weights, max(map(len, sentences)), rows, owners)
        return result

    def _found(
        self, of: dict[int, tuple[int, ...]], gold: int
    ) -> tuple[list[tuple[int, ...]], int, list[tuple[int, int]]] | None:
        """The distinct sentences of a fact's candidates ``of``, by pool index; its own among them, and whose each is.

        None where no other's is the right object's own, unless all are scored, or where there is none at all.
        """
        first: dict[tuple[int, ...], int] = {}
        for index, ids in of.items():
            first.setdefault(ids, index)
        sentences = list(first)
        number = {ids: place for place, ids in enumerate(sentences)}
        if self._full:
            owners = [(index, number[ids]) for index, ids in of.items()]
            return (sentences, number.get(of.get(gold, ()), 0), owners) if sentences else None
        return (sentences, number[of[gold]], []) if gold in first.values() else None

    def _usable(self, ids: tuple[int, ...], where: str) -> bool:
        limit = self.model.max_tokens
        if len(ids) < 2:
            self.data_warnings.add("Sentences without a token to score can never be the answer", where)
            return False
        if limit is not None and len(ids) > limit:
            self.data_warnings.add("Sentences longer than the model's positions can never be the answer", where)
            return False
        return True
