"""What is seen while a job runs: a bar in a terminal, plain log lines elsewhere."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from lrp2_bench.core import progress as module
from lrp2_bench.core.progress import LOG_EVERY, NOT_ON_CONSOLE, ConsoleHandler, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


class _Output(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def _console(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, **environment: str) -> io.StringIO:
    output = _Output(terminal=terminal)
    console = Console(file=output, width=120, _environ={"TERM": "xterm", **environment})
    monkeypatch.setattr(module, "_CONSOLE", console)
    return output


@pytest.mark.parametrize(
    ("terminal", "environment"),
    [(False, {}), (False, {"FORCE_COLOR": "1"}), (True, {"TERM": "dumb"})],
    ids=["a file", "a file in colour", "a dumb terminal"],
)
def test_without_a_terminal_a_line_a_minute_gives_share_rate_and_time_left(
    terminal: bool,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    clock: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    output = _console(monkeypatch, terminal=terminal, **environment)
    caplog.set_level(logging.INFO)
    with progress("German", 10_000, "facts") as advance:
        for _ in range(300):  # five minutes
            clock[0] += 1.0
            advance(10)
    assert [record.getMessage() for record in caplog.records] == [
        f"German: {done} of 10,000 ({share}%), 10.0 facts/s, {left} left"
        for done, share, left in [
            ("100", 1, "0:16:30"),
            ("700", 7, "0:15:30"),
            ("1,300", 13, "0:14:30"),
            ("1,900", 19, "0:13:30"),
            ("2,500", 25, "0:12:30"),
        ]
    ]
    assert output.getvalue() == ""


def test_a_long_wait_without_a_finished_step_logs_nothing(
    monkeypatch: pytest.MonkeyPatch, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    _console(monkeypatch, terminal=False)
    caplog.set_level(logging.INFO)
    with progress("German", 100, "facts") as advance:
        clock[0] += 5 * LOG_EVERY
        advance(0)
    assert not caplog.records


def test_a_terminal_shows_a_bar_with_the_steps_done(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _console(monkeypatch, terminal=True)
    with progress("German", 8, "facts") as advance:
        advance(3)
        advance()
    assert "German" in output.getvalue()
    assert "4/8" in output.getvalue()


def test_an_error_inside_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        _console(monkeypatch, terminal=terminal)
        with pytest.raises(KeyboardInterrupt), progress("German", 8, "facts"):
            raise KeyboardInterrupt


def test_what_is_for_the_file_alone_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _console(monkeypatch, terminal=False)
    record = logging.getLogger("x").makeRecord("x", logging.ERROR, "", 0, "text", (), None, extra=NOT_ON_CONSOLE)
    ConsoleHandler().emit(record)
    assert output.getvalue() == ""


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_messages_are_printed_as_they_are(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    output = _console(monkeypatch, terminal=False)
    text = "Cannot read '[red]/data[/red]/" + "long" * 60 + "' [Y] :smile:"
    ConsoleHandler().emit(logging.LogRecord("x", level, "", 0, "%s", (text,), None))
    assert output.getvalue() == text + "\n"
