"""Baselines are evaluated once, for whatever runs ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrp2_bench.commands.search.board import Board, RelationHits
from lrp2_bench.commands.search.fingerprint import baselines_for
from lrp2_bench.commands.search.hits import HitsEvaluator
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.core.settings.parts import Quantization
from lrp2_bench.core.types import Hits, Relation
from lrp2_bench.data.mlama import MLama
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from lrp2_bench.results.baselines import Baselines
from lrp2_bench.results.hits import HitsStore
from lrp2_bench.results.stored_hits import read_hits
from tests.support.commands import ToyJob, manifest_of

Build = Callable[..., ToyJob]


@contextmanager
def _evaluated(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether each engine run has the baseline in it."""
    from lrp2_bench.commands.search import hits

    runs: list[bool] = []
    inner = hits.evaluate

    def noted(probe: Any, plan: Any, *others: Any) -> Hits:
        runs.append(plan.baseline)
        return inner(probe, plan, *others)

    with monkeypatch.context() as patched:
        patched.setattr(hits, "evaluate", noted)
        yield runs


def _folder(job: ToyJob) -> Path:
    [folder] = job.outputs.glob("default/*/bert/mlama/de")
    return folder


def test_another_intervention_takes_the_baselines_that_are_there_and_has_the_same_hits(
    toy_job: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job, apart = toy_job(), toy_job(folder="apart")
    assert job.search() == 0
    random = ("projection=random", "damage=false")
    with _evaluated(monkeypatch) as runs:
        capsys.readouterr()
        assert job.search(*random) == 0
    assert runs and not any(runs)
    assert "Relations whose baseline an earlier run has kept: 6 (of either language)." in capsys.readouterr().err
    with _evaluated(monkeypatch) as runs:
        assert apart.search(*random) == 0
    assert any(runs)
    for name in ("hits.parquet", "pivot_hits.parquet"):
        one, other = (read_hits(_folder(each) / name) for each in (job, apart))
        assert one.settings == other.settings and np.array_equal(one.hits, other.hits)
    found = [manifest_of(_folder(each)) for each in (job, apart)]
    assert found[0]["data_warnings"] == found[1]["data_warnings"]
    kept = [[code, name] for code in ("de", "en") for name in ("P17", "P30", "P36")]
    assert found[0]["kept_baselines"] == kept and "kept_baselines" not in found[1]
    assert job.search(*random, "search.strengths=[1,0.5]") == 0
    assert manifest_of(_folder(job))["kept_baselines"] == kept, "that stays on record"


@pytest.mark.parametrize(
    "other", ["probing.pool_size=3", "seed=7", "probing.filtered=true", "model.precision=bfloat16"]
)
def test_what_decides_a_baseline_parts_it_from_others(
    other: str, toy_job: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = toy_job()
    assert job.search("search=baseline") == 0
    with _evaluated(monkeypatch) as runs:
        assert job.search("search=baseline", "experiment.name=again") == 0
    assert not runs
    with _evaluated(monkeypatch) as runs:
        assert job.search("search=baseline", "experiment.name=other", other) == 0
    assert len(runs) == 6


def test_a_rerun_that_checks_another_evaluates_everything(toy_job: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    job = toy_job()
    assert job.search() == 0
    with _evaluated(monkeypatch) as runs:
        assert job.search("experiment.name=again", f"reproduces={job.folder()}") == 0
    assert any(runs)


def test_searches_that_choose_their_pairs_evaluate_the_baseline_and_a_plan_knows(
    toy_job: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search() == 0
    capsys.readouterr()
    assert job.search("plan=true", "search=racing", "projection=random", "damage=false") == 0
    assert "kept: 3 (of either language)" in capsys.readouterr().out
    assert job.search("plan=true", "projection=random", f"reproduces={job.folder()}") == 0
    assert "kept" not in capsys.readouterr().out
    with _evaluated(monkeypatch) as runs:
        assert job.search("search=racing", "projection=random", "damage=false") == 0
    assert runs.count(True) >= 3


def test_a_row_of_several_calls_is_not_kept(bert: LayeredModel, toy_mlama: Path, tmp_path: Path) -> None:
    """Its first cells may be an earlier job's, on another machine or by other code."""
    facts = MLama(toy_mlama).facts("de", "en", DataWarnings())
    one, other = facts.relations[:2]
    kept = Baselines(tmp_path / "cache", {})

    def evaluator(folder: str) -> tuple[HitsEvaluator, dict[str, RelationHits]]:
        store, everything = HitsStore(tmp_path / folder), [None]
        board = Board(store, facts, everything, everything)
        settings = SearchCommand(language="de")
        return HitsEvaluator(bert, facts, None, settings, store, DataWarnings(), [None], kept), board.results

    evaluates, results = evaluator("run")
    evaluates.evaluate_language(results[one.name], [None], lambda steps=1: None, places=[0, 1, 2])
    evaluates.evaluate_language(results[one.name], [None], lambda steps=1: None)
    evaluates.evaluate_language(results[other.name], [None], lambda steps=1: None)
    assert kept.load("de", one) is None
    found = kept.load("de", other)
    assert found is not None and found.tolist() == results[other.name].language[0].tolist()


@pytest.mark.parametrize("quantization", list(Quantization))
def test_models_that_other_code_unpacks_or_runs_keep_none(quantization: Quantization, bert: LayeredModel) -> None:
    checkpoint, settings = Checkpoint(Path(), None, "digest"), SearchCommand()
    assert baselines_for(settings, checkpoint, bert) is not None
    settings.model.quantization = quantization
    assert baselines_for(settings, checkpoint, bert) is None

    class Elsewhere(type(bert)):  # type: ignore[misc]
        """As an adapter of another package."""

        __module__ = "elsewhere.adapter"

    stranger = object.__new__(Elsewhere)
    assert baselines_for(SearchCommand(), checkpoint, stranger) is None


def test_an_older_digest_of_the_same_weights_finds_the_same_files(bert: LayeredModel) -> None:
    one = baselines_for(SearchCommand(), Checkpoint(Path(), None, "new", "old"), bert)
    other = baselines_for(SearchCommand(), Checkpoint(Path(), None, "old", "new"), bert)
    assert one is not None and other is not None and one.decisive == other.decisive


def test_every_part_of_a_relation_names_its_file(toy_mlama: Path, tmp_path: Path) -> None:
    relation = MLama(toy_mlama).facts("de", "en", DataWarnings()).relations[0]
    hits = np.array([index % 2 for index in range(len(relation.facts))], dtype=np.int8)
    kept = Baselines(tmp_path, {"model": "m"})
    kept.save("de", relation, hits)
    found = kept.load("de", relation)
    assert found is not None and found.tolist() == hits.tolist()
    first, *rest = relation.facts
    others: list[Relation] = [
        replace(relation, template=relation.template + " "),
        replace(relation, variants={first.subject: relation.template}),
        replace(relation, objects={**relation.objects, "Q0": "nowhere"}),
        replace(relation, candidates={first.line_id: tuple(relation.objects)[:2]}),
        replace(relation, answers={first.subject_id: frozenset(list(relation.objects)[:2])}),
        *(
            relation.only((replace(first, **{name: "other"}), *rest))  # type: ignore[arg-type]
            for name in ("uuid", "subject", "subject_id", "object", "object_id")
        ),
        relation.only((replace(first, templates=("[X] [Y]",)), *rest)),
        relation.only(tuple(reversed(relation.facts))),
    ]
    assert [kept.load("de", other) for other in others] == [None] * len(others)
    assert kept.load("en", relation) is None and Baselines(tmp_path, {"model": "n"}).load("de", relation) is None


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"hits": 7}', "flip", "cut"])
def test_a_damaged_file_is_as_none(damage: str, toy_mlama: Path, tmp_path: Path) -> None:
    relation = MLama(toy_mlama).facts("de", "en", DataWarnings()).relations[0]
    kept = Baselines(tmp_path, {})
    kept.save("de", relation, np.zeros(len(relation.facts), dtype=np.int8))
    [path] = tmp_path.glob("de/*.json")
    record = json.loads(path.read_text())
    changed = {"flip": {**record, "hits": "1" + record["hits"][1:]}, "cut": {**record, "hits": record["hits"][1:]}}
    path.write_text(json.dumps(changed[damage]) if damage in changed else damage)
    assert kept.load("de", relation) is None and not kept.recalled
