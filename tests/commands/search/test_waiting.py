"""A job looks at the hits and then waits for the tables: it goes on from what others have stored by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lrp2_bench.commands.search import hits
from lrp2_bench.commands.search import job as search
from lrp2_bench.core.types import Hits
from lrp2_bench.grid import engine
from lrp2_bench.results.leases import TABLES, Leases
from tests.support.commands import ToyJob, contents, manifest_of, records, status_of

Build = Callable[..., ToyJob]
Meanwhile = Callable[[Callable[[], object], bool], None]


class Killed(BaseException):
    """Nothing in a job handles it."""


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """``meanwhile(act, waits)``: ``act`` happens before the next job has the tables, which it ``waits`` for or not."""
    take = Leases.wait_for

    def arrange(act: Callable[[], object], waits: bool) -> None:
        def wait_for(leases: Leases, name: str) -> bool:
            if name != TABLES:
                return take(leases, name)
            monkeypatch.setattr(Leases, "wait_for", take)
            act()
            return take(leases, name) or waits

        monkeypatch.setattr(Leases, "wait_for", wait_for)

    return arrange


@pytest.mark.parametrize("kind", ["search=racing", "search=tpe"])
def test_a_search_behind_a_twin_that_was_killed_evaluates_nothing_again(
    kind: str, toy_job: Build, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, job, cells = toy_job(folder="whole"), toy_job(), 0
    assert whole.search(kind, "damage=false") == 0

    def count(probe: Any, plan: Any, shifts: Any, facts: Any, *rest: Any) -> Hits:
        nonlocal cells
        cells += len(plan.settings) * len(facts) if plan.pairs else 0
        return engine.evaluate(probe, plan, shifts, facts, *rest)

    def twin() -> None:
        def dies(*arguments: object) -> None:
            raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(search, "finish_study", dies)
            job.search(kind, "damage=false")

    monkeypatch.setattr(hits, "evaluate", count)
    meanwhile(twin, True)
    assert job.search(kind, "damage=false") == 0
    assert cells == manifest_of(whole.folder())["search"]["cells"]
    stored = Counter((record["side"], record["relation"]) for record in records(job.folder()))
    assert stored == Counter((record["side"], record["relation"]) for record in records(whole.folder()))
    assert contents(job.folder()) == contents(whole.folder()) and status_of(job.folder())["state"] == "finished"


@pytest.mark.parametrize(
    ("more", "waits"), [((), False), (("select_by=accuracy",), True)], ids=["not even waited", "of another metric"]
)
def test_a_baseline_keeps_the_grid_that_another_job_finished_after_its_look(
    more: tuple[str, ...], waits: bool, toy_job: Build, meanwhile: Meanwhile
) -> None:
    grid, job, views = toy_job(folder="grid"), toy_job(), ("pairs.csv", "hits.parquet")
    assert grid.search(*more) == 0
    meanwhile(job.search, waits)
    assert job.search("search=baseline", *more) == 0
    assert contents(job.folder(), views) == contents(grid.folder(), views)
    assert manifest_of(job.folder())["best"] == manifest_of(grid.folder())["best"] is not None
