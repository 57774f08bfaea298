"""``facts.parquet``: what was asked and what is right, beside the hits, so that a reader needs no dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.core.files import atomic_path
from lrp2_bench.core.reading import damaged, missing
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.results.stored_hits import FactKey

#: Where a stored query leaves its object open.
SLOT = "[Y]"

_COLUMNS = ("query", "object", "pivot_query", "pivot_object")
_SCHEMA = pa.schema(
    [
        ("relation", pa.dictionary(pa.int32(), pa.string())),
        ("uuid", pa.string()),
        # Many facts share an object, and a column of few values is small by itself.
        *((name, pa.string()) for name in _COLUMNS),
        ("subject", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class FactText:
    """A fact as it is read: its query with :data:`SLOT` for the object, and the object; the same in the pivot's words,
    None where the pivot lacks the fact. Texts are the dataset's own, whatever they hold."""

    query: str
    object: str
    pivot_query: str | None
    pivot_object: str | None


def write_facts(path: Path, relations: Iterable[tuple[Relation, Relation]]) -> None:
    """``relation,uuid,query,object,pivot_query,pivot_object,subject``: a row per fact of the language, in the order of
    ``hits.parquet``; ``relations`` are (the language's, the pivot's). ``subject`` is its id where the dataset has one,
    the same in all languages, else its name."""
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, _SCHEMA, compression="zstd") as writer:
        for ours, theirs in relations:
            if ours.facts:
                writer.write_table(_table(ours, theirs))


def read_facts(path: Path) -> Mapping[FactKey, FactText]:
    """The texts by (relation, uuid). Raises :class:`BenchError` where the file is missing or damaged."""
    next_step = "Run the same `lrp2-bench search` again: it is regenerated and nothing is computed twice."
    try:
        table = pq.read_table(path)
        columns = [table[name].to_pylist() for name in ("relation", "uuid", *_COLUMNS)]
        if any(None in column for column in columns[:4]):
            raise ValueError("a row has no fact or no texts")
    except FileNotFoundError:
        raise missing(path, next_step) from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise damaged(path, error, next_step) from error
    return {(relation, uuid): FactText(*texts) for relation, uuid, *texts in zip(*columns, strict=True)}


def read_subjects(path: Path) -> Mapping[FactKey, str]:
    """The subjects by (relation, uuid); empty where an earlier version wrote the file. Raises as :func:`read_facts`."""
    next_step = "Run the same `lrp2-bench search` again: it is regenerated and nothing is computed twice."
    try:
        if "subject" not in pq.read_schema(path).names:
            return {}
        table = pq.read_table(path, columns=["relation", "uuid", "subject"])
    except FileNotFoundError:
        raise missing(path, next_step) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise damaged(path, error, next_step) from error
    columns = [table[name].to_pylist() for name in ("relation", "uuid", "subject")]
    return {(relation, uuid): subject for relation, uuid, subject in zip(*columns, strict=True) if subject}


def _table(ours: Relation, theirs: Relation) -> pa.Table:
    pivot = [theirs.by_line.get(fact.line_id) for fact in ours.facts]
    count = len(ours.facts)
    names = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array([ours.name], pa.string()))
    columns: list[list[str | None]] = [
        [fact.uuid for fact in ours.facts],
        [_query(ours, fact) for fact in ours.facts],
        [fact.object for fact in ours.facts],
        [_query(theirs, fact) if fact else None for fact in pivot],
        [fact.object if fact else None for fact in pivot],
        [fact.subject_id or fact.subject for fact in ours.facts],
    ]
    stored = [pa.array([_storable(text) for text in column], pa.string()) for column in columns]
    return pa.Table.from_arrays([names, *stored], schema=_SCHEMA)


def _query(relation: Relation, fact: Fact) -> str:
    return relation.fill(fact, SLOT).text


def _storable(text: str | None) -> str | None:
    """Half a surrogate pair, which JSON can name and UTF-8 cannot, becomes ``?``: no label is worth a finished run."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
