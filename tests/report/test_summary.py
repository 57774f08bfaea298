"""The demo's last words are the stored hits', pooled over languages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.analyses.exposure.compute import fact_statuses
from lrp2_bench.report.summary import summary_lines
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.results.stored_hits import read_hits
from tests.support.exposure_runs import EXPOSURE, TWIN, write_exposure_run
from tests.support.run_folders import write_run


def found(root: Path, model: str = "tiny_mbert") -> tuple[list[Run], list[str]]:
    runs, _ = find_runs([root])
    members = [run for run in runs if run.model == model]
    return members, summary_lines(members, runs, "transferability")


def test_they_pool_the_facts_of_all_languages_by_who_told_them(tmp_path: Path) -> None:
    for language in ("de", "hi", "en"):
        write_exposure_run(tmp_path, language)
    runs, lines = found(tmp_path)
    before, after, facts = 0, 0, 0
    for run in runs:
        if run.language == "en":
            assert f"{run.baseline.accuracy:.1f} % of its facts in English" in lines[0]
            continue
        hits = read_hits(run.folder / "hits.parquet")
        statuses, best = fact_statuses(hits.facts, EXPOSURE, run.language), run.best("transferability")
        assert statuses is not None and best is not None
        alone, rows = statuses.by["pivot"], (hits.row(None), hits.row(best.pair))
        assert rows[0] is not None and rows[1] is not None
        before, after, facts = before + rows[0][alone].sum(), after + rows[1][alone].sum(), facts + alone.sum()
    assert lines[2] == (
        f"Facts seen in pretraining in English alone: {100 * before / facts:.1f} -> {100 * after / facts:.1f} % of "
        f"{facts}."
    )
    gains = [run.best("transferability").transferability - run.baseline.transferability for run in runs if run.pairs]
    assert f"{max(gains):+.1f} points in" in lines[-1]
    assert f"{int(np.sum(np.array(gains) > 0))} of 2 languages rise" in lines[-1]


def test_transfer_is_told_where_the_twin_ran_and_only_there(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de")
    assert not any("transfer, baseline" in line for line in found(tmp_path)[1])
    write_exposure_run(tmp_path, "de", TWIN, pairs=False)
    (line,) = [line for line in found(tmp_path)[1] if "transfer, baseline" in line]
    model, twin, points = map(float, re.findall(r"([+-]?\d+\.\d)", line))
    assert points == pytest.approx(model - twin, abs=0.11) and points > 5


def test_a_twin_another_model_and_baselines_alone_have_none(tmp_path: Path) -> None:
    write_exposure_run(tmp_path, "de", pairs=False)
    write_exposure_run(tmp_path, "de", TWIN)
    write_run(tmp_path, "de", (20, 30), {(1, 2): (21, 31)}, model="mbert", dataset="cldr")
    assert [found(tmp_path, model)[1] for model in ("tiny_mbert", "tiny_mbert_twin", "mbert")] == [[], [], []]
