"""``lrp2-bench demo``: what it searches, what it says, and how it fails; once for real on a shipped model."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lrp2_bench.commands import demo
from lrp2_bench.commands.demo import Step, demo_steps, run_demo
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.settings import DemoCommand, PathSettings
from lrp2_bench.testbed.specs import TINY_LANGUAGES


def settings(tmp_path: Path, **given: object) -> DemoCommand:
    paths = PathSettings(outputs=str(tmp_path / "out puts"), cache=str(tmp_path / "cache"))
    return DemoCommand(**{"models": ["tiny_bloom"], "languages": ["sq"], "limit": 2, "paths": paths, **given})


def test_a_model_is_searched_in_all_its_languages_after_its_twin(tmp_path: Path) -> None:
    twin, grid, english = demo_steps("tiny_mbert", DemoCommand(), tmp_path)
    assert [folder.parts[-3:] for folder in grid.folders] == [
        ("tiny_mbert", "cldr", code) for code in TINY_LANGUAGES if code != "en"
    ]
    assert {folder.parts[-3] for folder in twin.folders} == {"tiny_mbert_twin"}
    assert [folder.name for folder in english.folders] == ["en"]
    assert ["search=baseline" in step.arguments for step in (twin, grid, english)] == [True, False, True]


@pytest.mark.parametrize(("limit", "experiment"), [(30, "demo"), (5, "demo_5"), (None, "demo_all")])
def test_each_limit_has_an_experiment_of_its_own(tmp_path: Path, limit: int | None, experiment: str) -> None:
    for step in demo_steps("tiny_mbert", DemoCommand(limit=limit), tmp_path):
        assert f"experiment.name={experiment}" in step.arguments
        assert all(folder.is_relative_to(tmp_path / experiment) for folder in step.folders)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": ["tiny_mbart"]}, "tiny_mbert"),
        ({"models": ["tiny_bloom_twin"]}, "tiny_bloom"),
        ({"languages": ["cy"]}, "Unknown language of the demo 'cy'"),
    ],
)
def test_unknown_names_are_refused_before_anything_runs(tmp_path: Path, given: dict[str, object], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        run_demo(settings(tmp_path, **given), Console(file=io.StringIO()))
    assert not (tmp_path / "out puts").exists()


def test_a_failed_search_shows_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho the disk is on fire; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(demo.sys, "executable", str(program))
    with pytest.raises(
        BenchError, match=r"tiny_bloom failed; its last words:\nthe disk is on fire\nAll of them: .*log"
    ):
        run_demo(settings(tmp_path), Console(file=io.StringIO()))


def test_a_stopped_demo_stops_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, word = tmp_path / "python", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {word}\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr(demo.sys, "executable", str(program))

    def stop() -> None:
        while not (word.exists() and word.read_text()):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_demo(settings(tmp_path), Console(file=io.StringIO()))
    assert not Path(f"/proc/{word.read_text().strip()}").exists()


def test_a_search_is_stopped_that_is_just_being_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = demo._Worker("tiny_bloom", [Step((), (tmp_path / "run",))], tmp_path / "tiny_bloom.log")
    runs = threading.Event()
    started: list[subprocess.Popen[bytes]] = []

    class Slow(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **given: Any) -> None:
            super().__init__(["sleep", "5"], **given)
            started.append(self)
            runs.set()
            time.sleep(0.5)  # the caller has no name for it yet

    monkeypatch.setattr(demo.subprocess, "Popen", Slow)
    worker.start()
    runs.wait()
    worker.stop()
    assert [process.returncode for process in started] == [-signal.SIGTERM] and not worker.is_alive()


def test_it_searches_reports_and_says_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    report = run_demo(settings(tmp_path), Console(file=said, width=100))
    assert "tiny_bloom recalls" in said.getvalue() and "Knowledge transfer, baseline" in said.getvalue()
    assert "4/4 languages" in said.getvalue()
    assert len(list(report.parent.glob("*/*/*/wandb/offline-run-*"))) == 4 and "wandb sync" in said.getvalue()
    assert (report / "knowledge_tiny_bloom_cldr.md").is_file()
    assert (report / "figures" / "heatmaps_transferability_tiny_bloom_cldr.png").is_file()

    # A second time nothing is searched, until what is asked for changes.
    status = report.parent / "tiny_bloom" / "cldr" / "sq" / "status.json"
    before, said = status.stat().st_mtime_ns, io.StringIO()
    monkeypatch.setattr(demo.sys, "executable", "no such program")
    run_demo(settings(tmp_path), Console(file=said, width=100))
    assert status.stat().st_mtime_ns == before and "4/4 languages" in said.getvalue()
    # Another limit is another experiment; a folder holds one configuration.
    with pytest.raises(BenchError, match=r"cannot be started: .*no such program"):
        run_demo(settings(tmp_path, limit=3), Console(file=io.StringIO()))
