"""A job's run in W&B, written offline: every number of the job's folder, named and grouped for the dashboard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrp2_bench.tracking import JobRecord, WandbTracker
from tests.support.read_wandb import offline_runs, the_run
from tests.tracking.conftest import BLOCKS


def test_every_number_in_wandb_equals_the_one_on_disk(record: JobRecord) -> None:
    WandbTracker(mode="offline", tags=["nightly"]).log_job(record)
    run = the_run(record.folder)

    table = run.media("pairs")
    lines = (record.folder / "pairs.csv").read_text().splitlines()
    assert table["columns"] == lines[0].split(",")
    assert table["data"] == [[float(cell) if cell else None for cell in line.split(",")] for line in lines[1:]]
    assert len(table["data"]) == 1 + BLOCKS * (BLOCKS - 1) // 2

    lines = (record.folder / "alignment.csv").read_text().splitlines()[1:]
    columns = list(zip(*(map(float, line.split(",")) for line in lines), strict=True))
    for key, column in zip(("layer", "alignment/baseline", "alignment/lrp2"), columns, strict=False):
        assert run.logged(key) == list(column)
    assert run.metrics["alignment/*"]["step"] == "layer"

    best, baseline = record.best, record.baseline
    assert best is not None
    assert {key: value for key, value in run.summary.items() if key in ("baseline", "best", "gain")} == {
        "baseline": {"accuracy": baseline.accuracy, "transferability": baseline.transferability},
        "best": {
            "lirp": best.lirp,
            "lsrp": best.lsrp,
            "accuracy": best.accuracy,
            "transferability": best.transferability,
        },
        "gain": {
            "accuracy": pytest.approx(best.accuracy - baseline.accuracy, abs=1e-9),
            "transferability": pytest.approx(best.transferability - baseline.transferability, abs=1e-9),
        },
    }
    assert (run.summary["facts"], run.summary["shared"], run.summary["seconds"]) == (1000, 800, 12.5)
    assert "alignment/baseline" not in run.summary, "the last layer's alignment is no summary of a job"
    assert run.exit_code == 0


@pytest.mark.parametrize("metric", ["accuracy", "transferability"])
def test_heatmaps_hold_each_pair_in_its_cell_and_mark_the_best(record: JobRecord, metric: str) -> None:
    WandbTracker(mode="offline").log_job(record)
    heatmap, mark = the_run(record.folder).media(f"heatmap/{metric}")["data"]
    assert heatmap["x"] == heatmap["y"] == [1, 2, 3, 4, 5]
    cells = {(i, j): heatmap["z"][i - 1][j - 1] for i in heatmap["y"] for j in heatmap["x"]}
    wanted = {(row.lirp, row.lsrp): getattr(row, metric) for row in record.pairs[1:]}
    assert {cell: value for cell, value in cells.items() if value is not None} == wanted
    assert record.best is not None
    assert (mark["x"], mark["y"]) == ([record.best.lsrp], [record.best.lirp])


def test_runs_are_named_grouped_and_configured_for_the_dashboard(record: JobRecord) -> None:
    WandbTracker(project="mine", entity="team", mode="offline", tags=["nightly", "t" * 99]).log_job(record)
    run = the_run(record.folder)
    assert {key: value for key, value in run.run.items() if key != "run_id"} == {
        "project": "mine",
        "entity": "team",
        "run_group": "paper",
        "job_type": "mbert/mlama",
        "display_name": "de-lrp2-mbert-mlama-paper",
    }
    assert set(run.tags) == {"de", "lrp2", "mbert", "mlama", "nightly", "t" * 64}
    assert run.config["model"] == {"path": "models/mbert"} and run.config["probing"] == {"pool_size": None}
    assert run.config["job"]["language"] == "de" and run.config["job"]["select_by"] == "transferability"


def test_names_and_tags_tell_experiments_and_interventions_apart(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_TAGS", "thesis,nightly")
    random = replace(record, experiment="paper/random_seed1", intervention="random_seed1")
    WandbTracker(mode="offline", tags=["nightly"]).log_job(random)
    run = the_run(record.folder)
    assert run.run["display_name"] == "de-random_seed1-mbert-mlama-paper"
    assert sorted(run.tags) == sorted(["de", "random_seed1", "mbert", "mlama", "nightly", "thesis"])
    assert run.config["job"]["intervention"] == "random_seed1"


def test_further_measures_are_nested_in_the_summary(record: JobRecord) -> None:
    measures = {"exposure": {"seen": {"facts": 3, "baseline": 66.7, "best": 100.0}}, "transfer": {"baseline": 12.5}}
    WandbTracker(mode="offline").log_job(replace(record, measures=measures))
    summary = the_run(record.folder).summary
    assert {key: summary[key] for key in measures} == measures
    assert summary["facts"] == 1000


def test_two_attempts_are_two_runs_of_one_group(record: JobRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "always-the-same")
    WandbTracker(mode="offline").log_job(record)
    WandbTracker(mode="offline").log_job(record)
    first, second = offline_runs(record.folder)
    assert first.run["run_id"] != second.run["run_id"]
    assert first.run["run_group"] == second.run["run_group"] == "paper"
    assert first.media("pairs") == second.media("pairs")


def test_a_baseline_alone_has_no_best_and_no_heatmap(record: JobRecord) -> None:
    alignment = [replace(row, lrp2=None) for row in record.alignment]
    WandbTracker(mode="offline").log_job(replace(record, pairs=record.pairs[:1], best=None, alignment=alignment))
    run = the_run(record.folder)
    assert run.exit_code == 0 and len(run.media("pairs")["data"]) == 1
    assert "best" not in run.summary and "gain" not in run.summary
    assert not [key for row in run.history for key in row if "heatmap" in key or "lrp2" in key]
