"""What the grid engine needs of a relation: its facts in batches, and which settings hit each of them.

A probe asks for final states, query by query and setting by setting, and stops asking for a cell (a fact in a
setting) as soon as what it has seen decides the cell. The engine hands it a function that runs the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Relation, Setting
from lrp2_bench.models.layered import LayeredModel, TokenBatch

#: A kind of data warning.
NOT_FINITE = "Scores that are no finite numbers can never win"


@dataclass(frozen=True)
class Queries:
    """Token sequences that run through the model together, and the positions at which their final states are read."""

    tokens: TokenBatch
    positions: Int[Tensor, "query scored"]


@dataclass(frozen=True)
class FinalStates:
    """Layer L's states at a query's positions in one setting, for every (query, setting) asked for.

    ``step_tokens`` may pass a block at once where a probe goes on with them.
    """

    hidden: Float[Tensor, "cell scored hidden"]
    query: Int[Tensor, " cell"]
    setting: Int[Tensor, " cell"]
    step_tokens: int


#: Runs queries in the settings marked in ``[query, setting]``.
RunSettings = Callable[[Queries, Bool[Tensor, "query setting"]], FinalStates]


@dataclass
class ProbeCounts:
    """What deciding took; the rows of log-partitions (log-sum-exps over the vocabulary) are where it is spent."""

    cells: int = 0
    undecided_facts: int = 0  # facts whose right object leads its own length in some setting (masked models)
    facts: int = 0
    log_partitions: int = 0  # rows that an evaluator without bounds computes
    rough_log_partitions: int = 0  # rows computed in low precision, with an error bound
    exact_log_partitions: int = 0  # rows computed in the model's precision
    partial_log_partitions: int = 0  # rows summed over the few tokens that lead


@dataclass(frozen=True)
class FactBatch:
    """Facts that are decided together; ``facts`` indexes the relation's."""

    facts: Int[Tensor, " fact"]

    def halves(self) -> tuple[FactBatch, FactBatch]:
        """The same facts in two batches."""
        middle = len(self.facts) // 2
        return replace(self, facts=self.facts[:middle]), replace(self, facts=self.facts[middle:])


@dataclass(frozen=True)
class Shape:
    """The sizes of some queries that run together, for counting what they cost.

    ``lengths`` are in tokens; ``scored`` positions are read of each, and ``candidate_tokens`` logits computed there. A
    naive evaluator runs ``sentences`` sequences of ``sentence_tokens`` for each. ``log_partitions`` are the rows of the
    head that scoring all of a query's candidates takes. An encoder-decoder's decoder runs ``decoder_tokens`` in rows of
    ``decoder_row`` for each query, a naive one ``target_tokens`` for each of the sentences.
    """

    lengths: tuple[int, ...]
    scored: int
    candidate_tokens: int
    sentences: int
    sentence_tokens: int
    log_partitions: int
    decoder_tokens: int = 0
    decoder_row: int = 0
    target_tokens: int = 0

    @property
    def queries(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True)
class Workload:
    """What deciding a relation takes: ``certain`` always, ``possible`` at most, depending on scores."""

    certain: list[Shape]
    possible: list[Shape]


class Probe(ABC):
    """One relation of one language, ready to be scored by one model. ``where`` names both in warnings.

    A fact that cannot be asked is in no batch: it is never hit.
    """

    model: LayeredModel
    relation: Relation
    where: str
    data_warnings: DataWarnings
    counts: ProbeCounts
    candidates: npt.NDArray[np.bool_]  # [fact, candidate]: which compete for a fact

    @abstractmethod
    def batches(self, tokens: int, facts: Sequence[int] | None = None) -> Iterator[FactBatch]:
        """Facts of like length in batches of at most ``tokens`` padded tokens (a longer query comes alone).

        ``facts`` are places of some of the relation's facts; None stands for all.
        """

    @abstractmethod
    def workload(self, tokens: int, facts: Sequence[int] | None = None) -> Workload:
        """The queries of every batch of ``batches(tokens, facts)``, without running any."""

    @abstractmethod
    def decide(self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings) -> Bool[Tensor, "fact setting"]:
        """Whether each of the batch's facts is hit in each setting: is its own object ranked first?

        Ties go to the first label in code-point order.
        """

    def scored_batches(self, tokens: int) -> Iterator[FactBatch]:
        """As :meth:`batches`, but of all facts of which any candidate can be scored."""
        return self.batches(tokens)

    @abstractmethod
    def scores(
        self, batch: FactBatch, settings: Sequence[Setting], run: RunSettings
    ) -> Float[Tensor, "fact setting candidate"]:
        """The score of every candidate, by pool index, each log-partition computed; the probe is built for it.

        NaN for those that do not compete for a fact, minus infinity for those that can never be its answer.
        """

    def finite(
        self,
        scores: Float[Tensor, "cell candidate"],
        facts: Int[Tensor, " cell"],
        numbers: Int[Tensor, " cell"],
        settings: Sequence[Setting],
    ) -> Float[Tensor, "cell candidate"]:
        """``scores`` with minus infinity in place of what is not a finite number, counted.

        The warning names the cells by ``facts`` and by the ``numbers`` of their ``settings``.
        """
        broken = ~torch.isfinite(scores)
        if not broken.any():
            return scores
        counts = broken.sum(dim=1).tolist()
        for cell in broken.any(dim=1).nonzero().flatten().tolist():
            fact, setting = self.relation.facts[int(facts[cell])], settings[int(numbers[cell])]
            where = f"{self.where} {fact.uuid} at {f'pair {setting}' if setting else 'the baseline'}"
            self.data_warnings.add(NOT_FINITE, where, counts[cell])
        return scores.masked_fill(broken, -torch.inf)

    def finite_of_facts(
        self, scores: Float[Tensor, "fact setting candidate"], facts: Sequence[int], settings: Sequence[Setting]
    ) -> Float[Tensor, "fact setting candidate"]:
        """:meth:`finite` of every cell of some facts."""
        broken = ~torch.isfinite(scores)
        if not broken.any():
            return scores
        count, device = len(settings), scores.device
        numbers = torch.arange(count, device=device).repeat(len(facts))
        cells = torch.tensor(facts, device=device).repeat_interleave(count)
        return self.finite(scores.flatten(0, 1), cells, numbers, settings).view_as(scores)
