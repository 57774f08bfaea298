"""Reads ``hits.parquet`` and ``pivot_hits.parquet`` back, without the dataset or the model they were made with."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.core.reading import damaged, missing
from lrp2_bench.core.types import NOT_EVALUATED, WORDING, Hits, Setting
from lrp2_bench.results.hits_table import Numbers, distinct, joined, setting_of_rows

#: (relation, uuid), which names a fact in every language.
FactKey = tuple[str, str]
_NEXT = "Run the same `lrp2-bench search` again: it is regenerated from the stored hits."


@dataclass(frozen=True)
class StoredHits:
    """``hits`` is ``[setting, fact]``, -1 where not evaluated; facts in the file's order, the baseline (None) first."""

    facts: tuple[FactKey, ...]
    settings: tuple[Setting, ...]
    hits: Hits

    @cached_property
    def relations(self) -> tuple[str, ...]:
        """``[fact]``."""
        return tuple(relation for relation, _ in self.facts)

    def row(self, setting: Setting) -> Hits | None:
        """``[fact]``: the hits of a setting that evaluated every fact; None where there is no such."""
        if setting not in self.settings:
            return None
        row: Hits = self.hits[self.settings.index(setting)]
        return None if (row == NOT_EVALUATED).any() else row

    def only(self, settings: Collection[Setting]) -> StoredHits:
        """A copy with those of ``settings`` that this one has, in its order."""
        rows = [row for row, setting in enumerate(self.settings) if setting in settings]
        return StoredHits(self.facts, tuple(self.settings[row] for row in rows), self.hits[rows])

    def by_fact(self, setting: Setting, facts: Sequence[FactKey]) -> Hits:
        """``[fact]``: a setting's hits of ``facts``, -1 where this file lacks the fact or the setting."""
        if setting not in self.settings:
            return np.full(len(facts), NOT_EVALUATED, dtype=np.int8)
        found = dict(zip(self.facts, self.hits[self.settings.index(setting)].tolist(), strict=True))
        # A pivot is asked in the first wording alone, which stands beside each of the language's.
        row = [found[fact] if fact in found else found.get(first_wording(fact), NOT_EVALUATED) for fact in facts]
        return np.array(row, dtype=np.int8)


def first_wording(fact: FactKey) -> FactKey:
    """The fact's name in its first wording; its own where it has but one."""
    relation, uuid = fact
    return relation, re.sub(rf"{WORDING}\d+$", "", uuid)


def fact_names(facts: Sequence[FactKey]) -> list[str]:
    """A name for each fact, which its wordings share."""
    return [" ".join(first_wording(fact)) for fact in facts]


def read_hits(path: Path, may_be_empty: bool = False) -> StoredHits:
    """All of a file; that of a pivot has no row where it shares no fact with the language. Raises :class:`BenchError`
    where it is missing, damaged or, unless it ``may_be_empty``, without a row."""
    try:
        table = pq.read_table(path)
        if may_be_empty and not table.num_rows and {"relation", "uuid", "hit"} <= set(table.column_names):
            return StoredHits((), (None,), np.zeros((1, 0), dtype=np.int8))
        relations, relation = _codes(table["relation"])
        uuids, uuid = _codes(table["uuid"])
        hit = np.where(table["hit"].is_null().to_numpy(), NOT_EVALUATED, table["hit"].fill_null(False).to_numpy())
        # A fact or setting is one number, which numpy compares faster than rows of a table.
        facts, column = _in_order(joined(relation, uuid, len(uuids)))
        named, row = setting_of_rows(table)
    except FileNotFoundError:
        raise missing(path, _NEXT) from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise damaged(path, error, _NEXT) from error
    hits = np.full((len(named), len(facts)), NOT_EVALUATED, dtype=np.int8)
    hits[row, column] = hit
    keys = tuple((relations[code // len(uuids)], uuids[code % len(uuids)]) for code in facts.tolist())
    return StoredHits(keys, named, hits)


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Numbers]:
    """The distinct texts of a column and each row's number among them; ValueError where there is no row or a gap."""
    if not len(column) or column.null_count:
        raise ValueError("it has no row" if not len(column) else "a row names no fact")
    coded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy()


def _in_order(codes: Numbers) -> tuple[Numbers, Numbers]:
    """The distinct ``codes`` in the order of their first occurrence, and the place of each code among them."""
    known, place = distinct(codes)
    first = np.empty(len(known), dtype=np.int64)
    # Of several values for one place numpy keeps the last, and here that is the first row.
    first[place[::-1]] = np.arange(len(codes))[::-1]
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return known[order], rank[place]
