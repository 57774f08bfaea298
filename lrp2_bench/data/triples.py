"""Facts as mLAMA's files and those made after them write them: one JSON object a line, with entity ids and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import Fact
from lrp2_bench.data.filetree import FileTree
from lrp2_bench.data.json_lines import JsonLines
from lrp2_bench.data.labels import composed, line_id_of, uuid_of

_TEXT_KEYS = ("sub_uri", "obj_uri", "sub_label", "obj_label")
_INCOMPLETE = f"Facts without lineid and {', '.join(_TEXT_KEYS)} were skipped"


def facts_of(
    tree: FileTree, path: PurePosixPath, data_warnings: DataWarnings, collection: str | None = None
) -> Iterator[Fact]:
    """The usable facts of a relation's file in file order. ``collection`` is the one whose facts have no uuid: they get
    one of its name, so that nobody counts each of them."""
    seen: set[int | str] = set()
    labels: dict[str, str] = {}
    rows = JsonLines(tree, path, data_warnings)
    for where, row in rows:
        line_id = line_id_of(row.get("lineid"))
        texts = [text for key in _TEXT_KEYS if isinstance(text := row.get(key), str)]
        if line_id is None or len(texts) < len(_TEXT_KEYS):
            rows.skip(_INCOMPLETE, _lacks(row))
            continue
        subject_id, object_id, *names = texts
        subject, object_ = (composed(name, where, data_warnings) for name in names)
        own = row.get("uuid") if collection is None else f"{collection}/{path.stem}/{line_id}"
        uuid = uuid_of(own, path.stem, line_id, where, data_warnings)
        if not subject.strip() or not object_.strip():
            data_warnings.add("Facts with a blank label were skipped", where)
        elif line_id in seen or uuid in seen:
            data_warnings.add("Facts that repeat an id were skipped", where)
        else:
            seen |= {line_id, uuid}
            # A pool holds one label an object, so that an object never competes with itself.
            label = labels.setdefault(object_id, object_)
            if label != object_:
                data_warnings.add("Objects with a second label go by their first", where)
            yield Fact(path.stem, line_id, uuid, subject, subject_id, label, object_id)


def _lacks(row: Mapping[str, object]) -> str:
    """Which keys a fact lacks, or what they hold that is not text."""
    wrong = [key for key in ("lineid", *_TEXT_KEYS) if row.get(key) is None]
    wrong += [
        f"{key}={str(row[key])[:30]!r} is not text"
        for key in _TEXT_KEYS
        if not isinstance(row.get(key), (str, type(None)))
    ]
    return f"no {', '.join(wrong)}" if wrong else f"lineid={str(row['lineid'])[:30]!r} is not an id"
