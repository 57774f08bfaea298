"""A plan counts what a job computes beside its hits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.commands.search.beside import beside
from lrp2_bench.commands.search.projection import choose_projection
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint
from tests.support.commands import ToyJob

PAIRS = ("search=pairs", "search.pairs=[[1,2],[1,3]]")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrp2_bench.commands.search.rates._TIMING", 0.0)


def _told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The plan's rows below the hits: what they are, and the seconds."""
    out = capsys.readouterr().out
    rows = [line.split("│")[1:3] for line in out.splitlines() if line.startswith("│")]
    return {what.strip(): seconds.strip() for what, seconds in rows}


def test_vectors_alignment_damage_and_draws_are_rows_of_a_plan_and_cached_vectors_are_not(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("plan=true", *PAIRS, "projection.seeds=20") == 0
    told = _told(capsys)
    assert {
        "vectors (2 sentences)",
        "alignment (24 facts)",
        "damage (at 2 pairs)",
        "random draws (20)",
        "likely seconds in all",
    } <= told.keys()
    assert job.search(*PAIRS) == 0 and job.search("plan=true", "search=pairs", "search.pairs=[[2,3]]") == 0
    told = _told(capsys)
    assert "damage (at 1 pair)" in told and not any(re.match("vectors|random", what) for what in told)


def test_a_grid_measures_damage_at_its_best_pair_and_a_baseline_none(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("plan=true") == 0
    assert "damage (at 1 pair)" in _told(capsys)
    assert job.search("plan=true", "damage=false", "alignment=false") == 0
    assert not any(re.match("damage|alignment", what) for what in _told(capsys))
    assert job.search("plan=true", "search=baseline") == 0
    told = _told(capsys)
    assert "alignment (24 facts)" in told and not any(re.match("vectors|damage", what) for what in told)


def test_what_is_fitted_is_a_row_and_a_shards_plan_is_of_hits_alone(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    job = toy_job()
    for code in ("de", "en"):
        lines = [f"{code} {number}" for number in range(20)]
        (tmp_path / f"{code}.txt").write_text("\n".join(lines))
    parallel = (f"corpus.path={tmp_path}", "corpus.parallel=true", "corpus.sentences=20")
    assert job.search("plan=true", "projection=affine", *parallel) == 0
    assert {"fit (40 sentences)", "vectors (40 sentences)"} <= _told(capsys).keys()
    assert job.search("plan=true", "shard.count=2", "shard.index=0") == 0
    out = capsys.readouterr().out
    assert "Not counted: language vectors, and what the last shard does" in out and "damage (" not in out


def test_what_cannot_be_counted_or_asked_is_said(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("plan=true", f"corpus.path={job.root / 'nowhere'}") == 0
    assert "Language vectors, and what is fitted, are not all counted: " in capsys.readouterr().out
    assert job.search("plan=true", "projection.seeds=20", "damage=false") != 0
    assert "projection.seeds matches the KL" in capsys.readouterr().err


def test_each_pair_costs_the_pivots_facts_and_each_draw_the_languages(
    bert: LayeredModel, toy_mlama: Path, toy_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By seconds of our own: half a one a token, one a sentence, and for hits one a fact and pair."""
    monkeypatch.setattr("lrp2_bench.commands.search.beside._rates", lambda *_: (0.5, 1.0))

    def seconds(_model: LayeredModel, _settings: SearchCommand, relations: Any, pairs: Any, _edit: Any) -> float:
        return float(len(pairs) * sum(len(relation.facts) for relation in relations))

    monkeypatch.setattr("lrp2_bench.commands.search.beside._seconds", seconds)
    settings = SearchCommand(language="de")
    settings.search.kind, settings.projection.seeds = SearchKind.pairs, 20
    settings.paths.cache = str(tmp_path)
    corpus = TextCorpus(str(toy_corpus))
    known = {code: corpus.sentences(code, DataWarnings()) for code in ("de", "en")}
    parts, unknown = beside(
        bert,
        Checkpoint(tmp_path, None, "digest"),
        settings,
        MLama(toy_mlama).facts("de", "en", DataWarnings()),
        choose_projection(settings, lambda: ("de", "en")),
        all_pairs(3),
        lambda: corpus,
    )
    tokens = sum(len(ids) for sentences in known.values() for ids in bert.tokenize(sentences))
    assert not unknown and {part.what: part.seconds for part in parts} == {
        f"vectors ({sum(map(len, known.values()))} sentences)": 0.5 * tokens,
        "alignment (24 facts)": 3 * 24.0,
        "damage (at 3 pairs)": 3 * 24.0 + 4 * 200.0,
        "random draws (20)": 20 * (24.0 + 3 * 200.0),
    }
