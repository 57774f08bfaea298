"""Counted warnings: what was met in the data and passed over, never silently and never once per row."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_EXAMPLES = 3


@dataclass
class DataWarning:
    """One kind of blemish: how often it was met and the first places it was met in."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class DataWarnings:
    """Collects blemishes by kind; :meth:`report` logs each kind once, with its count and first examples."""

    def __init__(self) -> None:
        self._data_warnings: dict[str, DataWarning] = {}
        self._reported: dict[str, int] = {}

    def add(self, kind: str, where: str, count: int = 1) -> None:
        """Count ``kind`` (a plain sentence without its number) at ``where`` (file, relation, fact, ...)."""
        notice = self._data_warnings.setdefault(kind, DataWarning())
        notice.count += count
        if len(notice.examples) < _EXAMPLES and where not in notice.examples:
            notice.examples.append(where)

    def merge(self, other: DataWarnings) -> None:
        """Count all that ``other`` has."""
        for kind, notice in other._data_warnings.items():
            for where in notice.examples:
                self.add(kind, where, 0)
            self._data_warnings[kind].count += notice.count

    def count(self, kind: str) -> int:
        notice = self._data_warnings.get(kind)
        return notice.count if notice else 0

    def report(self) -> None:
        """Log what was added since the last report, one warning a kind."""
        for kind, notice in self._data_warnings.items():
            if notice.count == self._reported.get(kind):
                continue
            self._reported[kind] = notice.count
            more = ", ..." if notice.count > len(notice.examples) else ""
            log.warning("%s: %d (%s%s)", kind, notice.count, "; ".join(notice.examples), more)

    def as_dict(self) -> dict[str, dict[str, object]]:
        """For ``manifest.json``: kind -> count and examples."""
        return {kind: {"count": n.count, "examples": list(n.examples)} for kind, n in self._data_warnings.items()}
