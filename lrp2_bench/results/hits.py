"""Hits on disk: one append-only chunk per finished relation, checked by digest, resumable after any death.

In a run's folder, ``relations/`` holds Parquet chunks and journals that name each with its SHA-256. A chunk counts
once its journal line is whole. Any number of jobs may write at once: each has a journal and chunk names of its own and
reads everyone's. ``hits.parquet`` and ``pivot_hits.parquet`` are written from the chunks at the end.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import STEM, file_name
from lrp2_bench.core.files import atomic_path, remove_abandoned, write_bytes
from lrp2_bench.core.types import NOT_EVALUATED, Fact, Hits, LayerPair, Setting
from lrp2_bench.results.hits_table import fill_in, schema_of, setting_of_rows, stored_as, table_of
from lrp2_bench.results.journals import Journals, Place
from lrp2_bench.results.layout import CHUNKS, DAMAGED

log = logging.getLogger(__name__)

Side = Literal["language", "pivot"]

#: Kinds of :class:`DataWarnings` a store counts, whenever it is opened: what was lost stays on record.
SET_ASIDE = "Damaged hits were set aside and computed again"
GONE = "Hits that were stored are gone and were computed again"

#: What a journal's record must say for its chunk to be read.
_NEEDED = ("side", "relation", "file", "sha256")


class HitsStore:
    """The hits of one (model, dataset, language) in ``folder``. Damaged chunks are set aside when they are met, and
    counted in ``data_warnings``."""

    def __init__(self, folder: Path, data_warnings: DataWarnings | None = None) -> None:
        self._folder = folder / CHUNKS
        remove_abandoned(self._folder)  # no chunk's name is used twice, so that no later one would
        self._data_warnings = data_warnings or DataWarnings()
        self._journals = Journals(self._folder, _NEEDED, self._data_warnings)
        self._chunks: dict[Place, Mapping[str, Any]] = {}
        self._unseen: dict[Place, Mapping[str, Any]] = {}
        self._named: set[str] = set()
        self.refresh()
        for entry in self._unseen.values():
            path = self._folder / str(entry["file"])
            if _quarantined(path).exists():
                self._data_warnings.add(SET_ASIDE, _quarantined(path).name)
            else:
                self._data_warnings.add(GONE, path.name)
                log.warning("Hits '%s' are gone; their relation is computed again.", path)

    def refresh(self) -> set[str]:
        """Take in what other jobs have stored since; the names of its relations."""
        # A chunk is on the disk before its journal names it, but another machine may see the two in either order.
        found = {**self._unseen, **dict(self._journals.new_records())}
        self._unseen, relations = {}, set()
        for place, entry in found.items():
            if place in self._chunks:
                continue
            self._named.add(entry["file"])
            if not (self._folder / entry["file"]).is_file():
                self._unseen[place] = entry
            elif self._read(entry) is not None:
                self._chunks[place] = entry
                relations.add(entry["relation"])
        return relations

    def load(self, side: Side, relation: str, facts: Sequence[Fact], settings: Sequence[Setting]) -> Hits:
        """``[setting, fact]``, -1 where not evaluated; later chunks overrule earlier ones."""
        hits = np.full((len(settings), len(facts)), NOT_EVALUATED, dtype=np.int8)
        columns = {fact.uuid: column for column, fact in enumerate(facts)}
        rows = {stored_as(setting): row for row, setting in enumerate(settings)}
        for table in self._tables(side, relation):
            fill_in(hits, table, rows, columns)
        return hits

    def searched(self) -> set[LayerPair]:
        """The pairs with strengths of their own of which something is stored."""
        found: set[Setting] = set()
        for relation in sorted({entry["relation"] for entry in self._chunks.values() if entry.get("strengths")}):
            for table in self._tables("language", relation):
                found.update(setting_of_rows(table)[0] if "strength" in table.column_names else ())
        return {setting for setting in found if setting is not None and setting.strength is not None}

    def _tables(self, side: Side, relation: str) -> Iterator[pa.Table]:
        """The chunks of a relation, earlier ones first."""
        for place, entry in sorted(self._chunks.items(), key=lambda item: item[0]):
            if (entry["side"], entry["relation"]) == (side, relation):
                data = self._read(entry)
                if data is None:
                    del self._chunks[place]  # set aside since it was checked
                else:
                    yield pq.read_table(io.BytesIO(data))

    def append(self, side: Side, relation: str, facts: Sequence[Fact], settings: Sequence[Setting], hits: Hits) -> None:
        """Store a relation's hits ``[setting, fact]``; on return they survive a power cut."""
        buffer = io.BytesIO()
        pq.write_table(table_of(relation, facts, settings, hits), buffer)
        data = buffer.getvalue()
        name = self._free_name(f"{file_name(relation, STEM)}-{side}-{self._journals.number:03d}")
        write_bytes(self._folder / name, data)
        entry = {
            "side": side,
            "relation": relation,
            "file": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "settings": len(settings),
            "facts": len(facts),
            **({"strengths": True} if any(setting and setting.strength for setting in settings) else {}),
        }
        self._named.add(name)
        self._chunks[self._journals.append(entry)] = entry

    def _free_name(self, stem: str) -> str:
        """A name no chunk ever had: a journal still holds the digest of one that was set aside. The stem ends with
        the number of the own journal, so that no other job can be about to use the name."""
        names = (f"{stem}{'' if number == 1 else f'-{number}'}.parquet" for number in itertools.count(1))
        return next(name for name in names if name not in self._named and not (self._folder / name).exists())

    def _read(self, entry: Mapping[str, Any]) -> bytes | None:
        """A chunk's bytes; None where it is gone, or damaged and now set aside."""
        path = self._folder / str(entry["file"])
        try:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == entry["sha256"]:
                return data
            path.rename(_quarantined(path))
        except FileNotFoundError:
            return None  # or another job was faster to set it aside, and said so
        self._data_warnings.add(SET_ASIDE, _quarantined(path).name)
        log.warning(
            "Hits '%s' are damaged (their digest differs); kept as '%s', the relation is computed again.",
            path,
            _quarantined(path).name,
        )
        return None


def holds_hits(folder: Path) -> bool:
    """Whether a :class:`HitsStore` of ``folder`` was ever written to; nothing is checked or set aside."""
    return (folder / CHUNKS).is_dir()


def write_hits(path: Path, parts: Iterable[tuple[str, Sequence[Fact], Sequence[Setting], Hits]]) -> None:
    """``hits.parquet``: a row per relation, setting and fact, in that order; baseline rows have null layers, facts
    that a setting left open a null ``hit``. Settings without any hit evaluated are left out."""
    listed = list(parts)
    schema = schema_of([setting for _, _, settings, _ in listed for setting in settings])
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for relation, facts, settings, hits in listed:
            kept = [row for row in range(len(settings)) if (hits[row] != NOT_EVALUATED).any()]
            if kept:
                writer.write_table(table_of(relation, facts, [settings[row] for row in kept], hits[kept], schema))


def require_same_identity(
    stored: Mapping[str, Any],
    wanted: Mapping[str, Any],
    folder: Path,
    configs: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> dict[str, Any]:
    """The identity to go on with. A key that one side has not fixed yet (null) agrees with anything.

    Raises :class:`BenchError` naming the keys that differ, so that no folder ever mixes hits of two configurations;
    ``configs``, the stored and the present one, say which of the user's settings lie behind a digest.
    """
    old, new = _flat(stored), _flat(wanted)
    differing = differing_keys(stored, wanted)
    if differing:
        before, now = (_settings_behind(differing, config) for config in configs)
        changed = [
            f"  {key} {json.dumps(before[key])} -> {json.dumps(now[key])}"
            for key in sorted(before)
            if key in now and before[key] != now[key]
        ]
        # A digest helps nobody, unless no setting shows what is behind it.
        others = {key: values for key, values in differing.items() if not (changed and _is_digest(values[0]))}
        lines = [*changed, *(f"  {key}: stored {one}, now {other}" for key, (one, other) in others.items())]
        if by_digest := sorted(differing.keys() - others.keys()):
            lines.append(f"  by digest: {', '.join(by_digest)}")
        shown = "\n".join(lines)
        raise BenchError(
            f"'{folder}' holds hits of another configuration. What differs:\n{shown}\n"
            "Give this run another experiment.name (or paths.outputs), or set these back."
        )
    return _nested({key: new.get(key) if new.get(key) is not None else old.get(key) for key in {**old, **new}})


#: Sections of the user's settings that decide sections of an identity of another name.
_BEHIND = {"vectors": ("corpus", "model"), "probing": ("seed",), "tokens": ("projection",), "strength": ("projection",)}

#: What a key stands for in identities that lack it: what was built in before it could be chosen.
_BUILT_IN = {
    "tokens": "all",
    "strength": [1.0, 1.0],
    "probing.filtered": False,
    "probing.templates": "first",
}

#: Settings that configurations of earlier versions lack, as they were then.
_LATER = {
    "probing.filtered": False, "probing.templates": "first", "dataset.facts": None, "dataset.sample": None,
    "dataset.sample_seed": 0, "dataset.sample_languages": None,
}  # fmt: skip


def _settings_behind(differing: Iterable[str], config: Mapping[str, Any]) -> dict[str, Any]:
    """The user's settings that may lie behind keys of an identity, dotted."""
    sections = {key.split(".")[0] for key in differing}
    sections |= {other for section in sections for other in _BEHIND.get(section, ())}
    flat = {**_LATER, **_flat(config)} if config else {}
    return {key: value for key, value in flat.items() if key.split(".")[0] in sections}


def _with_built_in(identity: dict[str, Any]) -> dict[str, Any]:
    """A folder without an identity has nothing built in."""
    return {**_BUILT_IN, **identity} if identity else identity


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32,}", value) is not None


def differing_keys(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of two identities that do not agree, dotted and sorted, each with both values."""
    old, new = (_with_built_in(_flat(identity)) for identity in (stored, wanted))
    return {
        key: (old[key], new.get(key))
        for key in sorted(old)
        if old[key] is not None and new.get(key) is not None and new[key] != old[key]
    }


def _quarantined(path: Path) -> Path:
    return path.with_name(path.name + DAMAGED)


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            flat.update(_flat(item, f"{prefix}{key}."))
        else:
            flat[prefix + key] = item
    return flat


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in sorted(flat.items()):
        *parents, key = path.split(".")
        level = nested
        for parent in parents:
            level = level.setdefault(parent, {})
        level[key] = value
    return nested
