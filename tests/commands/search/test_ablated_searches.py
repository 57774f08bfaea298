"""Ablations searched by strategies, in shards, again from a manifest, and seen as finished: as LRP2's own runs are."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.commands.search import hits
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.grid import engine
from lrp2_bench.search import order
from tests.support.commands import ToyJob, contents, lrp2_bench, pairs_of

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]

RACING = ("search=racing", "search.first=0.5", "search.budget=0.9", "damage=false")
TPE = ("search=tpe", "damage=false")
OTHER = ("projection=other_pivot", "projection.language=zh")


def _folder(job: ToyJob, projection: str) -> Path:
    return job.folder(experiment=f"default/{projection}")


@pytest.fixture(scope="module")
def grids(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> ToyJob:
    """Finished grids of the projections that are searched otherwise below."""
    job = ToyJob(tmp_path_factory.mktemp("grids"), model_folder("bert"), toy_mlama, toy_corpus)
    assert job.search("-m", "projection=lirp_only,lsrp_only,random") == 0
    assert job.search(*OTHER) == 0
    return job


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[LayerPair]:
    """The pairs that the engine was asked for."""
    pairs: set[LayerPair] = set()

    def note(probe: Any, plan: Any, *rest: Any) -> Hits:
        pairs.update(plan.pairs)
        return engine.evaluate(probe, plan, *rest)

    monkeypatch.setattr(hits, "evaluate", note)
    monkeypatch.setattr(order, "FEWEST", 4)
    return pairs


@pytest.mark.parametrize("search", [RACING, TPE], ids=["racing", "tpe"])
@pytest.mark.parametrize(("projection", "side"), [("lirp_only", "lirp"), ("lsrp_only", "lsrp")])
def test_a_strategy_asks_for_no_setting_twice_and_finds_the_grids_rows(
    projection: str, side: str, search: Sequence[str], grids: ToyJob, toy_job: Build, asked: set[LayerPair]
) -> None:
    job = toy_job()
    assert job.search(f"projection={projection}", *search, "damage=false") == 0
    found, grid = pairs_of(_folder(job, projection)), pairs_of(_folder(grids, projection))
    assert len(found) > 1 and all(row in grid for row in found)
    layers = [getattr(pair, side) for pair in asked]
    assert sorted(layers) == sorted(set(layers)), "one pair a layer stands for the others"
    whole = {row[side] for row in found[1:]}
    assert [row for row in grid[1:] if row[side] in whole] == found[1:], "with every pair that moves alike"
    said = json.loads((_folder(job, projection) / "manifest.json").read_text())["search"]
    assert said["pairs"] <= said["pairs_begun"] == len(asked)
    assert said["pairs_in_folder"] == len(found) - 1


def test_shards_of_an_ablation_leave_the_files_of_one_job(grids: ToyJob, toy_job: Build) -> None:
    job = toy_job()
    assert job.search("-m", "projection=lirp_only", "shard.count=2", "shard.index=1,0") == 0
    assert contents(_folder(job, "lirp_only")) == contents(_folder(grids, "lirp_only"))


def test_an_ablation_made_again_from_its_manifest_has_the_same_bytes(
    grids: ToyJob, tmp_path: Path, capsys: Capture
) -> None:
    folder = _folder(grids, "other_pivot_zh")
    assert lrp2_bench("search", "--from-manifest", str(folder), f"paths.outputs={tmp_path}") == 0
    assert contents(tmp_path / folder.relative_to(grids.outputs)) == contents(folder)
    assert "The same bytes as in the run of" in capsys.readouterr().err


def test_a_finished_ablation_is_left_alone_until_the_third_languages_sentences_change(
    grids: ToyJob, toy_job: Build, tmp_path: Path, capsys: Capture
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(grids.corpus, corpus)
    job = toy_job(folder="third")
    given = (*OTHER, f"corpus.path={corpus}")
    assert job.search(*given) == 0
    capsys.readouterr()
    assert job.search(*given) == 0
    assert "Nothing is left to do" in capsys.readouterr().err
    (corpus / "zh.txt").write_text("另一句话。\n" * 3, "utf-8")
    assert job.search(*given) == 1
    assert "vectors.other" in capsys.readouterr().err


def test_the_dashboard_keeps_ablations_of_two_experiments_apart(grids: ToyJob, tmp_path: Path, capsys: Capture) -> None:
    for experiment in ("a", "b"):
        for name in ("random", "lirp_only"):
            target = tmp_path / "outputs" / experiment / name / "bert" / "mlama" / "de"
            shutil.copytree(_folder(grids, name), target)
    assert lrp2_bench("dashboard", str(tmp_path / "outputs"), "open=false") == 0
    assert "4 studies, a copy" in capsys.readouterr().out


def test_regret_is_counted_over_settings_that_differ(grids: ToyJob, tmp_path: Path) -> None:
    inputs = [str(_folder(grids, name)) for name in ("lirp_only", "random")]
    assert lrp2_bench("regret", *inputs, f"output={tmp_path}", "budgets=[0.5]", "trials=[]") == 0
    sizes = {}
    for path in tmp_path.glob("data/regret_bert_*_mlama.csv"):
        (row,) = csv.DictReader(io.StringIO(path.read_text("utf-8")))
        sizes[path.stem] = int(row["set_of"])
    assert sizes == {"regret_bert_lirp_only_mlama": 3, "regret_bert_random_mlama": 6}
