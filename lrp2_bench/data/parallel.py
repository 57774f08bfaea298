"""What datasets of parallel facts have in common: their settings, the pivot's share of a relation, a digest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Relation
from lrp2_bench.data.filetree import FileTree


def require_selection(relations: object, limit: object) -> None:
    """Raises :class:`BenchError` where ``dataset.relations`` or ``dataset.limit`` is not what it can be."""
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise BenchError(f"dataset.limit={limit}: give a whole number of facts from 1, or null for all facts.")
    if relations is not None and (isinstance(relations, str) or not relations):
        raise BenchError(f"dataset.relations={relations}: give a list such as [P36,P37], or null for all relations.")


def matching(relation: Relation, counterpart: Relation | None) -> Relation:
    """``counterpart``, the pivot's relation, with just the facts whose line ids ``relation`` has, in its order."""
    if counterpart is None:
        return Relation(relation.name, relation.template, (), {})
    by_id = {fact.line_id: fact for fact in counterpart.facts}
    shared = tuple(by_id[fact.line_id] for fact in relation.facts if fact.line_id in by_id)
    return Relation(relation.name, counterpart.template, shared, counterpart.objects, counterpart.variants)


def content(relations: Sequence[Relation]) -> list[object]:
    """What decides hits of the relations, for a digest."""
    return [
        [
            *(r.name, r.template, sorted(r.objects.items())),
            [[f.line_id, f.uuid, f.subject, f.object_id] for f in r.facts],
            *([sorted(r.variants.items())] if r.variants else []),
        ]
        for r in relations
    ]


def natural(name: str) -> tuple[int, str]:
    """A key that sorts P36 before P101."""
    number = re.sub(r"\D", "", name)
    return (int(number) if number else 0, name)


def json_rows(
    tree: FileTree, path: PurePosixPath, data_warnings: DataWarnings
) -> Iterator[tuple[str, dict[str, object]]]:
    """The JSON objects of a file, each with its place. Lines end at ``\\n`` alone: labels may hold U+2028."""
    for number, line in enumerate(tree.read(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            row = json.loads(line.decode("utf-8"))
            if b"\\ud" in line.lower():  # JSON can spell half a surrogate pair, which no UTF-8 file can hold
                json.dumps(row, ensure_ascii=False).encode("utf-8")
        except ValueError:
            data_warnings.add("Lines that are not JSON were skipped", where)
            continue
        if isinstance(row, dict):
            yield where, row
        else:
            data_warnings.add("Lines that are not JSON were skipped", where)
