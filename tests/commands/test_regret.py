"""``lrp2-bench regret`` replays searches on stored grids: true numbers, no model."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.core.types import Fact, Hits, LayerPair, all_pairs
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.hits import write_hits
from lrp2_bench.results.stored_hits import read_hits
from lrp2_bench.search.racing import RaceRules, race
from lrp2_bench.search.regret import confidence_set, replay, truth
from lrp2_bench.search.task import Task, best_of
from tests.support.commands import lrp2_bench, status_of
from tests.support.planted import planted
from tests.support.run_folders import write_run

BLOCKS = 12
BEST = LayerPair(5, 9)


def _grid(root: Path, language: str, gap: float = 0.05, hits: Hits | None = None) -> tuple[Path, Task]:
    """A finished run whose hits are planted ones."""
    task, oracle = planted(BLOCKS, 600, best=BEST, gap=gap, metric="transferability", seed=len(language))
    hits = oracle.hits if hits is None else hits
    scores = {(p.lirp, p.lsrp): (1.0, 1.0) for p in all_pairs(BLOCKS)}
    folder = write_run(root, language, (1.0, 1.0), scores, blocks=BLOCKS, facts=600, shared=600)
    facts = [Fact(name, at, f"u{at}", "s", "s", "o", "o") for at, name in enumerate(task.relations)]
    parts = [
        (name, [f for f in facts if f.relation == name], (None, *all_pairs(BLOCKS)),
         hits[:, [at for at, f in enumerate(facts) if f.relation == name]])
        for name in sorted(set(task.relations))
    ]  # fmt: skip
    write_hits(folder / "hits.parquet", parts)
    pivot = task.pivot[None, :]
    write_hits(
        folder / "pivot_hits.parquet",
        [(name, members, [None], pivot[:, [f.line_id for f in members]]) for name, members, _, _ in parts],
    )
    return folder, task


def test_a_replay_finds_what_the_search_finds_on_the_same_hits(tmp_path: Path) -> None:
    folder, _ = _grid(tmp_path, "de")
    known = truth(
        read_hits(folder / "hits.parquet"), read_hits(folder / "pivot_hits.parquet"), BLOCKS, metric("transferability")
    )
    found = race(known.task, RaceRules())
    replayed = replay(lambda task: race(task, RaceRules()), known)
    assert replayed.pair == best_of(known.task, found) == known.best == BEST and replayed.regret == 0.0
    assert replayed.confidence_set and replayed.share == found.spending.block_runs / known.task.grid_runs <= 0.25
    worse = replay(lambda task: race(task, RaceRules(budget=1e-9)), known)
    assert worse.regret == pytest.approx(known.scores.max() - known.scores[known.task.pairs.index(worse.pair)])


@pytest.mark.parametrize("name", ["accuracy", "transferability", "accuracy_macro"])
def test_pairs_confidence_set_as_the_best_hold_its_equals_and_none_that_is_clearly_worse(name: str) -> None:
    task, oracle = planted(6, 2000, best=LayerPair(2, 4), gap=0.1, metric=name)
    assert task.pairs[int(confidence_set(task, oracle.hits[1:]).argmax())] == LayerPair(2, 4)
    assert confidence_set(task, oracle.hits[1:]).sum() == 1
    alike, oracle = planted(6, 2000, metric=name)
    assert confidence_set(alike, oracle.hits[1:]).sum() > 15 / 2
    same = np.tile(oracle.hits[1], (15, 1))
    assert confidence_set(alike, same).all(), "identical pairs are equally good"


def test_the_command_writes_tables_and_a_figure_and_leaves_out_what_is_no_whole_grid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "outputs"
    _grid(root, "de")
    _grid(root, "cebx", gap=0.02)
    broken = planted(BLOCKS, 600)[1].hits.copy()
    broken[3, 5] = -1
    _grid(root, "zh2", hits=broken)
    assert lrp2_bench("regret", str(root), "budgets=[0.25,0.5]", "trials=[4]", "seeds=[0,1]") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "zh2: its grid is incomplete" in said and "statistics alone" in said
    report = root / "report"
    with (report / "data" / "regret_mbert_mlama.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["language"] for row in rows} == {"German", "cebx"}
    (german,) = [row for row in rows if row["language"] == "German"]
    assert (german["best_lirp"], german["best_lsrp"], german["regret"]) == ("5", "9", "0.00")
    assert (german["near"], german["near_of"]) == ("2", "2") and 0 < float(german["block_runs"]) <= 25
    with (report / "data" / "regret_curve_mbert_mlama.csv").open() as file:
        curve = {row["strategy"]: row for row in csv.DictReader(file)}
    assert list(curve) == ["racing, budget 25 %", "racing, budget 50 %", "racing, statistics alone", "tpe, 4 pairs"]
    assert all(row["near_of"] == "4" for row in curve.values())
    assert (report / "figures" / "regret_mbert_mlama.png").stat().st_size > 10_000
    assert (report / "tables" / "regret_mbert_mlama.md").read_text().count("| racing, budget 25 % |") == 2


def test_two_experiments_have_tables_of_their_own(tmp_path: Path) -> None:
    _grid(tmp_path, "de")
    shutil.copytree(tmp_path / "paper", tmp_path / "second")
    assert lrp2_bench("regret", str(tmp_path), "budgets=[0.25]", "trials=[]", "seeds=[0]") == 0
    tables = {path.stem for path in (tmp_path / "report" / "data").glob("regret_mbert*.csv")}
    assert tables == {"regret_mbert_mlama_paper", "regret_mbert_mlama_second"}


def test_where_there_is_no_grid_it_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = _grid(tmp_path / "outputs", "de")
    (folder / "hits.parquet").unlink()
    assert lrp2_bench("regret", str(tmp_path / "outputs")) == 1
    said = capsys.readouterr()
    assert "hits.parquet' is missing" in said.out.replace("\n", "") and "No finished grid was found" in said.err
    assert status_of(folder)["state"] == "finished"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("budgets=[]", "budgets and seeds need at least one number"),
        ("budgets=[0.25,25]", "search.budget=25.0 is not a share of the grid's block runs"),
        ("trials=[8,0]", "search.trials=0: give a number from 1"),
        ("seeds=[0,-1]", "search.seed=-1 is no seed"),
        ("batch=0", "search.batch=0: give a number from 1"),
        ("first=2", "search.first=2.0 is not a share of the facts"),
        ("select_by=mrr", "'mrr' needs the candidates' scores"),
    ],
)
def test_what_no_search_takes_is_refused_before_anything_is_replayed(
    setting: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lrp2_bench.commands.regret.find_runs", lambda *_: pytest.fail("runs were looked for"))
    assert lrp2_bench("regret", str(tmp_path), setting) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
