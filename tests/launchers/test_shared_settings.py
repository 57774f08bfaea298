"""A setting of a few projections, set once for a multirun, is given to those that read it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lrp2_bench.launchers.shared_settings import at_defaults
from tests.support.commands import ToyJob, manifest_of

PAIRS = ("search=pairs", "search.pairs=[[1,2]]", "damage=false", "alignment=false")


def test_settings_are_put_to_their_defaults_whoever_set_them() -> None:
    given = ["projection=lrp2", "+projection.rank=3", "projection.keep_norm=true", "projection.seed=1"]
    assert at_defaults(given, ("rank", "dimensions")) == [
        "projection=lrp2", "projection.keep_norm=true", "projection.seed=1", "projection.rank=null",
        "projection.dimensions=0.05",
    ]  # fmt: skip


def test_jobs_of_projections_that_do_not_read_a_setting_are_asked_without_it(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("-m", "projection=lrp2,subspace", "projection.rank=1", *PAIRS) == 0
    assert manifest_of(job.folder())["config"]["projection"]["rank"] is None
    assert manifest_of(job.folder(experiment="default/subspace_rank1"))["config"]["projection"]["rank"] == 1
    capsys.readouterr()
    assert job.search("-m", "projection=lrp2,subspace", "projection.rank=1", *PAIRS) == 0
    assert "2 jobs: 2 finished (2 of them before)." in capsys.readouterr().err


def test_a_setting_that_no_job_reads_is_refused_as_in_a_job_by_itself(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str]
) -> None:
    job = toy_job()
    assert job.search("-m", "projection=lrp2,random", "projection.rank=1", *PAIRS) == 1
    assert capsys.readouterr().err.count("projection.rank=1 has no effect on projection=") == 2
    assert job.search("projection.rank=1", *PAIRS) == 1
    assert "Leave it out, or choose projection=subspace or projection=subspace_removal." in capsys.readouterr().err
