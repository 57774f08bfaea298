"""Hits as a table: a row per fact and setting, with columns for strengths where those are searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lrp2_bench.core.types import NOT_EVALUATED, Fact, Hits, LayerPair, Setting
from lrp2_bench.results.tables import STRENGTH_COLUMNS

Numbers = npt.NDArray[np.integer[Any]]

#: More layers than any model has.
_LAYERS = 1024

_COLUMNS = [
    ("relation", pa.dictionary(pa.int32(), pa.string())),
    ("uuid", pa.dictionary(pa.int32(), pa.string())),
    ("lirp", pa.int16()),
    ("lsrp", pa.int16()),
    ("hit", pa.bool_()),
]
#: Where strengths are searched, one for both ways or one for each.
_STRENGTHS = [(name, pa.float64()) for name in STRENGTH_COLUMNS]


def schema_of(settings: Iterable[Setting]) -> pa.Schema:
    """With as many strengths as ``settings`` have: none, one for both ways, or one for each."""
    pairs = {setting for setting in settings if setting is not None}
    strengths = any(pair.strength is not None for pair in pairs) + any(pair.strength_back is not None for pair in pairs)
    return pa.schema(_COLUMNS + _STRENGTHS[:strengths])


def table_of(
    relation: str, facts: Sequence[Fact], settings: Sequence[Setting], hits: Hits, schema: pa.Schema | None = None
) -> pa.Table:
    count, rows = len(facts), len(settings)
    schema = schema or schema_of(settings)
    flat = hits.reshape(-1)
    uuids = pa.DictionaryArray.from_arrays(
        pa.array(np.tile(np.arange(count, dtype=np.int32), rows)), pa.array([fact.uuid for fact in facts], pa.string())
    )
    names = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(count * rows, dtype=np.int32)), pa.array([relation], pa.string())
    )
    lirp, lsrp, *strengths = (
        pa.array([value for value in column for _ in range(count)], kind)
        for column, kind in (
            ([s.lirp if s else None for s in settings], pa.int16()),
            ([s.lsrp if s else None for s in settings], pa.int16()),
            ([s.strength if s else None for s in settings], pa.float64()),
            ([s.back if s else None for s in settings], pa.float64()),
        )
    )
    hit = pa.array(flat == 1, pa.bool_(), mask=flat == NOT_EVALUATED)
    columns = [names, uuids, lirp, lsrp, hit, *strengths]
    return pa.Table.from_arrays(columns[: len(schema)], schema=schema)


def fill_in(hits: Hits, table: pa.Table, rows: Mapping[Setting, int], columns: Mapping[str, int]) -> None:
    """Write a chunk's evaluated cells into ``hits``; what it does not name stays as it is."""
    settings, place = setting_of_rows(table)
    row_of = np.array([rows.get(stored_as(setting), -1) for setting in settings], dtype=np.int64)
    uuids = table["uuid"].unify_dictionaries().combine_chunks()
    column_of = np.array([columns.get(uuid, -1) for uuid in uuids.dictionary.to_pylist()], dtype=np.int64)
    row, column = row_of[place], column_of[uuids.indices.to_numpy()]
    hit = table["hit"].fill_null(False).to_numpy()
    known = (row >= 0) & (column >= 0) & ~table["hit"].is_null().to_numpy()
    hits[row[known], column[known]] = hit[known]


def stored_as(setting: Setting) -> Setting:
    """Strengths are searched where the run's own is 1, so that a chunk which names none is of that."""
    return setting.layers if setting is not None and setting.strength == 1.0 == setting.back else setting


def setting_of_rows(table: pa.Table) -> tuple[tuple[Setting, ...], Numbers]:
    """The distinct settings of a table of hits, in order, and each row's number among them."""
    lirp, lsrp = (table[name].fill_null(0).to_numpy().astype(np.int32) for name in ("lirp", "lsrp"))
    layers, row = distinct(joined(lirp, lsrp, _LAYERS))
    pairs = [LayerPair(code // _LAYERS, code % _LAYERS) if code else None for code in layers.tolist()]
    if "strength" not in table.column_names:
        return tuple(pairs), row
    there = table["strength"].fill_null(0.0).to_numpy()
    back = table["strength_back"].fill_null(0.0).to_numpy() if "strength_back" in table.column_names else there
    values, place = np.unique(np.stack([there, back], axis=1), axis=0, return_inverse=True)
    codes, row = distinct(joined(row.astype(np.int32), place.reshape(-1).astype(np.int32), len(values)))
    named = []
    for pair, (strength, way_back) in ((pairs[code // len(values)], values[code % len(values)]) for code in codes):
        named.append(pair.at(float(strength), float(way_back)) if pair and strength else pair)
    return tuple(named), row


def joined(high: Numbers, low: Numbers, base: int) -> Numbers:
    """``high * base + low``, a number for each two; ``base`` is above every ``low``."""
    wide = (int(high.max()) + 1) * base >= 2**31
    joined: Numbers = high.astype(np.int64 if wide else np.int32)
    joined *= base
    joined += low
    return joined


def distinct(codes: Numbers) -> tuple[Numbers, Numbers]:
    """The distinct ``codes`` (0 or more), ascending, and the place of each code among them: by a table of all codes up
    to the highest where that is no longer than the file, since sorting millions of rows takes most of the reading."""
    if len(codes) == 0 or codes.min() < 0 or int(codes.max()) > max(len(codes), _LAYERS**2):
        return np.unique(codes, return_inverse=True)
    there = np.zeros(int(codes.max()) + 1, dtype=bool)
    there[codes] = True
    distinct = np.flatnonzero(there)
    place = np.empty(len(there), dtype=np.int32)
    place[distinct] = np.arange(len(distinct))
    return distinct, place[codes]
