"""Settings that a search would refuse after its work, refused before it, by the search and by its plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from lrp2_bench.commands.search.searchable import require_searchable
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import (
    ModelSettings,
    SearchCommand,
    SearchKind,
    SearchSettings,
    ShardSettings,
    StatsSettings,
)
from tests.support.commands import ToyJob


def _settings(kind: str, search: dict[str, Any], **more: Any) -> SearchCommand:
    return SearchCommand(**{"language": "de", **more}, search=SearchSettings(SearchKind(kind), **search))


@pytest.mark.parametrize(
    ("kind", "search", "more", "said"),
    [
        ("racing", {"budget": 25.0}, {}, "search.budget=25.0 is not a share .*\n?.*Give a number"),
        ("racing", {"first": 0.0}, {}, "search.first=0.0 is not a share of the facts. Give a number"),
        ("racing", {"alpha": 1.0}, {}, "search.alpha=1.0 is not an error rate. Give a number"),
        ("racing", {"seed": -1}, {}, "search.seed=-1 is no seed.\nGive a whole number from 0 on"),
        ("tpe", {"seed": -1}, {}, "search.seed=-1 is no seed.\nGive a whole number from 0 to 4294967295"),
        ("tpe", {"trials": 0}, {}, "search.trials=0: give a number from 1"),
        ("tpe", {"batch": 0}, {}, "search.batch=0: give a number from 1"),
        ("grid", {}, {"select_by": "mrr"}, "'mrr' needs the candidates' scores.*Metrics of hits: accuracy"),
        ("grid", {}, {"metrics": ["mrr"]}, "'mrr' needs the candidates' scores.*Metrics of hits: accuracy"),
        ("grid", {}, {"metrics": ["acuracy"]}, "Unknown metric 'acuracy'. Did you mean 'accuracy'?"),
        ("racing", {}, {"shard": ShardSettings(2, 0)}, "search=racing compares pairs .* shard.count"),
        ("tpe", {}, {"shard": ShardSettings(2, 0)}, "search=tpe compares pairs .* shard.count"),
        ("grid", {}, {"shard": ShardSettings(2, 2)}, "There is no shard.index=2"),
        ("grid", {}, {"language": "en"}, "language and pivot are both 'en'.*search=baseline"),
        ("grid", {}, {"stats": StatsSettings("countri")}, "Did you mean 'country'"),
        ("grid", {}, {"model": ModelSettings(threads=0)}, "model.threads=0 is no number of CPU threads.\nGive 1 to"),
        ("grid", {"strengths": [-1.0]}, {}, "search.strengths=-1.0 is negative"),
        ("grid", {"storage": "postgres://me@host/x"}, {}, "kind of database in search.storage: 'postgres'"),
        ("grid", {"storage": "mysql+pymysql://me@host/x"}, {}, "needs a driver that is not installed.*pymysql"),
        (
            "grid",
            {"storage": "sqlite+nonsense:///x"},
            {},
            "driver that is not installed.*nonsense.*SQLite needs none: sqlite:///FILE",
        ),
        ("tpe", {"storage": "sqlite:///x", "heartbeat": 0}, {}, "search.heartbeat=0: give seconds from 1"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_can(
    kind: str, search: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(BenchError, match=f"(?s){said}"):
        require_searchable(_settings(kind, search, **more))


def test_what_a_search_does_not_read_is_not_looked_at() -> None:
    require_searchable(_settings("grid", {"budget": 25.0, "trials": 0, "seed": -1, "heartbeat": 0}))
    require_searchable(_settings("baseline", {"storage": "postgres://me@host/x"}, language="en"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["search=racing", "search.budget=25"], "search.budget=25.0 is not a share"),
        (["search=racing", "search.seed=-1"], "search.seed=-1 is no seed"),
        (["select_by=mrr"], "'mrr' needs the candidates' scores"),
        (["search=tpe", "shard.count=2"], "search=tpe compares pairs over all relations"),
        (["language=en"], "language and pivot are both 'en'"),
        (["search.storage=sqlit:///s.db"], "Did you mean 'sqlite'?"),
    ],
)
def test_a_search_and_its_plan_refuse_it_before_the_model_is_loaded(
    settings: list[str],
    said: str,
    toy_job: Callable[..., ToyJob],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loaded(*_: object) -> NoReturn:
        raise AssertionError("the model was loaded")

    for command in ("job", "plan"):
        monkeypatch.setattr(f"lrp2_bench.commands.search.{command}.load_model", loaded)
    job = toy_job()
    for more in ([], ["plan=true"]):
        assert job.search(*settings, *more) == 1
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error


def test_a_database_that_cannot_be_reached_is_refused_before_the_model_is_loaded(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[object] = []
    monkeypatch.setattr("lrp2_bench.commands.search.job.load_model", lambda *_: loads.append(_))
    assert toy_job().search("search.storage=sqlite:////nowhere/at/all/s.db") == 1
    assert "Cannot open search.storage='sqlite:////nowhere/at/all/s.db'" in capsys.readouterr().err and not loads
