"""A table before it is Markdown, CSV, LaTeX or terminal output: typed cells under named columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Literal

from lrp2_bench.core.types import Interval, LayerPair

#: How a column's cells are written. ``percent``: a float, one decimal, as in the paper; ``change``: the same with its
#: sign; ``interval`` and ``change_interval``: the same two with the bounds of a confidence interval; ``share``:
#: (part, whole); ``p``: a p-value; ``nats``: a divergence; ``ratio``: a cosine, correlation or index as it is, two
#: decimals, with intervals like those of percentages; ``prose``: text of several words, which may be broken into lines.
Kind = Literal[
    "text", "count", "percent", "change", "interval", "change_interval", "pair", "share", "p", "nats", "ratio",
    "ratio_interval", "ratio_change_interval", "prose",
]  # fmt: skip
#: Kinds whose cells are words.
WORDS = ("text", "prose")
#: A first column of one of these keys heads sections of rows.
SECTIONS = ("metric", "subject")

#: None, and NaN, stand for a value that does not exist.
Cell = str | int | float | Interval | LayerPair | tuple[int, int] | None


@dataclass(frozen=True)
class Column:
    """``key`` heads the column in CSV, ``title`` everywhere else. A terminal too narrow for all goes without those that
    are ``optional``; those ``in_csv_only`` are for programs."""

    key: str
    title: str
    kind: Kind
    optional: bool = False
    in_csv_only: bool = False


@dataclass(frozen=True)
class Table:
    """``name`` is the stem of its files; ``notes`` are plain sentences shown below it.

    Rows of another length than the columns raise ValueError.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"Table '{self.name}' has {len(self.columns)} columns, but a row of {len(row)}: {row}")

    def keeping(self, keep: Callable[[Column], bool]) -> Table:
        """The same without some columns."""
        kept = [keep(column) for column in self.columns]
        return replace(
            self,
            columns=tuple(compress(self.columns, kept)),
            rows=tuple(tuple(compress(row, kept)) for row in self.rows),
        )

    def for_readers(self) -> Table:
        """Without the columns for programs."""
        return self.keeping(lambda column: not column.in_csv_only)
