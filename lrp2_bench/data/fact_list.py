"""``dataset.facts=FILE``: the facts to be asked, by relation and id."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lrp2_bench.core.errors import BenchError, nearest
from lrp2_bench.core.types import WORDING, Relation
from lrp2_bench.data.labels import line_id_of
from lrp2_bench.data.rows import Faults, read_rows_at, text_of

_COLUMNS = ("relation", "fact")
_EXPECTED = "dataset.facts is a CSV or parquet file with the columns relation,fact; fact is a line id or uuid."


@dataclass(frozen=True, slots=True)
class ListedFact:
    place: str
    relation: str
    fact: str


@dataclass(frozen=True)
class FactList:
    rows: tuple[ListedFact, ...]

    def restricted(self, relations: Sequence[str] | None) -> FactList:
        """To these relations; None stands for all."""
        return self if relations is None else FactList(tuple(row for row in self.rows if row.relation in relations))

    def found(self, relations: Iterable[Relation]) -> dict[tuple[str, int], ListedFact]:
        """By (relation, line id), those that are among the facts of ``relations``."""
        keys = {}
        for relation in relations:
            for fact in relation.facts:
                keys[relation.name, fact.uuid] = keys[relation.name, str(fact.line_id)] = fact.key
        there = {}
        for row in self.rows:
            number = line_id_of(row.fact)
            key = keys.get((row.relation, row.fact)) or keys.get((row.relation, str(number)))
            if key is not None:
                there[key] = row
        return there

    def without(self, rows: Collection[ListedFact]) -> FactList:
        gone = set(rows)
        return FactList(tuple(row for row in self.rows if row not in gone))

    def unknown(self, relations: Mapping[str, Relation], skipped: Sequence[str] = ()) -> BenchError:
        """The error that no language has these facts, but perhaps ``skipped`` ones, which could not be asked."""
        faults = Faults()
        but = f" (but perhaps {', '.join(skipped)}, which cannot be asked for dataset.relations)" if skipped else ""
        for row in self.rows:
            relation = relations.get(row.relation)
            if relation is None:
                meant = nearest(row.relation, sorted(relations))
                hint = f"did you mean '{meant}'? " if meant else ""
                faults.add(row.place, f"unknown relation '{row.relation}'; {hint}known: {', '.join(sorted(relations))}")
            else:
                some = relation.facts[0]
                ids = f"line ids are such as {some.line_id}, uuids such as {some.uuid}"
                faults.add(row.place, f"'{row.relation}' has no fact '{row.fact}' in any language{but}; {ids}")
        return faults.error(_EXPECTED)


def read_fact_list(path: Path) -> FactList:
    """Raises :class:`BenchError` with file and line for a file that cannot be read so."""
    faults = Faults()
    table = read_rows_at(path, "dataset.facts", _COLUMNS, _EXPECTED, faults)
    rows: dict[tuple[str, str], ListedFact] = {}
    for row in table.rows:
        relation, fact = (text_of(row.cells.get(name)) for name in _COLUMNS)
        if not relation or not fact:
            faults.add(row.place, f"no {'relation' if not relation else 'fact'}")
            continue
        fact = re.sub(rf"{WORDING}\d+$", "", fact)
        rows.setdefault((relation, fact), ListedFact(row.place, relation, fact))
    faults.require_none(_EXPECTED)
    return FactList(tuple(rows.values()))
