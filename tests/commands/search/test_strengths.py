"""Searches over strengths from the command line: nothing is evaluated twice, and tables say which strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from optuna.storages.journal import JournalFileBackend

from lrp2_bench.cli import PARTIAL
from lrp2_bench.commands.search import hits
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.grid import engine
from lrp2_bench.results.damage import read_damage
from lrp2_bench.results.stored_hits import read_hits
from tests.support.commands import ToyJob, contents, lrp2_bench, manifest_of, pairs_of

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[LayerPair]:
    """The pairs that the engine was asked for, once a relation."""
    pairs: list[LayerPair] = []

    def note(probe: Any, plan: Any, shifts: Any, facts: Sequence[int], *rest: Any) -> Hits:
        pairs.extend(plan.pairs)
        return engine.evaluate(probe, plan, shifts, facts, *rest)

    monkeypatch.setattr(hits, "evaluate", note)
    return pairs


def _study(folder: Path) -> optuna.Study:
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return optuna.load_study(study_name="bert/mlama/de", storage=storage)


def test_further_strengths_add_to_a_folder_and_are_searched_by_what_is_there(
    toy_job: Build, asked: list[LayerPair], capsys: Capture
) -> None:
    job, fresh = toy_job(folder="one"), toy_job(folder="other")
    assert job.search("damage=false") == 0
    plain = pairs_of(job.folder())
    assert list(plain[0])[-1] == "shared", "a run of one strength has the columns it always had"
    asked.clear()
    assert job.search("search.strengths=[0.5,0,1,0.5]", "damage=false") == 0
    assert {pair.strength for pair in asked} == {0.5}, "strength 1 was there"
    assert "0 is the baseline" in capsys.readouterr().err
    assert fresh.search("search.strengths=[1,0.5]", "damage=false") == 0
    assert contents(job.folder()) == contents(fresh.folder())

    rows = pairs_of(job.folder())
    assert list(rows[0])[-1] == "strength" and rows[0]["strength"] == ""
    assert [row["strength"] for row in rows[1:]] == ["0.500000", "1.000000"] * 6
    assert [{key: row[key] for key in plain[0]} for row in rows if row["strength"] != "0.500000"] == plain
    assert any(one != other for one, other in zip(rows[1::2], rows[2::2], strict=True))
    table = pd.read_parquet(job.folder() / "hits.parquet")
    assert table.columns.tolist() == ["relation", "uuid", "lirp", "lsrp", "hit", "strength"]
    best = manifest_of(job.folder())["best"]
    assert best["strength"] in (0.5, 1.0)
    assert {trial.params["strength"] for trial in _study(job.folder()).trials} == {0.5, 1.0}

    asked.clear()
    assert job.search("damage=false") == 0 and not asked
    assert pairs_of(job.folder()) == rows and "at strength 0.5. Tables show them" in capsys.readouterr().err


@pytest.mark.slow
def test_given_pairs_and_a_samplers_join_a_grid_of_strengths(toy_job: Build, asked: list[LayerPair]) -> None:
    job = toy_job()
    assert job.search("search.strengths=[1,0.5]", "damage=false") == 0
    asked.clear()
    assert job.search("search=pairs", "search.pairs=[[1,2],[1,3,0.5,0.25],[2,3,0.5]]", "damage=false") == 0
    assert set(asked) == {LayerPair(1, 3, 0.5, 0.25)}, "what the grid had is not asked for again"
    added = [row for row in pairs_of(job.folder()) if row["strength_back"] == "0.250000"]
    assert [(row["lirp"], row["lsrp"], row["strength"]) for row in added] == [("1", "3", "0.500000")]

    asked.clear()
    ranges = ("search.strength_range=[0.1,2.0]", "search.strength_back_range=[0.1,2.0]")
    assert job.search("search=tpe", "search.trials=3", "search.batch=2", *ranges, "damage=false") == 0
    found = {pair for pair in asked if pair.strength is not None}
    written = {(row["lirp"], row["lsrp"], row["strength"], row["strength_back"]) for row in pairs_of(job.folder())}
    assert len(found) == 3
    assert {(str(p.lirp), str(p.lsrp), f"{p.strength:.6f}", f"{p.back:.6f}") for p in found} <= written
    assert all(round(strength, 3) == strength for p in found for strength in (p.strength or 0, p.back or 0))
    asked.clear()
    assert job.search("search=tpe", "search.trials=3", "search.batch=2", *ranges, "damage=false") == 0 and not asked


@pytest.mark.usefixtures("without_figures")
def test_a_way_back_of_strength_0_leaves_states_where_they_were_moved_to(toy_job: Build) -> None:
    job = toy_job()
    further = "search.pairs=[[1,2,0.5,0],[1,3,0.5,0],[2,3,0.5,0],[2,3,0.5,0.25],[2,3,0.5]]"
    assert job.search("search=pairs", further) == 0
    assert job.search("projection=lirp_only", "search.strengths=[0.5]") == 0
    one_side = job.outputs / "default/lirp_only/bert/mlama/de"
    moved, there = (read_hits(folder / "hits.parquet") for folder in (job.folder(), one_side))
    for pair in (LayerPair(1, 2, 0.5, 0.0), LayerPair(1, 3, 0.5, 0.0), LayerPair(2, 3, 0.5, 0.0)):
        own, other = moved.row(pair), there.row(LayerPair(pair.lirp, 3, 0.5))
        assert own is not None and other is not None and own.tolist() == other.tolist()
    rows = pairs_of(job.folder())
    assert [row["strength_back"] for row in rows] == ["", "0.000000", "0.000000", "0.000000", "0.250000", "0.500000"]
    listed = [row.pair for row in read_damage(job.folder() / "damage.csv")]
    assert listed[1:] and LayerPair(2, 3, 0.5, 0.0) in listed
    # Of a whole run, and through the report.
    assert job.search("projection=subspace", "projection.strength=0.3", "projection.strength_back=0") == 0
    assert (job.outputs / "default/subspace_s0.3_b0").is_dir()
    assert lrp2_bench("report", f"inputs=[{job.outputs}]", f"output={job.root / 'report'}", "quiet=true") == PARTIAL


def test_what_cannot_be_searched_leaves_no_folder(toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    assert job.search("search=pairs", "search.pairs=[[2,1]]") == 1
    assert "search.pairs: [2, 1] is no pair of layers" in capsys.readouterr().err
    assert not (job.folder() / "manifest.json").exists()
