"""What is seen while a job runs: a bar in a terminal, plain log lines elsewhere."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from lrp2_bench.core import progress as module
from lrp2_bench.core.progress import LOG_EVERY, ConsoleHandler, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def _console(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    output = io.StringIO()
    monkeypatch.setattr(module, "_CONSOLE", Console(file=output, force_terminal=terminal, width=120))
    return output


def test_without_a_terminal_a_line_now_and_then_gives_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    output = _console(monkeypatch, terminal=False)
    caplog.set_level(logging.INFO)
    with progress("German", 100, "facts") as advance:
        for _ in range(40):
            clock[0] += LOG_EVERY / 20
            advance()
    assert [record.getMessage() for record in caplog.records] == [
        "German: 20 of 100, 2.0 facts/s, 40 s left",
        "German: 40 of 100, 2.0 facts/s, 30 s left",
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


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_messages_are_printed_as_they_are(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    output = _console(monkeypatch, terminal=False)
    text = "Cannot read '[red]/data[/red]/" + "long" * 60 + "' [Y] :smile:"
    ConsoleHandler().emit(logging.LogRecord("x", level, "", 0, "%s", (text,), None))
    assert output.getvalue() == text + "\n"
