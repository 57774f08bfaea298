"""The demo's last words are the stored hits', pooled over languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrp2_bench.analyses.exposure.compute import fact_statuses
from lrp2_bench.report.assessed_runs import assess_runs
from lrp2_bench.report.headlines import headline
from lrp2_bench.report.summary import summary_lines
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.results.stored_hits import read_hits
from tests.support.exposure_runs import EXPOSURE, MODEL, TWIN, write_exposure_run
from tests.support.run_folders import write_run


def found(root: Path, model: str = "tiny_mbert") -> tuple[list[Run], list[str]]:
    runs, _ = find_runs([root])
    members = [run for run in runs if run.model == model]
    return members, summary_lines(members, runs, "transferability")


def test_they_lead_with_the_held_out_gain_and_pool_the_facts_of_all_languages(tmp_path: Path) -> None:
    for language in ("de", "hi", "en"):
        write_exposure_run(tmp_path, language)
    runs, lines = found(tmp_path)
    assert lines[0] == headline(assess_runs(runs, "transferability")) and "held-out gain of" in lines[0]
    right, facts = 0, 0
    for run in runs:
        if run.language == "en":
            assert lines[1].startswith(f"Baseline in English: {run.baseline.accuracy:.1f} % [")
            continue
        hits = read_hits(run.folder / "hits.parquet")
        statuses, row = fact_statuses(hits.facts, EXPOSURE, run.language), hits.row(None)
        assert statuses is not None and row is not None
        right, facts = right + row[statuses.by["pivot"]].sum(), facts + statuses.by["pivot"].sum()
    assert lines[4].startswith(f"Facts seen in pretraining in English alone: {100 * right / facts:.1f} % [")
    assert lines[4].endswith(f"] of {facts}.")


def test_transfer_is_told_where_the_twin_ran_and_only_there(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de")
    assert not any("transfer, baseline" in line for line in found(tmp_path)[1])
    write_exposure_run(tmp_path, "de", TWIN, pairs=False)
    (line,) = [line for line in found(tmp_path)[1] if "transfer, baseline" in line]
    model, twin, points, low, high = map(float, re.findall(r"([+-]?\d+\.\d)", line))
    assert points == pytest.approx(model - twin, abs=0.11) and points > 5 and low < points < high
    assert "nan" not in line and "alike" not in line  # German text leaves too few countries to others
    for model_ in (MODEL, TWIN):
        write_exposure_run(tmp_path, "hi", model_)
    (line,) = [line for line in found(tmp_path)[1] if "transfer, baseline" in line]
    _, _, points, _, _, same, _, _, beyond, *_ = map(float, re.findall(r"([+-]?\d+\.\d)", line))
    assert beyond == pytest.approx(points - same, abs=0.11)


def test_a_twin_another_model_and_baselines_alone_have_none(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de", pairs=False)
    write_exposure_run(tmp_path, "de", TWIN)
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, model="mbert", dataset="cldr")
    assert [found(tmp_path, model)[1] for model in ("tiny_mbert", "tiny_mbert_twin", "mbert")] == [[], [], []]
