"""Knowledge neurons of a relation, and how many two sets of relations have in common (paper, Figure 2b and Table 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from lrp2_bench.analyses.neurons.attribution import Attributed

#: A change of the probability smaller than this share of it says nothing about how exact attributions are.
LEAST_CHANGE = 0.01


@dataclass(frozen=True)
class Completeness:
    """How exactly attributions add up to changes of the probability, over (prompt, block) cells.

    ``error`` is the sum of |sum of attributions - change|, ``change`` that of |change|, ``worst`` the largest ratio of
    the two in a cell whose change is at least :data:`LEAST_CHANGE` of the probability (0 where there is none).
    """

    error: float = 0.0
    change: float = 0.0
    worst: float = 0.0

    def __add__(self, other: Completeness) -> Completeness:
        return Completeness(self.error + other.error, self.change + other.change, max(self.worst, other.worst))

    @property
    def mean(self) -> float:
        """The mean error as a share of the mean change; NaN where nothing changes."""
        return self.error / self.change if self.change else float("nan")


@dataclass(frozen=True)
class KnowledgeNeurons:
    """Every neuron that some prompt of a relation has among its top ones, the most frequent first.

    ``index`` is ``(block - 1) * width + neuron``, ``prompts`` the number of prompts it is among the top ones of,
    ``attribution`` the sum of its attributions in those, which decides between equally frequent neurons.
    ``probability`` is the right object's, summed over all ``asked`` prompts.
    """

    index: npt.NDArray[np.int64]
    prompts: npt.NDArray[np.int64]
    attribution: npt.NDArray[np.float64]
    width: int
    asked: int
    probability: float
    completeness: Completeness

    def places(self) -> list[tuple[int, int]]:
        """(block, neuron) of each: blocks from 1, neurons from 0."""
        return [(int(index) // self.width + 1, int(index) % self.width) for index in self.index]


class Tally:
    """Counts, over the prompts of a relation, which neurons are the top ``per_prompt`` of their block."""

    def __init__(self, blocks: int, width: int, per_prompt: int) -> None:
        self._per_prompt, self._width = per_prompt, width
        self._prompts = np.zeros((blocks, width), dtype=np.int64)
        self._sums = np.zeros((blocks, width), dtype=np.float64)
        self._asked, self._probability, self._completeness = 0, 0.0, Completeness()

    def add(self, found: Attributed) -> None:
        values = found.values.cpu()
        top = torch.topk(values, self._per_prompt, dim=2)
        blocks = torch.arange(values.shape[1]).view(1, -1, 1).expand_as(top.indices)
        where = blocks.numpy().ravel(), top.indices.numpy().ravel()
        np.add.at(self._prompts, where, 1)
        np.add.at(self._sums, where, top.values.double().numpy().ravel())
        self._asked += len(values)
        self._probability += float(found.full.double().sum())
        self._completeness += completeness(found)

    def result(self) -> KnowledgeNeurons:
        index = np.flatnonzero(self._prompts)
        prompts, sums = self._prompts.ravel()[index], self._sums.ravel()[index]
        order = np.lexsort((index, -sums, -prompts))
        return KnowledgeNeurons(
            index[order], prompts[order], sums[order], self._width, self._asked, self._probability, self._completeness
        )


def completeness(found: Attributed) -> Completeness:
    """Of every prompt and block of a batch."""
    full = found.full.double().unsqueeze(1).cpu()
    change = full - found.zeroed.double().cpu()
    error = (found.values.double().sum(dim=2).cpu() - change).abs()
    tells = change.abs() >= LEAST_CHANGE * full
    ratios = (error / change.abs())[tells & (change != 0)]
    return Completeness(float(error.sum()), float(change.abs().sum()), float(ratios.max()) if len(ratios) else 0.0)


def overlaps(
    language: Sequence[KnowledgeNeurons], pivot: Sequence[KnowledgeNeurons], per_relation: int
) -> npt.NDArray[np.float64]:
    """``[language's relation, pivot's relation]``: of the ``per_relation`` most frequent neurons of the one, the share
    in percent that are among those of the other."""
    ours, theirs = ([set(found.index[:per_relation].tolist()) for found in side] for side in (language, pivot))
    return np.array([[100 * len(mine & yours) / per_relation for yours in theirs] for mine in ours])


@dataclass(frozen=True)
class Overlap:
    """Means of :func:`overlaps` in percent: of the same relation in both languages, of different ones, of all pairs."""

    same: float
    different: float
    average: float


def summarise(overlap: npt.NDArray[np.float64]) -> Overlap:
    """Table 2's three numbers of ``[relation, relation]``; at least two relations."""
    same = np.eye(len(overlap), dtype=np.bool_)
    return Overlap(float(overlap[same].mean()), float(overlap[~same].mean()), float(overlap.mean()))
