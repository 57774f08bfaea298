"""The counted table of faults, printed behind a run: ``pytest -p tests.faults.table``; it also goes to a file.

A test tells what it tried through the fixture ``tally``; here the reports of all of them are added up, so that the
numbers in ``docs/faults.md`` are those of a run and not of somebody's memory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

#: The name under which ``tally`` files what it is told.
PROPERTY = "fault"

_COLUMNS = ("fault", "trials", "as wanted", "counted")


@dataclass
class Row:
    """``trials`` tried, ``held`` of them in tests that passed; ``counts`` are further numbers, added up."""

    trials: int = 0
    held: int = 0
    counts: dict[str, int] = field(default_factory=dict)


class Table:
    """What the tests of a run told; a plugin of pytest."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                told = json.loads(str(value))
                row = self.rows.setdefault(told["fault"], Row())
                row.trials += told["trials"]
                row.held += told["trials"] if report.passed else 0
                for what, count in told["counts"].items():
                    row.counts[what] = row.counts.get(what, 0) + count

    def text(self) -> str:
        """As Markdown, in the order the faults were met."""
        lines = [
            [fault, str(row.trials), str(row.held), ", ".join(f"{what}: {n}" for what, n in row.counts.items())]
            for fault, row in self.rows.items()
        ]
        cells = [list(_COLUMNS), ["---", "--:", "--:", "---"], *lines]
        return "".join(f"| {' | '.join(line)} |\n" for line in cells)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        if not self.rows:
            return
        terminalreporter.section("faults")
        terminalreporter.write(self.text())
        path = config.getoption("--fault-table")
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(self.text(), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", metavar="FILE", help="write the counted table of faults to FILE")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table(), "fault-table")
