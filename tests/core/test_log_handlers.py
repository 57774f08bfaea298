"""The job's own log: its lines may be lost, its trouble is nobody's; other mistakes in logging still show."""

from __future__ import annotations

import errno
import io
import logging
import os
from pathlib import Path

import pytest

from lrp2_bench.core.log_handlers import JobLog


class _Full(io.StringIO):
    full = True

    def flush(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _logger(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("of a job")
    logger.addHandler(handler)
    return logger


def test_lines_go_to_the_file(tmp_path: Path) -> None:
    handler = JobLog(tmp_path / "a.log", delay=True)
    _logger(handler).warning("ö %d", 1)
    handler.close()
    assert (tmp_path / "a.log").read_text() == "ö 1\n"


def test_a_file_that_cannot_be_opened_or_written_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unopened = JobLog(tmp_path / "missing" / "a.log", delay=True)
    full = JobLog(tmp_path / "a.log", delay=True)
    full.stream = _Full()
    for handler in (unopened, full):
        _logger(handler).warning("one")
        handler.close()
    assert capsys.readouterr().err == ""


def test_a_message_that_does_not_fit_its_arguments_still_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = JobLog(tmp_path / "a.log", delay=True)
    _logger(handler).warning("%d", "no number")
    handler.close()
    assert "Logging error" in capsys.readouterr().err
