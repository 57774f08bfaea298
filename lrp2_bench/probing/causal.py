"""Causal probing (paper, section 3.1): the template filled with each candidate, the whole sentence scored.

A fact's sentences run as one packed prefix tree, or a row each where a model cannot do that. For sums, what all of them
share cancels; for means nothing does. The first token is never scored: nothing predicts it. A sentence's score is at
most the sum of what is known of it, since no log-probability is positive, so a rival's log-partitions are computed only
while it may still beat the right object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.batching import by_tokens
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SentenceScore
from lrp2_bench.core.types import Relation, Setting
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.probing.bounded_ranking import BoundedRanking, Sentences
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.prefix_tree import PrefixTree, plant
from lrp2_bench.probing.probe import FactBatch, FinalStates, Probe, ProbeCounts, Queries, RunSettings, Shape, Workload
from lrp2_bench.probing.rows import SentenceRows, rows_of

#: Numbers held at once while steps are scored.
_STEP_FLOATS = 16 * 2**20


@dataclass(frozen=True)
class _Choice:
    """A fact's distinct sentences; ``gold`` is its own among them, ``weights`` 1 or one over the tokens scored."""

    prefix_tree: PrefixTree
    gold: int
    weights: list[float]
    longest: int  # tokens of the longest sentence
    rows: SentenceRows | None  # its sentences by themselves; None: they run as the prefix tree

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
    ) -> None:
        self.model, self.relation, self.where, self.data_warnings = model, relation, where, data_warnings
        self.counts = ProbeCounts()
        self._log_partition = log_partition
        self._mean = score is SentenceScore.mean
        self._choices = self._tokenize(relation, pool)

    def batches(self, tokens: int, facts: Sequence[int] | None = None) -> Iterator[FactBatch]:
        asked = list(self._choices) if facts is None else sorted(self._choices.keys() & set(facts))
        for indices in by_tokens([self._choices[fact].tokens for fact in asked], tokens):
            chosen = [asked[index] for index in indices]
            yield FactBatch(torch.tensor(chosen, device=self.model.device))

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
        choices = [self._choices[fact] for fact in batch.facts.tolist()]
        hits = torch.zeros(len(choices), len(settings), dtype=torch.bool, device=self.model.device)
        self.counts.cells += hits.numel()
        self.counts.facts += len(choices)
        for place, choice in enumerate(choices):
            if len(choice.prefix_tree.paths) == 1:
                hits[place] = True
        contested = torch.tensor([len(choice.prefix_tree.paths) > 1 for choice in choices], device=self.model.device)
        if contested.any():
            places = [place for place, choice in enumerate(choices) if len(choice.prefix_tree.paths) > 1]
            some = [choices[place] for place in places]
            facts = batch.facts[contested]
            states = self._states(some, len(settings), run)
            hits[contested] = self._ranking(some, states, facts, settings).wins()
        return hits

    def _states(
        self, choices: list[_Choice], settings: int, run: RunSettings
    ) -> Float[Tensor, "fact setting scored hidden"]:
        """The readout at the scored nodes of each fact's prefix tree, in every setting."""
        device = self.model.device
        if self.model.packs:
            everything = torch.ones(len(choices), settings, dtype=torch.bool, device=device)
            slots = max(1, *(len(choice.prefix_tree.scored) for choice in choices))
            states: Tensor | None = None
            for place, asked, hidden in self._packed(choices, everything, run):
                found = self.model.readout(hidden)
                if states is None:
                    states = found.new_zeros(len(choices), settings, slots, found.shape[-1])
                kept = found[:, :slots]
                states[place, asked, : kept.shape[1]] = kept
            if states is None:
                raise ValueError("No states came back for the facts asked.")
            return states
        rows = [choice.rows for choice in choices if choice.rows is not None]
        ids = [row for some in rows for row in some.ids]
        read = [places for some in rows for places in some.read]
        positions = torch.zeros(len(ids), max(1, *map(len, read)), dtype=torch.long)
        for row, places in enumerate(read):
            positions[row, : len(places)] = torch.tensor(places, dtype=torch.long)
        everything = torch.ones(len(ids), settings, dtype=torch.bool, device=device)
        final = run(Queries(self.model.batch(ids), positions.to(device)), everything)
        hidden = self._readout(final, len(ids), settings)
        states = hidden.new_zeros(len(choices), settings, max(1, *(len(some.slots) for some in rows)), hidden.shape[-1])
        first = 0
        for fact, some in enumerate(rows):
            row, place = torch.tensor(some.slots, dtype=torch.long, device=device).view(-1, 2).T
            states[fact, :, : len(row)] = hidden[first + row, :, place].transpose(0, 1)
            first += len(some.ids)
        return states

    def _packed(
        self, choices: list[_Choice], wanted: Bool[Tensor, "fact setting"], run: RunSettings
    ) -> Iterator[tuple[int, Int[Tensor, " asked"], Float[Tensor, "asked scored hidden"]]]:
        """Each fact's place, settings, and states at its prefix tree's scored nodes."""
        final = run(self._pack([choice.prefix_tree for choice in choices]), wanted)
        for place in range(len(choices)):
            cells = (final.query == place).nonzero().flatten()
            if len(cells):
                yield place, final.setting[cells], final.hidden[cells]

    def _readout(self, final: FinalStates, queries: int, settings: int) -> Float[Tensor, "query setting scored hidden"]:
        """That of every query in every setting, in order."""
        cell = torch.empty(queries, settings, dtype=torch.long, device=final.hidden.device)
        cell[final.query, final.setting] = torch.arange(len(final.query), device=cell.device)
        size = max(1, _STEP_FLOATS // (settings * final.hidden[0].numel()))
        return torch.cat([self.model.readout(final.hidden[part]) for part in cell.split(size)])

    def _ranking(
        self,
        choices: list[_Choice],
        states: Float[Tensor, "fact setting scored hidden"],
        facts: Int[Tensor, " fact"],
        settings: Sequence[Setting],
    ) -> BoundedRanking:
        trees = [choice.prefix_tree for choice in choices]
        sentences = Sentences.of(
            trees, [choice.weights for choice in choices], [choice.gold for choice in choices], states.device
        )
        logits = torch.zeros(*states.shape[:2], sentences.slots.shape[1], device=states.device)
        for place, tree in enumerate(trees):
            steps = torch.tensor(tree.steps, device=states.device).view(-1, 2)
            numbers = torch.arange(len(settings), device=states.device)
            logits[place, :, : len(steps)] = self.finite(
                self._step_logits(states[place], steps), facts[place].expand(len(settings)), numbers, settings
            )
        slots = sentences.uses.shape[2]
        return BoundedRanking(sentences, states[:, :, :slots], logits, self._log_partition, self.counts)

    def _step_logits(
        self, states: Float[Tensor, "setting scored hidden"], steps: Int[Tensor, "step 2"]
    ) -> Float[Tensor, "setting step"]:
        vocabulary = self.model.vocabulary
        size = max(1, _STEP_FLOATS // (states.shape[0] * states.shape[2]))
        parts = [
            (states[:, part[:, 0]] * vocabulary.weight[part[:, 1]]).sum(dim=-1).float() for part in steps.split(size)
        ]
        logits = torch.cat(parts, dim=1)
        return vocabulary.finish(logits if vocabulary.bias is None else logits + vocabulary.bias[steps[:, 1]])

    def _pack(self, prefix_trees: list[PrefixTree]) -> Queries:
        width = max(len(prefix_tree.ids) for prefix_tree in prefix_trees)
        scored = max(1, max(len(prefix_tree.scored) for prefix_tree in prefix_trees))
        ids = torch.full((len(prefix_trees), width), self.model.padding)
        keep = torch.zeros(len(prefix_trees), width, dtype=torch.bool)
        depth = torch.zeros(len(prefix_trees), width, dtype=torch.long)
        visible = torch.zeros(len(prefix_trees), width, width, dtype=torch.bool)
        positions = torch.zeros(len(prefix_trees), scored, dtype=torch.long)
        for row, prefix_tree in enumerate(prefix_trees):
            nodes = len(prefix_tree.ids)
            ids[row, :nodes] = torch.tensor(prefix_tree.ids)
            keep[row, :nodes] = True
            depth[row, :nodes] = torch.tensor(prefix_tree.depth)
            visible[row, :nodes, :nodes] = torch.from_numpy(prefix_tree.visible)
            positions[row, : len(prefix_tree.scored)] = torch.tensor(prefix_tree.scored, dtype=torch.long)
        device = self.model.device
        tokens = TokenBatch(ids.to(device), keep.to(device), depth.to(device), visible.to(device))
        return Queries(tokens, positions.to(device))

    def _tokenize(self, relation: Relation, pool: Pool) -> dict[int, _Choice]:
        choices = [allowed.nonzero()[0].tolist() for allowed in pool.allowed]
        texts = [
            relation.fill(fact.subject, pool.labels[index]).text
            for fact, indices in zip(relation.facts, choices, strict=True)
            for index in indices
        ]
        encoded = iter(self.model.tokenize(texts))
        result = {}
        for fact, indices in enumerate(choices):
            sentences: dict[tuple[int, ...], int] = {}
            for index in indices:
                ids = tuple(next(encoded))
                if self._usable(ids, f"{self.where} {relation.facts[fact].uuid} '{pool.labels[index]}'"):
                    sentences.setdefault(ids, index)
            owners = list(sentences.values())
            if int(pool.gold[fact]) in owners:
                prefix_tree = plant(list(sentences), cancel=not self._mean)
                weights = [1 / (len(ids) - 1) if self._mean else 1.0 for ids in sentences]
                gold, longest = owners.index(int(pool.gold[fact])), max(len(ids) for ids in sentences)
                result[fact] = _Choice(
                    prefix_tree, gold, weights, longest, None if self.model.packs else rows_of(prefix_tree)
                )
        return result

    def _usable(self, ids: tuple[int, ...], where: str) -> bool:
        limit = self.model.max_tokens
        if len(ids) < 2:
            self.data_warnings.add("Sentences without a token to score can never be the answer", where)
            return False
        if limit is not None and len(ids) > limit:
            self.data_warnings.add("Sentences longer than the model's positions can never be the answer", where)
            return False
        return True
