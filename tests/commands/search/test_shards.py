"""One job as several: every relation has one shard, the order does not matter, and the files are those of one job."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from lrp2_bench.commands.search import hits
from lrp2_bench.commands.search.shards import Shard, part_of, relations_of, shard_of
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ShardSettings
from lrp2_bench.core.types import Fact, ParallelFacts, Relation
from lrp2_bench.results.runs import find_runs
from tests.support.commands import ToyJob, contents, manifest_of, snapshot, status_of

Build = Callable[..., ToyJob]


def _relations(*sizes: int) -> tuple[Relation, ...]:
    return tuple(
        Relation(f"P{n}", "[X] [Y]", tuple(Fact(f"P{n}", i, f"{n}-{i}", "x", "Q1", "y", "Q2") for i in range(size)), {})
        for n, size in enumerate(sizes)
    )


# Who does what


@pytest.mark.parametrize("sizes", [(5, 5, 5), (9, 1, 1, 1, 1, 1, 8, 2), (0, 0, 7), (1000, 1), (3,) * 41], ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 50])
def test_every_relation_is_one_shards_and_none_is_far_from_its_share(sizes: tuple[int, ...], count: int) -> None:
    relations = _relations(*sizes)
    parts = [relations_of(Shard(index, count), relations) for index in range(count)]
    assert sorted(itertools.chain(*parts)) == sorted(relation.name for relation in relations)
    facts = {relation.name: len(relation.facts) for relation in relations}
    fair = max(max(sizes), -(-sum(sizes) // count))
    assert max(sum(facts[name] for name in part) for part in parts) <= fair * 4 / 3 + 1
    for part in parts:
        assert list(part) == sorted(part, key=lambda name: int(name[1:])), "in the dataset's order"


def test_the_largest_relations_are_spread_first() -> None:
    relations = _relations(1, 10, 2, 9, 3)
    assert [relations_of(Shard(index, 2), relations) for index in (0, 1)] == [("P0", "P1", "P2"), ("P3", "P4")]
    assert relations_of(None, relations) == ("P0", "P1", "P2", "P3", "P4")


def test_a_part_has_its_relations_in_both_languages() -> None:
    facts = ParallelFacts("de", "en", _relations(4, 3, 2), _relations(4, 1, 2), "digest")
    part = part_of(Shard(1, 2), facts)
    assert [r.name for r in part.relations] == [r.name for r in part.pivot_relations] == ["P1", "P2"]
    assert part_of(None, facts) == facts


@pytest.mark.parametrize(
    ("count", "index", "said"),
    [
        (0, 0, "shard.count=0 is not a number of jobs"),
        (-1, 0, "shard.count=-1"),
        (4, 4, "There is no shard.index=4 with shard.count=4: use shard.index=0 to shard.index=3"),
        (4, -1, "no shard.index=-1"),
        (1, 1, "use shard.index=0, or all"),
    ],
)
def test_a_shard_that_cannot_be_is_refused(
    count: int, index: int, said: str, toy_job: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BenchError, match=said):
        shard_of(ShardSettings(count, index))
    job = toy_job()
    for more in ([], ["plan=true"]):
        assert job.search(f"shard.count={count}", f"shard.index={index}", *more) == 1
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error and not (job.folder() / "status.json").exists()


# Shards of a job


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 1, 0)], ids=str)
def test_shards_in_any_order_write_the_files_of_one_job_once_the_last_is_done(
    order: tuple[int, ...],
    toy_job: Build,
    finished_job: ToyJob,
    undisturbed: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Four shards of three relations: one has nothing to evaluate."""
    job = toy_job()
    left = {"P17", "P30", "P36"}
    for number, index in enumerate(order):
        assert job.search("shard.count=4", f"shard.index={index}") == 0
        status, own = status_of(job.folder()), status_of(job.folder(), f"shards/{index}-of-4.json")
        left -= {path.name.split("-")[0] for path in (job.folder() / "relations").glob("P*-language-*")}
        assert set(status["missing"]) == left
        assert (own["state"], own["missing"]) == ("finished", [])
        assert status["shards"] == {f"{done}-of-4": "finished" for done in sorted(order[: number + 1])}
        assert (status["state"] == "finished") == (not left) == (job.folder() / "pairs.csv").exists()
        if left:
            assert status["state"] == "incomplete" and f"Shard {index}-of-4 is done" in status["message"]
    assert contents(job.folder()) == undisturbed
    assert "Shard 3-of-4: none of 3 relations" in capsys.readouterr().err
    assert (job.folder() / "search-3-of-4.log").is_file() and not (job.folder() / "claims").exists()
    mine, its = (manifest_of(folder) for folder in (job.folder(), finished_job.folder()))
    assert (mine["identity_hash"], mine["best"], mine["files"]) == (its["identity_hash"], its["best"], its["files"])
    assert mine["config"].keys() == its["config"].keys() and "shard" not in mine["config"]


def test_a_multirun_takes_all_shards(toy_job: Build, undisturbed: dict[str, bytes]) -> None:
    job = toy_job()
    assert job.search("-m", "shard.count=2", "shard.index=range(2)") == 0
    assert contents(job.folder()) == undisturbed
    assert status_of(job.folder())["shards"] == {"0-of-2": "finished", "1-of-2": "finished"}


def test_an_incomplete_folder_is_reported_as_such(toy_job: Build) -> None:
    job = toy_job()
    assert job.search("search=baseline", language="zh") == 0 and job.search("shard.count=2", "shard.index=1") == 0
    _, (other,) = find_runs([job.outputs])
    assert other.reason == "incomplete: Shard 1-of-2 is done, others are not."


def test_a_whole_job_does_what_shards_left_and_evaluates_nothing_again(
    toy_job: Build, undisturbed: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("shard.count=2", "shard.index=1") == 0
    before = snapshot(job.folder() / "relations")
    assert job.search() == 0
    after = snapshot(job.folder() / "relations")
    assert {name: after[name] for name in before} == before and len(after) > len(before)
    assert contents(job.folder()) == undisturbed
    assert "Resuming: " in capsys.readouterr().err


@pytest.mark.parametrize("end", ["fails", "stops"])
def test_a_shard_that_ends_early_says_so_and_what_is_missing_in_all(
    end: str, toy_job: Build, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()

    def broken(*arguments: object) -> None:
        raise KeyboardInterrupt if end == "stops" else RuntimeError("out of memory")

    monkeypatch.setattr(hits, "evaluate", broken)
    assert job.search("shard.count=2", "shard.index=0") == (130 if end == "stops" else 1)
    state = "interrupted" if end == "stops" else "failed"
    status, own = status_of(job.folder()), status_of(job.folder(), "shards/0-of-2.json")
    assert (status["state"], own["state"], status["shards"]) == (state, state, {"0-of-2": state})
    assert sorted(status["missing"]) == ["P17", "P30", "P36"] and set(own["missing"]) < set(status["missing"])
    assert status["message"].startswith("Shard 0-of-2: ")
    assert not (job.folder() / "claims").exists(), "nobody waits for it"
    monkeypatch.undo()
    assert job.search("-m", "shard.count=2", "shard.index=1,0") == 0
    assert contents(job.folder()) == undisturbed


@pytest.mark.parametrize("place", ["find_checkpoint", "compute_hits", "finish_study"])
def test_an_aborted_shard_leaves_a_finished_folder_finished(
    place: str, toy_job: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    assert job.search() == 0
    before = (job.folder() / "status.json").read_bytes()

    def broken(*arguments: object) -> None:
        assert status_of(job.folder())["state"] == "finished", "not even for a moment is it anything else"
        raise RuntimeError("a fault")

    monkeypatch.setattr(f"lrp2_bench.commands.search.job.{place}", broken)
    assert job.search("shard.count=2", "shard.index=0") == 1
    assert (job.folder() / "status.json").read_bytes() == before
    assert status_of(job.folder(), "shards/0-of-2.json")["state"] == "failed", "of itself it tells the truth"


def test_a_forecast_is_of_the_shard(
    toy_job: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lrp2_bench.commands.search.rates._TIMING", 0.0)
    job = toy_job()
    assert job.search("plan=true") == 0 and "24 facts in 7 configurations" in capsys.readouterr().out
    assert job.search("plan=true", "shard.count=3") == 0 and "8 facts in 7 configurations" in capsys.readouterr().out


def test_results_of_the_layout_before_shards_are_read_and_added_to(
    toy_job: Build, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One journal, chunks numbered by relation: as the first job of a folder still writes them."""
    job = toy_job()
    assert job.search("search=baseline") == 0
    journal = job.folder() / "relations" / "journal.jsonl"
    for record in map(json.loads, journal.read_text().splitlines()):
        old = job.folder() / "relations" / record["file"]
        old.rename(old.with_name(record["file"].replace("001", "002")))
    journal.write_text(journal.read_text().replace("001.parquet", "002.parquet"))
    before = snapshot(job.folder() / "relations")
    del before["identity.json"]  # which knows no vectors yet
    assert job.search("-m", "shard.count=2", "shard.index=0,1") == 0
    after = snapshot(job.folder() / "relations")
    assert {name: after[name] for name in before} == before
    assert contents(job.folder()) == undisturbed
    monkeypatch.setattr(hits, "evaluate", None)
    assert job.search() == 0
