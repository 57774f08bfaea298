"""``damage.csv``: what an intervention costs beside its gain, a line for the baseline and for each reported pair."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_text
from lrp2_bench.core.types import LayerPair, Setting
from lrp2_bench.results.tables import STRENGTH_COLUMNS

Row = TypeVar("Row")


@dataclass(frozen=True)
class DamageRow:
    """``pivot_accuracy``: of the pivot's ``facts`` (those the language has too) under the same intervention, percent.
    ``kl``: nats, the mean over ``sentences`` neutral sentences (:mod:`lrp2_bench.grid.divergence`); not a number where
    there were none. Both are made by :func:`as_stored`, so that a row equals itself when it is read."""

    pair: Setting
    pivot_accuracy: float
    kl: float
    facts: int
    sentences: int


def as_stored(value: float) -> float:
    """A number to the six decimals that files have, never -0.0."""
    return round(float(value), 6) + 0.0


def write_damage(path: Path, rows: Sequence[DamageRow]) -> None:
    """The baseline first; columns of strengths where some pair has one."""
    strengths = [
        name for name in STRENGTH_COLUMNS if any(row.pair and getattr(row.pair, name) is not None for row in rows)
    ]
    lines = [["lirp", "lsrp", *strengths, "pivot_accuracy", "kl", "facts", "sentences"]]
    for row in rows:
        numbers = [f"{value:.6f}" for value in (row.pivot_accuracy, row.kl)]
        lines.append([*pair_cells(row.pair, strengths), *numbers, str(row.facts), str(row.sentences)])
    write_text(path, "".join(",".join(line) + "\n" for line in lines))


def read_damage(path: Path) -> list[DamageRow]:
    """The rows of the file; none where there is none. Raises :class:`BenchError` for a damaged one."""
    return read_rows(path, _row)


def read_rows(path: Path, row: Callable[[dict[str, str]], Row]) -> list[Row]:
    """Every line of a CSV file as ``row`` makes it; none where there is no file. Raises :class:`BenchError` for a line
    that is damaged."""
    if not path.is_file():
        return []
    try:
        return [row(line) for line in csv.DictReader(io.StringIO(path.read_text("utf-8")), strict=True)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BenchError(
            f"'{path}' cannot be read ({error}).\nDelete it and run the same `lrp2-bench search` again."
        ) from error


def damage_of(rows: Sequence[DamageRow], pair: Setting) -> DamageRow | None:
    """The row of a pair, or of the baseline (None)."""
    return next((row for row in rows if row.pair == pair), None)


def pair_cells(pair: Setting, strengths: Sequence[str]) -> list[str]:
    """A pair's layers and those of its ``strengths`` as cells of a file, empty for the baseline."""
    values = [getattr(pair, name) if pair else None for name in ("lirp", "lsrp", *strengths)]
    return ["" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value) for value in values]


def pair_of(line: Mapping[str, str]) -> Setting:
    """The inverse, from cells by the names of their columns."""
    strength, back = (float(line[name]) if line.get(name) else None for name in STRENGTH_COLUMNS)
    return LayerPair(int(line["lirp"]), int(line["lsrp"])).at(strength, back) if line["lirp"] else None


def _row(line: Mapping[str, str]) -> DamageRow:
    row = DamageRow(
        pair_of(line), float(line["pivot_accuracy"]), float(line["kl"]), int(line["facts"]), int(line["sentences"])
    )
    if not (0.0 <= row.pivot_accuracy <= 100.0 or math.isnan(row.pivot_accuracy)) or row.kl < 0.0:
        raise ValueError(f"a pivot_accuracy of {row.pivot_accuracy} or a kl of {row.kl} is impossible")
    return row
