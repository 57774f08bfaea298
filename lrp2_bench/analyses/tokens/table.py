"""Tables of a model's input embeddings: how separable writing systems are in them, and how they mix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrp2_bench.core.types import Interval
from lrp2_bench.render.table import Cell, Column, Table

#: The numbers of Wen-Yi and Mimno (2023), "Hyperpolyglot LLMs", arXiv 2311.18034, abstract.
PUBLISHED_ACCURACY = ("XLM-R", 99.2)  # percent of tokens
PUBLISHED_SYSTEMS = ("mT5", 7.61)  # writing systems among 50 neighbours

_NOTHING = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class SystemRow:
    """One writing system. ``recall`` (percent) is of ``held_out`` tokens, ``systems`` and ``own`` (percent) of the
    neighbours of ``queries`` tokens; what was not measured is NaN of 0."""

    name: str
    tokens: int
    recall: Interval = _NOTHING
    held_out: int = 0
    systems: Interval = _NOTHING
    own: float = math.nan
    queries: int = 0


@dataclass(frozen=True)
class TokenNumbers:
    """What was found over all writing systems; percentages but for ``systems`` and ``systems_by_chance``.

    ``fewest`` is the least number of tokens of a writing system that the classifier was taught.
    """

    model: str
    vectors: int
    hidden: int
    accuracy: Interval
    mean_recall: float
    majority: float
    shuffled: float
    held_out: int
    train: int
    systems: Interval
    systems_by_chance: float
    own: float
    own_by_chance: float
    queries: int
    neighbours: int
    fewest: int
    left_out: dict[str, int]


def summary_table(numbers: TokenNumbers) -> Table:
    """A row per measure, with what chance gives and the published number of another model."""
    name, accuracy = PUBLISHED_ACCURACY
    other, systems = PUBLISHED_SYSTEMS
    k = numbers.neighbours
    rows: tuple[tuple[Cell, ...], ...] = (
        ("writing system predicted, % of held-out tokens", numbers.accuracy, numbers.majority, accuracy, name),
        ("the same, labels shuffled in training", numbers.shuffled, numbers.majority, None, None),
        ("the same, mean over writing systems", numbers.mean_recall, None, None, None),
        (
            f"writing systems among {k} neighbours", numbers.systems, numbers.systems_by_chance,
            systems if k == 50 else None, other if k == 50 else None,
        ),
        (f"neighbours of the token's own writing system, % of {k}", numbers.own, numbers.own_by_chance, None, None),
    )  # fmt: skip
    return Table(
        name=f"tokens_{numbers.model}",
        title=f"Writing systems in the input embeddings, {numbers.model}",
        columns=(
            Column("measure", "Measure", "text"),
            Column("value", "Value", "interval"),
            Column("chance", "By chance", "percent"),
            Column("published", "Published", "percent"),
            Column("published_model", "of", "text"),
        ),
        rows=tuple(
            (measure, value if isinstance(value, Interval) else _point(value), *rest) for measure, value, *rest in rows
        ),
        notes=tuple(_notes(numbers)),
    )


def systems_table(model: str, rows: Sequence[SystemRow], neighbours: int) -> Table:
    """A row per writing system, the one with the most tokens first."""
    return Table(
        name=f"writing_systems_{model}",
        title=f"Writing systems one by one, {model}",
        columns=(
            Column("system", "Writing system", "text"),
            Column("tokens", "Tokens", "count"),
            Column("recall", "Predicted correctly, %", "interval"),
            Column("held_out", "of held-out tokens", "count", optional=True),
            Column("systems", f"Writing systems among {neighbours} neighbours", "interval"),
            Column("own", "Neighbours of the same, %", "percent"),
            Column("queries", "of tokens", "count", optional=True),
        ),
        rows=tuple(
            (row.name, row.tokens, row.recall, row.held_out or None, row.systems, row.own, row.queries or None)
            for row in rows
        ),
    )


def _notes(numbers: TokenNumbers) -> list[str]:
    out, interval = numbers.left_out, numbers.systems
    return [
        f"Input embedding matrix as stored: {numbers.vectors:,} rows of {numbers.hidden}. Left out: {out['special']:,} "
        f"special and unused tokens, {out['bytes']:,} of part of a character's bytes, {out['common']:,} without a "
        f"script (digits, punctuation), {out['mixed']:,} of several scripts, {out['zero']:,} whose "
        "embedding is zero.",
        f"Classifier: multinomial logistic regression on {numbers.train:,} tokens, tried on {numbers.held_out:,} that "
        f"it has not seen; writing systems of fewer than {numbers.fewest} tokens take no part"
        + (f" ({out['few']:,} tokens)" if out["few"] else "")
        + ". By chance: always the commonest writing system.",
        f"Neighbours: {numbers.neighbours} by cosine among all tokens with a writing system, of {numbers.queries:,} "
        f"tokens: {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}] writing systems on average. By "
        "chance: neighbours drawn at random.",
        "Published: Wen-Yi and Mimno (2023), arXiv 2311.18034, with tokens and splits of their own; other models, so "
        "for context only.",
    ]


def _point(value: Cell) -> Interval:
    if not isinstance(value, float):
        raise TypeError(f"{value!r} is not a measure")
    return Interval(value, math.nan, math.nan)
