"""What a user sees while a job runs: a bar in a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from lrp2_bench.core.secrets import mask

log = logging.getLogger(__name__)

_CONSOLE = Console(stderr=True)

#: Seconds between log lines where there is no terminal.
LOG_EVERY = 60.0
#: And until the first one: long enough for a rate, soon enough to see that it runs.
LOG_FIRST = 10.0

#: ``extra`` of a log message for the file alone, where the console has it from another.
NOT_ON_CONSOLE = {"on_console": False}


class Advance(Protocol):
    def __call__(self, steps: int = 1) -> None: ...


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f} {self._unit}/s" if task.speed else "")


@contextmanager
def progress(what: str, total: int, unit: str) -> Iterator[Advance]:
    """Call the yielded function with the number of finished ``unit``s; ``total`` of them make the whole."""
    if _is_live():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(unit))
        with Progress(*columns, TimeRemainingColumn(), console=_CONSOLE, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps=1: bar.advance(task, steps)
    else:
        yield _Logged(what, total, unit)


def _is_live() -> bool:
    """Whether a bar can be drawn again and again: FORCE_COLOR makes rich take any file for a terminal, and a dumb one
    shows no bar at all."""
    return _CONSOLE.is_terminal and _CONSOLE.file.isatty() and not _CONSOLE.is_dumb_terminal


class ConsoleHandler(logging.Handler):
    """Log messages on stderr, above a running bar; a path or a label is printed as it is, never as markup."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, "on_console", True):
            return
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else ""
        try:
            _CONSOLE.print(Text(self.format(record), style=style), soft_wrap=True)
        except Exception:  # as in logging's own handlers: a broken pipe must not stop a job
            self.handleError(record)


class _Logged:
    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = 0
        self._start = time.monotonic()
        self._next = self._start + LOG_FIRST

    def __call__(self, steps: int = 1) -> None:
        self._done += steps
        now = time.monotonic()
        if now < self._next or not self._done:
            return
        self._next = now + LOG_EVERY
        rate = self._done / (now - self._start)
        left = timedelta(seconds=round((self._total - self._done) / rate))
        done = f"{self._done:,} of {self._total:,} ({self._done / max(self._total, 1):.0%}), {rate:,.1f} {self._unit}/s"
        log.info("%s: %s, %s left", self._what, done, left)
