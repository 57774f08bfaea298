"""A report whose reader has left is on disk as a whole."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path

import pytest

from tests.support.commands import ToyJob, lrp2_bench


class Gone(io.StringIO):
    """Takes the first line, then nothing."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error, self.failed = error, 0

    def write(self, text: str) -> int:
        if "\n" in self.getvalue():
            self.failed += 1
            raise self.error
        return super().write(text)


def test_figures_and_page_are_written_whoever_reads(
    finished_job: ToyJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One figure stands for all: that they are drawn is told on the console before.
    drawn: list[str] = []
    stream = Gone(BrokenPipeError(errno.EPIPE, "gone"))
    monkeypatch.setattr("lrp2_bench.report.figures.draw.save", lambda *given: drawn.append(given[-1]) or [])
    monkeypatch.setattr(sys, "stdout", stream)
    assert lrp2_bench("report", str(finished_job.outputs), f"output={tmp_path}") == 0
    assert stream.failed == 1 and drawn
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert {"index.md", "index.html", "data/table1_bert_mlama.csv", "tables/verdict.md", "results.csv"} <= written
    assert (tmp_path / "index.html").read_text("utf-8").rstrip().endswith("</html>")
