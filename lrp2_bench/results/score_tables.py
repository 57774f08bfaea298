"""What scores say, in files: ``score_metrics.csv``, ``answers.parquet`` and ``wrong_answers.csv``."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.core.files import atomic_path, write_text
from lrp2_bench.core.reading import damaged, missing
from lrp2_bench.core.types import Setting
from lrp2_bench.results.scores import NEXT, Layers, setting_of, storable

#: What an answer is: the fact's own object; the same object in another form; another true object of the subject in this
#: relation; wrong.
KINDS = ("right", "form", "true", "wrong")
#: In which language an answer is: not what the pivot calls that object; what both call it; what the pivot calls another
#: object of the relation.
LANGUAGES = ("own", "both", "pivot")

#: Wrong answers listed of a relation and setting.
_LISTED = 10

_ANSWERS = pa.schema(
    [
        ("relation", pa.dictionary(pa.int32(), pa.string())),
        ("uuid", pa.string()),
        ("lirp", pa.int16()),
        ("lsrp", pa.int16()),
        ("strength", pa.float64()),
        ("answer", pa.string()),
        ("kind", pa.string()),
        ("language", pa.string()),
        ("strength_back", pa.float64()),
    ]
)


@dataclass(frozen=True)
class ScoreMetricRow:
    """A line of ``score_metrics.csv``: a metric in one setting over ``facts`` facts, and its change against the
    baseline with a 95 % interval (``low``, ``high``); None at the baseline, which has no layers."""

    lirp: int | None
    lsrp: int | None
    strength: float | None
    metric: str
    value: float
    change: float | None
    low: float | None
    high: float | None
    facts: int
    strength_back: float | None = None

    @property
    def layers(self) -> Layers:
        return self.lirp, self.lsrp, self.strength, self.strength_back

    @property
    def setting(self) -> Setting:
        """Of a run of strength 1."""
        return setting_of(self.layers)


@dataclass(frozen=True)
class Answer:
    """What is ranked first for a fact in a setting: ``kind`` of :data:`KINDS`, ``language`` of :data:`LANGUAGES`; all
    three None where no candidate has a score."""

    relation: str
    uuid: str
    lirp: int | None
    lsrp: int | None
    strength: float | None
    answer: str | None
    kind: str | None
    language: str | None
    strength_back: float | None = None

    @property
    def layers(self) -> Layers:
        return self.lirp, self.lsrp, self.strength, self.strength_back

    @property
    def setting(self) -> Setting:
        """Of a run of strength 1."""
        return setting_of(self.layers)


def write_score_metrics(path: Path, rows: Sequence[ScoreMetricRow]) -> None:
    names = [field.name for field in fields(ScoreMetricRow)]
    write_text(path, _csv([names, *([_cell(value) for value in astuple(row)] for row in rows)]))


def read_score_metrics(path: Path) -> list[ScoreMetricRow]:
    """Raises :class:`BenchError` where the file is missing or damaged."""
    try:
        lines = list(csv.DictReader(io.StringIO(path.read_text("utf-8")), strict=True))
        return [_metric_row(line) for line in lines]
    except FileNotFoundError:
        raise missing(path, NEXT) from None
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise damaged(path, error, NEXT) from error


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    columns = {
        name: [storable(value) if isinstance(value, str) else value for value in column]
        for name, column in zip(_ANSWERS.names, zip(*map(astuple, answers), strict=True), strict=True)
    }
    table = pa.table({name: pa.array(values) for name, values in columns.items()}).cast(_ANSWERS)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_answers(path: Path) -> list[Answer]:
    """Raises :class:`BenchError` where the file is missing or damaged."""
    try:
        rows = pq.read_table(path, columns=_ANSWERS.names).to_pylist()
    except FileNotFoundError:
        raise missing(path, NEXT) from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise damaged(path, error, NEXT) from error
    return [Answer(**row) for row in rows]


def write_wrong_answers(path: Path, answers: Sequence[Answer]) -> None:
    """``relation,lirp,lsrp,strength,answer,kind,language,facts,of,strength_back``: the most frequent answers other than
    the right one of each relation and setting, the ``facts`` that they are given for, and all facts ``of`` that
    relation."""
    names = ["relation", "lirp", "lsrp", "strength", "answer", "kind", "language", "facts", "of", "strength_back"]
    lines = [
        [relation, *(_cell(part) for part in layers), *given, count, of, _cell(back)]
        for (relation, *layers, back), of, counted in wrong_answers(answers)
        for given, count in counted[:_LISTED]
    ]
    write_text(path, _csv([names, *lines]))


def wrong_answers(
    answers: Iterable[Answer],
) -> list[tuple[tuple[Any, ...], int, list[tuple[tuple[str, str, str], int]]]]:
    """By relation and setting (relation, lirp, lsrp, strength, strength_back): how many facts there are, and the
    answers other than the right one with their kind and language and how often each is given, the most frequent
    first."""
    facts: Counter[tuple[Any, ...]] = Counter()
    given: dict[tuple[Any, ...], Counter[tuple[str, str, str]]] = {}
    for one in answers:
        key = one.relation, *one.layers
        facts[key] += 1
        counter = given.setdefault(key, Counter())
        if one.answer is not None and one.kind is not None and one.language is not None and one.kind != "right":
            counter[one.answer, one.kind, one.language] += 1
    return [
        (key, facts[key], sorted(counter.items(), key=lambda item: (-item[1], item[0])))
        for key, counter in given.items()
    ]


def _metric_row(line: dict[str, str]) -> ScoreMetricRow:
    def number(name: str) -> float | None:
        return float(line[name]) if line[name] else None

    lirp, lsrp = (int(line[name]) if line[name] else None for name in ("lirp", "lsrp"))
    return ScoreMetricRow(
        lirp, lsrp, number("strength"), line["metric"], float(line["value"]), number("change"), number("low"),
        number("high"), int(line["facts"]), number("strength_back"),
    )  # fmt: skip


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def _csv(lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
