"""The mirror of a report: what goes where, and that it can do the report no harm."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from lrp2_bench.tracking import NoTracker, ReportRecord, WandbTracker, wandb_report
from tests.support.commands import lrp2_bench
from tests.support.fake_wandb import FakeWandb
from tests.support.read_wandb import the_run
from tests.support.run_folders import every_pair, write_run


@pytest.fixture
def report(tmp_path: Path) -> ReportRecord:
    """A report of a table and a page."""
    folder = tmp_path / "report"
    for name in ("data", "tables"):
        (folder / name).mkdir(parents=True)
    (folder / "data" / "verdict.csv").write_text("claim,p\nrises,0.5\n", encoding="utf-8")
    (folder / "tables" / "verdict.md").write_text("# Verdict\n", encoding="utf-8")
    (folder / "index.html").write_text("<p>page", encoding="utf-8")
    (folder / "data" / "stale.csv").write_text("of,another\n", encoding="utf-8")
    files = [Path(name) for name in ("data/verdict.csv", "tables/verdict.md", "index.html")]
    return ReportRecord(folder, files, ["a", "b"], ["mbert"], ["mlama"], ["de"], "accuracy", 1, ["one lacks hits"])


def test_a_report_on_two_experiments_is_one_run_of_its_own_files(report: ReportRecord) -> None:
    WandbTracker(mode="offline").log_report(report)
    run = the_run(report.folder)
    assert (run.run["display_name"], run.run["run_group"], run.run["job_type"]) == ("report-a+b", "a+b", "report")
    assert run.media("tables/verdict")["data"] == [["rises", 0.5]]
    (artifact,) = [found for found in run.artifacts if found.type == "report"]
    assert artifact.name == "report-a_b" and set(artifact.files) == {
        "data/verdict.csv",
        "tables/verdict.md",
        "index.html",
    }
    assert run.summary["incomplete"] == 1


def test_a_page_too_large_to_be_shown_is_in_the_artifact_alone(
    report: ReportRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_report, "LARGEST_PAGE", 3)
    WandbTracker(mode="offline").log_report(report)
    run = the_run(report.folder)
    assert not run.logged("page.path")
    assert "index.html" in next(found.files for found in run.artifacts if found.type == "report")


def test_a_failure_inside_is_a_warning_and_the_run_ends_as_failed(
    report: ReportRecord, caplog: pytest.LogCaptureFixture
) -> None:
    WandbTracker(mode="offline").log_report(replace(report, files=[Path("gone.csv")]))
    (warning,) = [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert "W&B did not take report-a+b (FileNotFoundError" in warning and "are complete without it" in warning
    assert the_run(report.folder).exit_code == 1


def test_a_server_that_refuses_costs_the_mirror_only(
    report: ReportRecord, refusing_server: FakeWandb, caplog: pytest.LogCaptureFixture
) -> None:
    WandbTracker(timeout=60).log_report(report)
    assert f"Sync it later: wandb sync {the_run(report.folder).folder}" in caplog.text
    assert the_run(report.folder).exit_code == 0


def test_a_mode_that_does_not_exist_is_refused_before_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(12))
    assert lrp2_bench("report", str(tmp_path), "tracking=wandb", "tracking.mode=offlin") == 1
    assert "Unknown W&B mode 'offlin'. Did you mean 'offline'?" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_no_tracker_writes_nothing(report: ReportRecord) -> None:
    before = sorted(report.folder.rglob("*"))
    NoTracker().log_report(report)
    assert sorted(report.folder.rglob("*")) == before
