"""Journals that several jobs keep in one folder: each appends to a file of its own and reads everyone's.

No lock is needed, so none can fail on a file system shared by machines. A job gets its number by making
``journal-NUMBER.jsonl`` with O_EXCL, which one job only can do; the first one's is ``journal.jsonl``.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.files import append_json_line, make_folder

#: Kind of :class:`DataWarnings` counted whenever a journal is read: what was lost stays on record.
UNREADABLE = "Damaged records of the journal of hits were passed over"

_NAME = re.compile(r"journal(?:-(\d+))?\.jsonl")


@dataclass(frozen=True, order=True)
class Place:
    """Where a record stands. Later places overrule earlier ones, in the same order for every reader."""

    journal: int
    offset: int  # bytes


class Journals:
    """The journals of ``folder``, which need not exist; nothing is written before the first :meth:`append`.

    A record is an object in which the keys ``needed`` name texts. Whole lines that are none are
    counted in ``data_warnings``.
    """

    def __init__(self, folder: Path, needed: Collection[str] = (), data_warnings: DataWarnings | None = None) -> None:
        self._folder, self._needed = folder, needed
        self._data_warnings = data_warnings or DataWarnings()
        self._read_to: dict[int, int] = {}

    def new_records(self) -> list[tuple[Place, dict[str, Any]]]:
        """The whole records that were appended since the last call, by whomever; a torn last line is none (yet)."""
        records = []
        for number, path in sorted(self._files().items()):
            start = self._read_to.get(number, 0)
            with path.open("rb") as file:
                file.seek(start)
                data = file.read()
            *lines, _torn = data.split(b"\n")
            for line in lines:
                record = self._record(line)
                if record is None:
                    self._data_warnings.add(UNREADABLE, path.name)
                else:
                    records.append((Place(number, start), record))
                start += len(line) + 1
            self._read_to[number] = start
        return records

    def append(self, record: dict[str, Any]) -> Place:
        """Append to the own journal; on return the record survives a power cut, and other jobs read it."""
        return Place(self.number, append_json_line(self._path(self.number), record))

    @cached_property
    def number(self) -> int:
        """This writer's own, from 1; taking it makes the journal."""
        make_folder(self._folder)
        for number in itertools.count(max(self._files(), default=0) + 1):
            try:
                os.close(os.open(self._path(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                continue
            return number
        raise RuntimeError("numbers have no end")

    def _record(self, line: bytes) -> dict[str, Any] | None:
        try:
            record = json.loads(line)
        except ValueError:
            return None
        whole = isinstance(record, dict) and all(isinstance(record.get(key), str) for key in self._needed)
        return record if whole else None

    def _path(self, number: int) -> Path:
        return self._folder / ("journal.jsonl" if number == 1 else f"journal-{number:03d}.jsonl")

    def _files(self) -> dict[int, Path]:
        """The journals by number."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return {}
        matches = (_NAME.fullmatch(name) for name in names)
        return {int(match[1] or 1): self._folder / match[0] for match in matches if match}
