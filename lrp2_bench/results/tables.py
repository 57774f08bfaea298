"""The two small tables of a run folder: ``pairs.csv``, a line per layer pair, and ``alignment.csv``, one per layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import write_text
from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.registry import METRICS, needs_scores
from lrp2_bench.metrics.registry import metric as of

#: Those of every ``pairs.csv``; further metrics have columns behind them, under their names, and behind those come the
#: strengths where they are searched.
PAIR_COLUMNS = ("lirp", "lsrp", "accuracy", "transferability", "facts", "shared")
STRENGTH_COLUMNS = ("strength", "strength_back")
ALIGNMENT_COLUMNS = ("layer", "baseline", "lrp2", "facts")

DECIMALS = 6

Row = TypeVar("Row")


@dataclass
class PairRow:
    """A line of ``pairs.csv``; ``lirp`` and ``lsrp`` are both None for the baseline.

    ``accuracy`` and ``transferability`` are percentages, rounded to the file's six decimals as soon as the row is
    made, so that a row equals the one read back. ``facts`` counts the language's facts, ``shared`` those that the
    pivot has too. A percentage of nothing may be NaN. ``further`` has other metrics by name, in the columns' order.
    The strengths are a searched pair's, as in :class:`~lrp2_bench.core.types.LayerPair`, None where they are the run's.
    Impossible values raise ValueError.
    """

    lirp: int | None
    lsrp: int | None
    accuracy: float
    transferability: float
    facts: int
    shared: int
    further: Mapping[str, float] = field(default_factory=dict, hash=False)
    strength: float | None = None
    strength_back: float | None = None

    def __post_init__(self) -> None:
        if (self.lirp is None) != (self.lsrp is None):
            raise ValueError(f"lirp and lsrp are both given or both empty, not lirp={self.lirp}, lsrp={self.lsrp}.")
        if self.lirp is not None and self.lsrp is not None:
            pair = LayerPair(self.lirp, self.lsrp).at(self.strength, self.strength_back)  # raises on one that cannot be
            self.lirp, self.lsrp, self.strength_back = int(self.lirp), int(self.lsrp), pair.strength_back
        elif self.strength is not None or self.strength_back is not None:
            raise ValueError(f"The baseline has no strength, not {self.strength}.")
        self.facts, self.shared = _count("facts", self.facts), _count("shared", self.shared)
        if self.shared > self.facts:
            raise ValueError(f"shared={self.shared} exceeds facts={self.facts}, of which it is a part.")
        self.accuracy = _number("accuracy", self.accuracy, 0.0, 100.0, self.facts)
        self.transferability = _number("transferability", self.transferability, 0.0, 100.0, self.shared)
        self.further = {name: _number(name, value, -math.inf, math.inf) for name, value in self.further.items()}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics it has, in the columns' order."""
        return ("accuracy", "transferability", *self.further)

    def columns(self) -> dict[str, Any]:
        """Its values by the names of the columns of ``pairs.csv``, in their order, strengths where it has some."""
        strengths = {} if self.strength is None else dict(zip(STRENGTH_COLUMNS, self._strengths(), strict=True))
        return {**{name: getattr(self, name) for name in PAIR_COLUMNS}, **self.further, **strengths}

    def _strengths(self) -> tuple[float | None, float | None]:
        """Of the two ways."""
        return self.strength, self.strength if self.strength_back is None else self.strength_back

    def value(self, metric: str) -> float:
        """By the metric's name. Raises :class:`BenchError` for one that was not computed."""
        if metric in ("accuracy", "transferability"):
            return self.accuracy if metric == "accuracy" else self.transferability
        if metric not in self.further:
            if metric in METRICS and of(metric).needs == "scores":
                raise BenchError(needs_scores(metric))
            raise BenchError(
                f"pairs.csv has no column '{metric}', only {', '.join(self.metrics)}.\n"
                f"Run the same `lrp2-bench search` with metrics=[{','.join((*self.metrics, metric))}]: hits are kept."
            )
        return self.further[metric]

    @cached_property
    def pair(self) -> LayerPair | None:
        """The row's layer pair; None for the baseline."""
        if self.lirp is None or self.lsrp is None:
            return None
        return LayerPair(self.lirp, self.lsrp, self.strength, self.strength_back)


@dataclass
class AlignmentRow:
    """A line of ``alignment.csv``: mean cosine of parallel queries after block ``layer``, over ``facts`` shared facts.

    ``lrp2`` is the same at the best pair, None where no pair was searched. Both are rounded to six decimals as soon
    as the row is made; NaN stands for the mean of nothing.
    """

    layer: int
    baseline: float
    lrp2: float | None
    facts: int

    def __post_init__(self) -> None:
        self.layer, self.facts = _count("layer", self.layer), _count("facts", self.facts)
        self.baseline = _number("baseline", self.baseline, -1.0, 1.0, self.facts)
        if self.lrp2 is not None:
            self.lrp2 = _number("lrp2", self.lrp2, -1.0, 1.0, self.facts)


def write_pairs(path: Path, rows: Sequence[PairRow]) -> None:
    """Write ``pairs.csv``, whole or not at all: the baseline, then pairs in order, else ValueError."""
    _check_order(path, list(rows), _check_pair_order)
    # As many as are searched: none, one for both ways, or one for each.
    strengths = any(row.strength is not None for row in rows) + any(row.strength_back is not None for row in rows)
    lines = [
        (
            _cell(row.lirp), _cell(row.lsrp), _cell(row.accuracy), _cell(row.transferability), row.facts, row.shared,
            *map(_cell, (*row.further.values(), *row._strengths()[:strengths])),
        )
        for row in rows
    ]  # fmt: skip
    _write(path, (*PAIR_COLUMNS, *rows[0].further, *STRENGTH_COLUMNS[:strengths]), lines)


def read_pairs(path: Path) -> list[PairRow]:
    """The rows of a ``pairs.csv``: the baseline, then the pairs. Damage raises BenchError with file and line."""
    return _read(path, PAIR_COLUMNS, _parse_pair, _check_pair_order, more=True)


def write_alignment(path: Path, rows: Sequence[AlignmentRow]) -> None:
    """Write ``alignment.csv``, whole or not at all: layers ascending, else ValueError."""
    _check_order(path, list(rows), _check_layer_order)
    _write(
        path,
        ALIGNMENT_COLUMNS,
        [(row.layer, _cell(row.baseline), _cell(row.lrp2), row.facts) for row in rows],
    )


def read_alignment(path: Path) -> list[AlignmentRow]:
    """The rows of an ``alignment.csv``. Damage raises BenchError with file and line."""
    return _read(path, ALIGNMENT_COLUMNS, _parse_alignment, _check_layer_order)


def _parse_pair(cells: Sequence[str], names: Sequence[str]) -> PairRow:
    lirp, lsrp, accuracy, transferability, facts, shared = cells[: len(PAIR_COLUMNS)]
    further = dict(zip(names, cells[len(PAIR_COLUMNS) :], strict=True))
    strength, back = (further.pop(name, "") for name in STRENGTH_COLUMNS)
    return PairRow(
        lirp=int(lirp) if lirp else None,
        lsrp=int(lsrp) if lsrp else None,
        accuracy=float(accuracy),
        transferability=float(transferability),
        facts=int(facts),
        shared=int(shared),
        further={name: float(cell) for name, cell in further.items()},
        strength=float(strength) if strength else None,
        strength_back=float(back) if back else None,
    )


def _parse_alignment(cells: Sequence[str], names: Sequence[str]) -> AlignmentRow:
    layer, baseline, lrp2, facts = cells
    return AlignmentRow(int(layer), float(baseline), float(lrp2) if lrp2 else None, int(facts))


def _check_pair_order(before: PairRow | None, row: PairRow) -> None:
    if before is None:
        if row.pair is not None:
            raise ValueError(f"The first row must be the baseline with empty layers, not the pair {row.pair}.")
        return
    if row.pair is None:
        raise ValueError("The baseline occurs a second time.")
    if list(before.further) != list(row.further):
        raise ValueError(f"The pair {row.pair} has other metrics than the row before: {', '.join(row.metrics)}.")
    if before.pair is not None and (before.strength is None) != (row.strength is None):
        raise ValueError(f"The pair {row.pair} has a strength or the one before it has, not both.")
    if before.pair is not None and before.pair >= row.pair:
        raise ValueError(f"The pair {row.pair} does not come after {before.pair}: pairs ascend and occur once.")


def _check_layer_order(before: AlignmentRow | None, row: AlignmentRow) -> None:
    if before is not None and before.layer >= row.layer:
        raise ValueError(f"Layer {row.layer} does not come after {before.layer}: layers ascend and occur once.")


def _check_order(path: Path, rows: Sequence[Row], check: Callable[[Row | None, Row], None]) -> None:
    if not rows:
        raise ValueError(f"There are no rows to write to {path}.")
    for before, row in zip([None, *rows], rows, strict=False):
        check(before, row)


def _write(path: Path, columns: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    write_text(path, "".join(",".join(map(str, line)) + "\n" for line in [columns, *lines]))


def _read(
    path: Path,
    columns: Sequence[str],
    parse: Callable[[Sequence[str], Sequence[str]], Row],
    check: Callable[[Row | None, Row], None],
    *,
    more: bool = False,
) -> list[Row]:
    """``parse`` takes a line's cells and the names of the columns behind ``columns``, which there are with ``more``."""
    text = _text(path)
    # No csv module: the cells are numbers, and splitting keeps line numbers true in whatever damage there is.
    head, *lines = text.replace("\r\n", "\n").split("\n")
    found = head.split(",")
    names = found[len(columns) :]
    if (
        found[: len(columns)] != list(columns)
        or (names and not more)
        or not all(_is_new(found, name) for name in names)
    ):
        raise _damaged(path, 1, f"expected the columns {','.join(columns)}, but found {_shown(head)}")
    # A number cut short still reads as a number; only the missing line end betrays it.
    if not lines or lines.pop():
        raise _damaged(path, len(lines) + 2, "the last line has no end, so the file was cut short")
    rows: list[Row] = []
    for number, line in enumerate(lines, start=2):
        cells = line.split(",")
        if len(cells) != len(found):
            raise _damaged(path, number, f"expected {len(found)} values, but found {len(cells)}: {_shown(line)}")
        try:
            row = parse(cells, names)
            check(rows[-1] if rows else None, row)
        except ValueError as error:
            raise _damaged(path, number, f"{error} The line is {_shown(line)}") from error
        rows.append(row)
    if not rows:
        raise _damaged(path, 2, "there are no rows below the columns")
    return rows


def _is_new(columns: Sequence[str], name: str) -> bool:
    """A further column has a name, which is no other's."""
    return name.isidentifier() and columns.count(name) == 1


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BenchError(
            f"Cannot read {path}: {error.strerror or error}.\n`lrp2-bench search` writes it; run that job first."
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _damaged(path, line, "it holds bytes that are not UTF-8") from error


def _damaged(path: Path, line: int, what: str) -> BenchError:
    return BenchError(
        f"{path}, line {line}: {what.rstrip('.')}.\n"
        "Delete the file and run the same `lrp2-bench search` again: it is regenerated from the stored hits."
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:100] + "...")


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.{DECIMALS}f}"


def _count(name: str, value: int) -> int:
    if value < 0:
        raise ValueError(f"{name}={value} is negative.")
    return int(value)


def _number(name: str, value: float, low: float, high: float, facts: int = 0) -> float:
    if math.isnan(value) and facts == 0:
        return math.nan
    # Rounding first: a mean of cosines may exceed 1 by the last bit. Adding 0.0 turns -0.0 into 0.0.
    rounded = round(float(value), DECIMALS) + 0.0
    if not low <= rounded <= high:
        raise ValueError(f"{name}={value} is not within {low:g} to {high:g}.")
    return rounded
