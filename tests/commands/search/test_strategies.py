"""``search=racing`` and ``search=tpe`` from the command line: the same store, the same files, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.storages.journal import JournalFileBackend

from lrp2_bench.commands.search import hits, studies
from lrp2_bench.commands.search.hits import open_blocks
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Hits
from lrp2_bench.grid import engine
from lrp2_bench.results.runs import find_runs
from lrp2_bench.search import order
from lrp2_bench.search.storage import open_database
from tests.support.commands import ToyJob, contents, manifest_of, pairs_of, snapshot, stored

Build = Callable[..., ToyJob]

# Toy jobs have 24 facts; half of them make a first rung.
RACING = ("search=racing", "search.first=0.5", "search.budget=0.7", "damage=false")
TPE = ("search=tpe", "search.trials=3", "search.batch=2", "damage=false")


@pytest.fixture(autouse=True)
def _small_rungs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "FEWEST", 4)


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cells of every evaluation, pivots' left out (their plan has no pair)."""
    cells: list[int] = []

    def count(probe: Any, plan: Any, shifts: Any, facts: Sequence[int], *rest: Any) -> Hits:
        if plan.pairs:
            cells.append(len(plan.settings) * len(facts))
        return engine.evaluate(probe, plan, shifts, facts, *rest)

    monkeypatch.setattr(hits, "evaluate", count)
    return cells


def _study(folder: Path) -> optuna.Study:
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return optuna.load_study(study_name="bert/mlama/de", storage=storage)


@pytest.mark.parametrize("kind", [RACING, TPE], ids=["racing", "tpe"])
def test_a_search_writes_the_grids_rows_for_the_pairs_it_finished_and_says_what_it_took(
    kind: tuple[str, ...], toy_job: Build, evaluated: list[int]
) -> None:
    grid, job = toy_job(folder="grid"), toy_job(folder="search")
    assert grid.search() == 0
    evaluated.clear()
    assert job.search(*kind) == 0
    rows, all_rows = pairs_of(job.folder()), pairs_of(grid.folder())
    assert 2 <= len(rows) < len(all_rows) and all(row in all_rows for row in rows)

    said = manifest_of(job.folder())["search"]
    assert said["kind"] == kind[0].removeprefix("search=")
    assert said["pairs"] == said["pairs_in_folder"] == len(rows) - 1
    assert said["cells"] == sum(evaluated) and said["facts"] == 24
    assert said["share_of_grid"] < 1
    assert said["share_of_grid"] == pytest.approx(said["block_runs"] / said["grid_block_runs"], abs=1e-6)
    best = max(rows[1:], key=lambda row: float(row["transferability"]))
    assert {key: str(value) for key, value in manifest_of(job.folder())["best"].items()} == {
        "lirp": best["lirp"], "lsrp": best["lsrp"],
    }  # fmt: skip

    table = pd.read_parquet(job.folder() / "hits.parquet")
    whole = pd.read_parquet(grid.folder() / "hits.parquet")
    both = table.merge(whole, on=["relation", "uuid", "lirp", "lsrp"], how="left", suffixes=("", "_grid"))
    known = both["hit"].notna()
    assert (both["hit"][known].astype(bool) == both["hit_grid"][known].astype(bool)).all()
    assert known.all() == (kind is TPE), "a race leaves cells open, and says so with nulls"
    (run,), unfinished = find_runs([job.outputs])
    assert not unfinished and len(run.pairs) == len(rows) - 1

    study = _study(job.folder())
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert [f"{trial.value:.6f}" for trial in complete] == [row["transferability"] for row in rows[1:]]
    assert {trial.state.name for trial in study.trials} == ({"COMPLETE"} if kind is TPE else {"COMPLETE", "PRUNED"})
    assert all(trial.intermediate_values for trial in study.trials)


@pytest.mark.parametrize("kind", [RACING, pytest.param(TPE, marks=pytest.mark.system)], ids=["racing", "tpe"])
def test_a_search_stopped_anywhere_goes_on_and_evaluates_no_cell_twice(
    kind: tuple[str, ...], toy_job: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = toy_job(folder="whole")
    assert whole.search(*kind) == 0
    expected, cells = contents(whole.folder()), manifest_of(whole.folder())["search"]["cells"]

    job = toy_job(folder="stopped")
    calls = done = 0

    def dies(probe: Any, plan: Any, shifts: Any, facts: Sequence[int], *rest: Any) -> Hits:
        nonlocal calls, done
        calls += 1
        if calls % 2 == 0:  # every start gets one unit further
            raise KeyboardInterrupt
        if plan.pairs:
            done += len(plan.settings) * len(facts)
        return engine.evaluate(probe, plan, shifts, facts, *rest)

    monkeypatch.setattr(hits, "evaluate", dies)
    starts = 1
    while job.search(*kind) != 0:
        calls, starts = 0, starts + 1
        assert starts < 30
    assert starts > 6 and done == cells
    assert contents(job.folder()) == expected
    assert manifest_of(job.folder())["search"] == manifest_of(whole.folder())["search"]
    assert [(t.params, t.state, t.value) for t in _study(job.folder()).trials] == [
        (t.params, t.state, t.value) for t in _study(whole.folder()).trials
    ], "stops leave no trace in the finished study"


@pytest.mark.parametrize("kind", [pytest.param(RACING, marks=pytest.mark.system), TPE], ids=["racing", "tpe"])
def test_a_grid_in_the_folder_evaluates_what_a_search_left_open_and_no_more(
    kind: tuple[str, ...], toy_job: Build, evaluated: list[int]
) -> None:
    grid, job = toy_job(folder="grid"), toy_job(folder="both")
    assert grid.search() == 0
    every = sum(evaluated)
    evaluated.clear()
    assert job.search(*kind) == 0
    chunks = stored(job.folder())
    assert job.search() == 0
    assert sum(evaluated) == every, "together they evaluate the grid once"
    assert contents(job.folder()) == contents(grid.folder())
    assert chunks.items() <= stored(job.folder()).items()

    evaluated.clear()
    assert job.search(*kind) == 0
    assert not evaluated, "a search after the grid costs nothing"
    assert contents(job.folder()) == contents(grid.folder())
    said = manifest_of(job.folder())["search"]
    assert said["kind"] == kind[0].removeprefix("search=") and said["pairs"] < said["pairs_in_folder"] == 6


def test_a_race_by_accuracy_may_keep_other_pairs(toy_job: Build) -> None:
    job = toy_job()
    assert job.search(*RACING, "select_by=accuracy") == 0
    rows = pairs_of(job.folder())
    best = max(rows[1:], key=lambda row: float(row["accuracy"]))
    assert str(manifest_of(job.folder())["best"]["lirp"]) == best["lirp"]
    assert job.search(*RACING) == 0, "the same folder goes on with the other metric"


def test_the_outcome_and_a_budget_that_is_too_small_are_told(
    toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("search=racing", "search.first=0.5", "search.budget=0.1") == 0
    said = capsys.readouterr().err
    assert "racing: 1 of 6 pairs saw all 24 facts" in said and "search.budget=0.1 was too little" in said
    assert "search.first=0.25 sees fewer facts first" in said


def test_too_few_facts_to_race_are_told_as_such(
    toy_job: Build, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "FEWEST", 32)
    assert toy_job().search("search=racing") == 0
    said = capsys.readouterr().err
    assert "a first rung has 32 facts at least, and these are 24: search=grid sees every pair" in said
    assert "search.first=" not in said


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("search.budget=2", "search.budget=2.0 is not a share"),
        ("search.first=0", "search.first=0.0 is not a share"),
        ("search.alpha=1", "search.alpha=1.0 is not an error rate"),
        ("search=racin", "Did you mean 'racing'?"),
    ],
)
def test_rules_that_cannot_be_are_told(
    setting: str, told: str, toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy_job().search("search=racing", setting) == 1
    said = capsys.readouterr().err
    assert told in said and "Traceback" not in said


def test_open_cells_are_cut_into_blocks_that_lack_the_same_settings() -> None:
    cells = np.array([[1, -1, 0, -1], [-1, -1, 1, -1], [0, -1, 1, 0]], dtype=np.int8)
    assert open_blocks(cells, range(4)) == [([1], [0]), ([0, 1, 2], [1]), ([0, 1], [3])]
    assert open_blocks(cells, [3, 2]) == [([0, 1], [3])]
    covered = sum(len(rows) * len(facts) for rows, facts in open_blocks(cells, range(4)))
    assert covered == (cells == -1).sum()


# Databases


def test_a_search_in_a_database_is_a_study_named_after_its_folder(toy_job: Build, tmp_path: Path) -> None:
    job, url = toy_job(), f"sqlite:///{tmp_path}/s.db"
    assert job.search(*RACING, f"search.storage={url}") == 0
    study = optuna.load_study(study_name="default/bert/mlama/de", storage=url)
    states = [trial.state.name for trial in study.trials]
    assert set(states) == {"COMPLETE", "PRUNED"} and len(states) == 6
    assert job.search(*RACING, f"search.storage={url}") == 0, "the same command adds nothing"
    assert len(study.get_trials()) == 6
    assert job.search(f"search.storage={url}") == 0, "a grid completes it"
    assert sum(trial.state.name == "COMPLETE" for trial in study.get_trials()) == 6
    assert study.user_attrs["baseline_accuracy"] == float(pairs_of(job.folder())[0]["accuracy"])


def test_a_database_that_is_not_there_is_told_before_the_work_and_hits_are_kept(
    toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search(*TPE) == 0
    before = snapshot(job.folder() / "relations")
    assert job.search(*TPE, "search.storage=sqlite:////nowhere/at/all/s.db") == 1
    said = capsys.readouterr().err
    assert "Cannot open search.storage='sqlite:////nowhere/at/all/s.db'" in said and "Hits on disk are kept" in said
    assert "Traceback" not in said and snapshot(job.folder() / "relations") == before


def test_another_metric_under_the_same_study_is_refused_before_anything_is_evaluated(
    toy_job: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluated: list[int]
) -> None:
    job, url = toy_job(), f"search.storage=sqlite:///{tmp_path}/s.db"
    assert job.search(*TPE, url) == 0
    evaluated.clear()
    assert job.search(url, "select_by=accuracy") == 1 and not evaluated
    said = capsys.readouterr().err
    assert "'default/bert/mlama/de'" in said and "objective: there transferability, here accuracy" in said


def test_a_database_that_goes_while_the_grid_runs_costs_its_study_alone_until_the_same_command(
    toy_job: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, url, opened = toy_job(), f"sqlite:///{tmp_path}/s.db", []

    def goes(url: str, heartbeat: int) -> Any:
        opened.append(url)
        if len(opened) > 1:  # the first looked at the study before the grid
            raise BenchError("Cannot open search.storage: it went.")
        return open_database(url, heartbeat)

    settings = (f"search.storage={url}", "damage=false", "alignment=false")
    with monkeypatch.context() as patched:
        patched.setattr(studies, "open_database", goes)
        assert job.search(*settings) == 0
    said = capsys.readouterr().err
    assert "it went.\nThe search continues without its study." in said and "run the same command again" in said
    assert len(pairs_of(job.folder())) == 7
    assert job.search(*settings) == 0
    study = optuna.load_study(study_name="default/bert/mlama/de", storage=url)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 6


def test_one_sqlite_file_for_a_multirun_is_refused(toy_job: Build, capsys: pytest.CaptureFixture[str]) -> None:
    job = toy_job()
    assert job.search("-m", "search.storage=sqlite:///s.db", language="de,zh") == 1
    assert "one SQLite file for all jobs of a multirun" in capsys.readouterr().err
    assert not (job.folder("de") / "relations").exists()
