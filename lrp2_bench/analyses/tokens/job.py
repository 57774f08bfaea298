"""``analysis=tokens``: writing systems in the input token embeddings (Wen-Yi and Mimno 2023, arXiv 2311.18034)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import torch

from lrp2_bench.analyses.base import Analysis, AnalysisResult
from lrp2_bench.analyses.languages.compute import Ints
from lrp2_bench.analyses.subject import Subject
from lrp2_bench.analyses.tokens.figure import writing_systems as draw
from lrp2_bench.analyses.tokens.neighbours import Neighbourhoods, by_chance, mean_interval, neighbourhoods
from lrp2_bench.analyses.tokens.separability import Separability, separability
from lrp2_bench.analyses.tokens.table import SystemRow, TokenNumbers, summary_table, systems_table
from lrp2_bench.analyses.tokens.writing_systems import WritingSystems, writing_systems
from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.devices import choose_device
from lrp2_bench.models.token_embeddings import read_embeddings, read_tokens

#: A writing system needs one token to be held out and some to learn from.
_LEAST = 5


class Tokens(Analysis):
    """Only the embedding matrix and the tokenizer are read, so the model may be of any architecture.

    ``neighbours``: nearest neighbours of a token that are looked at. ``queries``: tokens whose neighbours are looked
    for, drawn at random; null: every token. ``fewest``: tokens that a writing system needs to be in the classifier.
    ``steps``: the classifier's at most.
    """

    name: ClassVar[str] = "tokens"

    def __init__(self, neighbours: int = 50, queries: int | None = 10_000, fewest: int = 50, steps: int = 300) -> None:
        if neighbours < 1 or (queries is not None and queries < 1) or steps < 1:
            raise BenchError(
                f"analysis.neighbours={neighbours}, analysis.queries={queries} and analysis.steps={steps} must be 1 or "
                "more (analysis.queries=null: every token)."
            )
        if fewest < _LEAST:
            raise BenchError(f"analysis.fewest={fewest} is too few tokens to learn from: {_LEAST} at least.")
        self.neighbours, self.queries, self.fewest, self.steps = neighbours, queries, fewest, steps

    def run(self, subject: Subject) -> AnalysisResult:
        folder, seed = subject.checkpoint.folder, subject.settings.seed
        embeddings = read_embeddings(folder)
        tokens = [token for token in read_tokens(folder) if token.index < len(embeddings)]
        # What has no direction has no neighbours (some models keep rows for tokens they never met).
        empty = {row for row, norm in enumerate(embeddings.norm(dim=1).tolist()) if norm == 0}
        zero = {token.index for token in tokens if token.text is not None} & empty
        systems = writing_systems([token for token in tokens if token.index not in zero])
        vectors = embeddings[systems.rows]
        taught = self._taught(systems, subject.model_name)
        split = separability(vectors.numpy()[taught], systems.label[taught], seed=seed, steps=self.steps)
        if not split.converged:
            subject.data_warnings.add(
                "The linear classifier was stopped before it settled", f"analysis.steps={self.steps}"
            )
        queries = _drawn(len(vectors), self.queries, seed)
        device = choose_device(subject.settings.model.device)
        with torch.inference_mode():
            around = neighbourhoods(vectors.to(device), systems.label, queries, self.neighbours)
        rows = _rows(systems, split, around, seed)
        shares = systems.sizes / len(vectors)
        numbers = TokenNumbers(
            model=subject.model_name, vectors=len(embeddings), hidden=embeddings.shape[1],
            accuracy=split.accuracy, mean_recall=split.mean_recall, majority=split.majority, shuffled=split.shuffled,
            held_out=sum(split.held_out), train=split.train,
            systems=mean_interval(around.systems, seed), systems_by_chance=by_chance(systems.sizes, self.neighbours),
            own=100 * float(around.own.mean()), own_by_chance=100 * float(np.square(shares).sum()),
            queries=len(queries), neighbours=self.neighbours, fewest=self.fewest,
            left_out={**systems.left_out, "zero": len(zero), "few": len(vectors) - len(taught)},
        )  # fmt: skip
        return AnalysisResult(
            (summary_table(numbers), systems_table(subject.model_name, rows, self.neighbours)),
            {f"writing_systems_{subject.model_name}": partial(draw, rows, numbers)},
            {
                "tokens/accuracy": numbers.accuracy.value,
                "tokens/majority": numbers.majority,
                "tokens/shuffled": numbers.shuffled,
                "tokens/writing_systems_among_neighbours": numbers.systems.value,
            },
        )

    def _taught(self, systems: WritingSystems, model: str) -> Ints:
        """``[token]``: those whose writing system has enough of them to be learnt and tried."""
        there = ", ".join(f"{name} {size:,}" for name, size in zip(systems.names, systems.sizes, strict=True)) or "none"
        large = int((systems.sizes >= self.fewest).sum())
        if large < 2:
            raise BenchError(
                f"The classifier needs two writing systems of at least {self.fewest} tokens; '{model}' has: {there}.\n"
                "Lower analysis.fewest, or look into a model of several writing systems."
            )
        if self.neighbours >= len(systems.rows):
            raise BenchError(
                f"analysis.neighbours={self.neighbours}, but '{model}' has {len(systems.rows):,} tokens with a writing "
                "system. Lower it."
            )
        # Writing systems are numbered from the largest on, so those of the classifier have no gaps.
        return np.flatnonzero(systems.label < large)


def _drawn(tokens: int, wanted: int | None, seed: int) -> Ints:
    """``wanted`` of the tokens at random, in order; all of them where there are no more."""
    if wanted is None or wanted >= tokens:
        return np.arange(tokens)
    return np.sort(np.random.default_rng(seed).choice(tokens, wanted, replace=False))


def _rows(systems: WritingSystems, split: Separability, around: Neighbourhoods, seed: int) -> list[SystemRow]:
    rows = []
    for number, (name, size) in enumerate(zip(systems.names, systems.sizes.tolist(), strict=True)):
        row = SystemRow(name, size)
        if number < len(split.recall):
            row = replace(row, recall=split.recall[number], held_out=split.held_out[number])
        asked = around.label == number
        if asked.any():
            counts = around.systems[asked]
            own = 100 * float(around.own[asked].mean())
            row = replace(row, systems=mean_interval(counts, seed), own=own, queries=int(asked.sum()))
        rows.append(row)
    return rows
