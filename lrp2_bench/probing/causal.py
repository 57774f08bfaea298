"""Causal probing (paper, section 3.1): the template filled with each candidate, the whole sentence scored.

A fact's sentences run as one packed forest, or a row each where a model cannot do that. For sums, what all of them
share cancels; for means nothing does. The first token is never scored: nothing predicts it. A sentence's score is at
most the sum of what is known of it, since no log-probability is positive, so a rival's normalisers are computed only
while it may still beat the gold object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.batching import by_tokens
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.notices import Notices
from lrp2_bench.probing.duel import Duel
from lrp2_bench.probing.forest import Forest, plant
from lrp2_bench.probing.normaliser import Normaliser
from lrp2_bench.probing.pools import Pool
from lrp2_bench.probing.probe import FactBatch, Probe, ProbeCounts, Queries, RunSettings, Shape, Workload
from lrp2_bench.probing.rows import SentenceRows, rows_of
from lrp2_bench.settings import SentenceScore
from lrp2_bench.types import Relation, Setting

#: Numbers held at once while steps are scored.
_STEP_FLOATS = 16 * 2**20


@dataclass(frozen=True)
class _Choice:
    """A fact's distinct sentences; ``gold`` is its own among them, ``weights`` 1 or one over the tokens scored."""

    forest: Forest
    gold: int
    weights: list[float]
    longest: int  # tokens of the longest sentence
    rows: SentenceRows | None  # its sentences by themselves; None: they run as the forest

    @property
    def tokens(self) -> int:
        return len(self.forest.ids) if self.rows is None else self.rows.tokens


class CausalProbe(Probe):
    """See the module. Candidates that tokenize alike are one sentence, which belongs to the first label."""

    def __init__(
        self,
        model: LayeredModel,
        relation: Relation,
        pool: Pool,
        where: str,
        notices: Notices,
        normaliser: Normaliser,
        score: SentenceScore,
    ) -> None:
        self.model, self.relation, self.where, self.notices = model, relation, where, notices
        self.counts = ProbeCounts()
        self._normaliser = normaliser
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
            certain += [self._shape(choice) for choice in choices if len(choice.forest.paths) > 1]
        return Workload(certain, [])

    def _shape(self, choice: _Choice) -> Shape:
        forest, rows = choice.forest, choice.rows
        normalisers = len(forest.scored) - sum(forest.shared)
        if rows is None:
            return Shape(
                lengths=(len(forest.ids),),
                scored=len(forest.scored),
                candidate_tokens=len(forest.steps),
                sentences=len(forest.paths),
                sentence_tokens=choice.longest,
                normalisers=normalisers,
            )
        count = len(rows.ids)  # a shape's numbers are of each query
        return Shape(
            lengths=tuple(map(len, rows.ids)),
            scored=max(map(len, rows.read)),
            candidate_tokens=ceil(len(forest.steps) / count),
            sentences=1,
            sentence_tokens=choice.longest,
            normalisers=ceil(normalisers / count),
        )

    def decide(self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings) -> Bool[Tensor, "fact setting"]:
        choices = [self._choices[fact] for fact in batch.facts.tolist()]
        hits = torch.zeros(len(choices), len(settings), dtype=torch.bool, device=self.model.device)
        self.counts.cells += hits.numel()
        self.counts.facts += len(choices)
        for place, choice in enumerate(choices):
            if len(choice.forest.paths) == 1:
                hits[place] = True
        contested = torch.tensor([len(choice.forest.paths) > 1 for choice in choices], device=self.model.device)
        wanted = contested.unsqueeze(1).expand_as(hits)
        if contested.any():
            states_of = self._packed if self.model.packs else self._in_rows
            for place, asked, hidden in states_of(choices, wanted, run):
                states = self.model.readout(hidden)
                fact = batch.facts[place].expand(len(asked))
                hits[place, asked] = self._duel(choices[place], states, fact, asked, settings)
        return hits

    def _packed(
        self, choices: list[_Choice], wanted: Bool[Tensor, "fact setting"], run: RunSettings
    ) -> Iterator[tuple[int, Int[Tensor, " asked"], Float[Tensor, "asked scored hidden"]]]:
        """Each contested fact's place, settings, and states at its forest's scored nodes."""
        final = run(self._pack([choice.forest for choice in choices]), wanted)
        for place in range(len(choices)):
            cells = (final.query == place).nonzero().flatten()
            if len(cells):
                yield place, final.setting[cells], final.hidden[cells]

    def _in_rows(
        self, choices: list[_Choice], wanted: Bool[Tensor, "fact setting"], run: RunSettings
    ) -> Iterator[tuple[int, Int[Tensor, " asked"], Float[Tensor, "asked scored hidden"]]]:
        """The same from a row per sentence."""
        ids: list[list[int]] = []
        read: list[list[int]] = []
        owner: list[int] = []
        for place, choice in enumerate(choices):
            assert choice.rows is not None
            ids += choice.rows.ids
            read += choice.rows.read
            owner += [place] * len(choice.rows.ids)
        positions = torch.zeros(len(ids), max(1, *map(len, read)), dtype=torch.long)
        for row, places in enumerate(read):
            positions[row, : len(places)] = torch.tensor(places, dtype=torch.long)
        asks = wanted[torch.tensor(owner, device=wanted.device)]
        final = run(Queries(self.model.batch(ids), positions.to(self.model.device)), asks)
        cell = torch.full_like(asks, -1, dtype=torch.long)
        cell[final.query, final.setting] = torch.arange(len(final.query), device=cell.device)
        for place, choice in enumerate(choices):
            asked = wanted[place].nonzero().flatten()
            if len(asked) and choice.rows is not None:
                first = owner.index(place)
                hidden = [final.hidden[cell[first + row, asked], at] for row, at in choice.rows.slots]
                yield place, asked, torch.stack(hidden, dim=1)

    def _duel(
        self,
        choice: _Choice,
        states: Float[Tensor, "setting scored hidden"],
        facts: Int[Tensor, " setting"],
        numbers: Int[Tensor, " setting"],
        settings: Sequence[Setting],
    ) -> Bool[Tensor, " setting"]:
        """Whether the gold sentence wins, by the states of one fact in some settings."""
        forest = choice.forest
        steps = torch.tensor(forest.steps, device=states.device).view(-1, 2)
        logits = self.finite(self._step_logits(states, steps), facts, numbers, settings)
        duel = Duel(
            states=states[:, : len(forest.scored)],
            logits=logits,
            slots=steps[:, 0],
            paths=forest.paths,
            weights=torch.tensor(choice.weights, device=states.device),
            shared=torch.tensor(forest.shared, dtype=torch.bool, device=states.device),
            normaliser=self._normaliser,
            counts=self.counts,
        )
        return duel.wins(choice.gold)

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

    def _pack(self, forests: list[Forest]) -> Queries:
        width = max(len(forest.ids) for forest in forests)
        scored = max(1, max(len(forest.scored) for forest in forests))
        ids = torch.full((len(forests), width), self.model.padding)
        keep = torch.zeros(len(forests), width, dtype=torch.bool)
        depth = torch.zeros(len(forests), width, dtype=torch.long)
        visible = torch.zeros(len(forests), width, width, dtype=torch.bool)
        positions = torch.zeros(len(forests), scored, dtype=torch.long)
        for row, forest in enumerate(forests):
            nodes = len(forest.ids)
            ids[row, :nodes] = torch.tensor(forest.ids)
            keep[row, :nodes] = True
            depth[row, :nodes] = torch.tensor(forest.depth)
            visible[row, :nodes, :nodes] = torch.from_numpy(forest.visible)
            positions[row, : len(forest.scored)] = torch.tensor(forest.scored, dtype=torch.long)
        device = self.model.device
        tokens = TokenBatch(ids.to(device), keep.to(device), depth.to(device), visible.to(device))
        return Queries(tokens, positions.to(device))

    def _tokenize(self, relation: Relation, pool: Pool) -> dict[int, _Choice]:
        choices = [allowed.nonzero()[0].tolist() for allowed in pool.allowed]
        texts = [
            relation.fill(fact.subject, pool.labels[index])
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
                forest = plant(list(sentences), cancel=not self._mean)
                weights = [1 / (len(ids) - 1) if self._mean else 1.0 for ids in sentences]
                gold, longest = owners.index(int(pool.gold[fact])), max(len(ids) for ids in sentences)
                result[fact] = _Choice(forest, gold, weights, longest, None if self.model.packs else rows_of(forest))
        return result

    def _usable(self, ids: tuple[int, ...], where: str) -> bool:
        limit = self.model.max_tokens
        if len(ids) < 2:
            self.notices.add("Sentences without a token to score can never be the answer", where)
            return False
        if limit is not None and len(ids) > limit:
            self.notices.add("Sentences longer than the model's positions can never be the answer", where)
            return False
        return True
