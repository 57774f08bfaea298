"""What a user sees while a job runs: a bar in a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from lrp2_bench.secrets import mask

log = logging.getLogger(__name__)

_CONSOLE = Console(stderr=True)

#: Seconds between log lines where there is no terminal.
LOG_EVERY = 10.0


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
    if _CONSOLE.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(unit))
        with Progress(*columns, TimeRemainingColumn(), console=_CONSOLE, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps=1: bar.advance(task, steps)
    else:
        yield _Logged(what, total, unit)


class ConsoleHandler(logging.Handler):
    """Log messages on stderr, above a running bar; a path or a label is printed as it is, never as markup."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else ""
        try:
            _CONSOLE.print(Text(self.format(record), style=style), soft_wrap=True)
        except Exception:  # as in logging's own handlers: a broken pipe must not stop a job
            self.handleError(record)


class _Logged:
    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = 0
        self._start = self._last = time.monotonic()

    def __call__(self, steps: int = 1) -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._last < LOG_EVERY or not self._done:
            return
        self._last = now
        rate = self._done / (now - self._start)
        left = (self._total - self._done) / rate
        log.info("%s: %d of %d, %.1f %s/s, %.0f s left", self._what, self._done, self._total, rate, self._unit, left)
