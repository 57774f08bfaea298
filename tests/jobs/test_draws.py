"""``projection.seeds``: random interventions of the best pair's KL, as a null distribution beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrp2_bench.commands.search.draws import matched_scale, require_draws
from lrp2_bench.commands.search.hits import HitsEvaluator
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProjectionSettings, SearchCommand, VectorSettings
from lrp2_bench.core.types import LayerPair, Relation
from lrp2_bench.interventions.base import Edit
from lrp2_bench.render.plain import to_markdown
from lrp2_bench.report.tables.damage import damage_tables
from lrp2_bench.results.damage import as_stored, damage_of
from lrp2_bench.results.draws import DrawRow, at_least, read_draw_hits, read_draws, write_draw_hits, write_draws
from lrp2_bench.results.runs import find_runs
from lrp2_bench.results.stored_hits import read_hits
from tests.support.commands import ToyJob, manifest_of, pairs_of

Build = Callable[..., ToyJob]


def test_draws_match_the_best_pairs_kl_and_are_what_random_gives_at_that_strength(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("projection.seeds=2", "projection.seed=1") == 0
    path = job.folder() / "draws.csv"
    own, first, second = read_draws(path)
    assert [row.seed for row in (own, first, second)] == [None, 1, 2]
    best = manifest_of(job.folder())["best"]
    assert own.pair == first.pair == LayerPair(best["lirp"], best["lsrp"])
    assert all(row.kl == pytest.approx(own.kl, rel=0.1) for row in (first, second)) and first.scale != second.scale

    strength = ("projection=random", "projection.seed=1", f"projection.strength={first.scale}", "experiment.name=r")
    assert job.search(*strength) == 0
    [folder] = (job.outputs / "r").glob("random_seed1_s*/*/mlama/de")
    pairs = {(row["lirp"], row["lsrp"]): row for row in pairs_of(folder)}
    there = pairs[str(first.pair.lirp), str(first.pair.lsrp)]
    assert {name: float(there[name]) for name in first.metrics} == first.metrics
    hits = read_hits(folder / "hits.parquet")
    by_seed = read_draw_hits(job.folder() / "draw_hits.parquet", hits.facts)
    found = hits.row(first.pair)
    assert list(by_seed) == [1, 2] and found is not None and by_seed[1].tolist() == found.tolist()

    [run], _ = find_runs([job.outputs / "default"])
    [table] = damage_tables([run], "transferability")
    [row], cost = table.rows, damage_of(run.files.damage(), own.pair)
    assert cost is not None and row[:2] == ("de", own.pair) and row[3] == cost.pivot_accuracy and row[5] == cost.kl
    assert row[-1] == at_least(read_draws(path), "transferability")
    assert "nats" in to_markdown(table)

    # More draws are added to those that are there, and nothing else is done again.
    lines = path.read_text().splitlines()
    assert job.search("projection.seeds=3", "projection.seed=1") == 0
    assert path.read_text().splitlines()[:4] == lines and len(read_draws(path)) == 4
    assert {"draws.csv", "draw_hits.parquet"} <= set(manifest_of(job.folder())["files"])


def test_other_metrics_keep_the_draws_that_are_there_and_are_measured_on_their_hits(
    toy_job: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, both = toy_job(folder="once"), toy_job(folder="both")
    more = ("metrics=[hit_to_miss_pivot_hit,accuracy_macro]", "search=pairs", "search.pairs=[[1,3]]", "alignment=false")
    assert once.search(*more, "projection.seeds=3") == 0
    expected = (once.folder() / "draws.csv").read_bytes()
    assert all(
        not math.isnan(value) for row in read_draws(once.folder() / "draws.csv") for value in row.metrics.values()
    )

    assert both.search(*more[1:], "projection.seeds=3") == 0
    hits = (both.folder() / "draw_hits.parquet").read_bytes()
    monkeypatch.setattr(HitsEvaluator, "under", lambda *_: pytest.fail("a draw that is there was made again"))
    assert both.search(*more, "projection.seeds=1") == 0
    assert (both.folder() / "draws.csv").read_bytes() == expected, "all that are valid, though fewer were asked for"
    assert (both.folder() / "draw_hits.parquet").read_bytes() == hits


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_draws_and_damage_evaluated_together_are_those_evaluated_alone(
    architecture: str, toy_job: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, apart = toy_job(architecture, "together"), toy_job(architecture, "apart")
    settings = ("search=pairs", "search.pairs=[[1,3],[1,2],[2,3,0.5]]", "projection.seeds=3", "projection.tokens=text")
    assert together.search(*settings) == 0
    with monkeypatch.context() as patched:
        patched.setattr("lrp2_bench.commands.search.draws.DRAWN_AT_ONCE", 1)
        under = HitsEvaluator.under

        def one_by_one(
            self: HitsEvaluator, language: str, relation: Relation, edit: Edit, pairs: list[LayerPair], advance: Any
        ) -> Any:
            return np.concatenate([under(self, language, relation, edit, [pair], advance) for pair in pairs])

        patched.setattr(HitsEvaluator, "under", one_by_one)
        assert apart.search(*settings) == 0
    one, other = (next(job.outputs.glob("**/draws.csv")).parent for job in (together, apart))
    for name in ("draws.csv", "draw_hits.parquet", "damage.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert len(read_draws(one / "draws.csv")) == 4


@pytest.mark.parametrize(
    ("kl", "target"),
    [
        (lambda scale: 3.0 * scale**2, 0.01),
        (lambda scale: 3.0 * scale**2, 50.0),
        (lambda scale: 2.0 * math.tanh(scale), 1.9),
        (lambda scale: scale**6, 0.3),
        (lambda scale: 0.0 if scale < 2.5 else scale, 3.0),
        (lambda scale: math.nan if scale > 0.01 else 40.0 * scale, 0.2),
        (lambda scale: math.inf if scale > 0.3 else scale**3, 0.008),
        (lambda scale: min(scale, 0.5) ** 2 + 1e-3 * scale, 0.2505),  # hardly grows behind a bend
    ],
)
def test_a_scale_is_found_for_whatever_grows(kl: Callable[[float], float], target: float) -> None:
    scale, found = matched_scale(kl, target)
    assert found == kl(scale) and found == pytest.approx(target, rel=0.1)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 4.0])
def test_a_power_of_the_scale_takes_three_looks_at_most(power: float) -> None:
    looks: list[float] = []
    matched_scale(lambda scale: looks.append(scale) or 0.004 * scale**power, 0.06)
    assert len(looks) <= 3


def test_what_is_near_already_takes_one_look() -> None:
    looks: list[float] = []
    scale, found = matched_scale(lambda scale: looks.append(scale) or 9.0 * scale**2, 0.0625, start=0.084)
    assert looks == [0.084] == [scale] and found == pytest.approx(0.0635, abs=1e-4)


def test_a_kl_out_of_reach_gives_the_nearest() -> None:
    scale, found = matched_scale(lambda scale: math.tanh(scale), 5.0)
    assert found == pytest.approx(1.0, abs=1e-3) and scale > 2


def test_rows_are_read_as_they_were_written_and_counted(tmp_path: Path) -> None:
    pair = LayerPair(1, 3, 0.5)
    rows = [
        DrawRow(None, pair, 1.0, 0.25, 8, {"accuracy": 50.0, "transferability": 20.0}),
        DrawRow(0, pair, as_stored(1 / 3), 0.24, 8, {"accuracy": 50.0, "transferability": 0.0}),
        DrawRow(7, pair, 1.5, 0.26, 8, {"accuracy": 25.0, "transferability": 30.0}),
    ]
    write_draws(tmp_path / "draws.csv", rows)
    assert (tmp_path / "draws.csv").read_text().splitlines()[:2] == [
        "seed,lirp,lsrp,strength,scale,kl,facts,accuracy,transferability",
        ",1,3,0.500000,1.000000,0.250000,8,50.000000,20.000000",
    ]
    assert read_draws(tmp_path / "draws.csv") == rows
    assert at_least(rows, "accuracy") == (1, 2) == at_least(rows, "transferability")


@pytest.mark.parametrize(
    ("name", "own", "reached"),
    [
        ("accuracy", 20.0, 2),
        ("hit_to_miss_pivot_hit", 20.0, 3),  # of which less is better
        ("hit_to_miss_pivot_hit", 5.0, 0),
        ("accuracy", math.nan, 0),
        ("hit_to_miss_pivot_hit", math.nan, 0),
    ],
)
def test_a_draw_reaches_the_pair_in_the_metrics_own_direction(name: str, own: float, reached: int) -> None:
    values = [own, 10.0, 15.0, 20.0, 30.0, math.nan]
    seeds = [None, *range(5)]
    rows = [DrawRow(seed, LayerPair(1, 3), 1.0, 0.2, 8, {name: at}) for seed, at in zip(seeds, values, strict=True)]
    assert at_least(rows, name) == (reached, 5)


def test_hits_of_draws_are_read_for_the_same_facts_alone(tmp_path: Path) -> None:
    path, facts = tmp_path / "draw_hits.parquet", [("P1", "a"), ("P2", "b")]
    assert read_draw_hits(path, facts) == {}
    draws = {0: np.array([1, 0], dtype=np.int8), 7: np.array([0, 0], dtype=np.int8)}
    write_draw_hits(path, facts, draws)
    assert {seed: row.tolist() for seed, row in read_draw_hits(path, facts).items()} == {0: [1, 0], 7: [0, 0]}
    for others in ([], facts[::-1], facts[:1], [*facts, ("P3", "c")]):
        assert read_draw_hits(path, others) == {}
    path.write_bytes(path.read_bytes()[:-9])
    assert read_draw_hits(path, facts) == {}


def test_a_damaged_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "draws.csv").write_text("seed,lirp,lsrp,scale,kl,facts\n0,,,1,1,8\n")
    with pytest.raises(BenchError, match=r"(?s)draws.csv.*Delete it"):
        read_draws(tmp_path / "draws.csv")


@pytest.mark.parametrize(
    ("seeds", "more", "told"),
    [
        (-1, {}, "projection.seeds=-1 is no number of draws"),
        (2, {"damage": False}, "Leave damage=false out"),
        (2, {"vectors": VectorSettings(path="/tmp")}, "Leave vectors.path out"),
    ],
)
def test_draws_that_cannot_be_matched_are_refused(seeds: int, more: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchError, match=told):
        require_draws(SearchCommand(projection=ProjectionSettings(seeds=seeds), **more))
