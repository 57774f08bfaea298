"""A folder that holds another configuration's hits: refused at once, naming the keys, and left as it was."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from lrp2_bench.commands.search import job as search
from tests.faults.conftest import Tally
from tests.support import models, toy
from tests.support.commands import ToyJob, snapshot

pytestmark = pytest.mark.faults

#: What is set otherwise, and the keys that are named: of the folder's identity, and the user's own where they differ.
REFUSED = {
    ("seed=1",): ("probing.seed: stored 0, now 1",),
    ("pivot=zh",): ('pivot "en" -> "zh"',),
    ("model.precision=bfloat16",): ('model.precision "float32" -> "bfloat16"',),
    ("probing.pool_size=3",): ("probing.pool_size: stored full, now 3",),
    ("dataset.limit=2",): ("dataset.limit null -> 2",),
    ("dataset.relations=[P30]",): ('dataset.relations null -> ["P30"]',),
    ("corpus.sentences=2",): ("corpus.sentences 1 -> 2",),
    ("seed=1", "dataset.limit=2"): ("seed 0 -> 1", "dataset.limit null -> 2"),
}

#: One of the model, one of the facts, one of the sentences; a start of the program each.
BY_DEFAULT = (("model.precision=bfloat16",), ("corpus.sentences=2",), ("seed=1", "dataset.limit=2"))

#: What decides no hit is not asked about.
WELCOME = (
    "model.threads=1",
    "grid.memory_gb=0.5",
    "grid.batch_tokens=99",
    "select_by=accuracy",
    "vectors.batch_tokens=9",
)


@pytest.mark.parametrize(
    "cases", [BY_DEFAULT, pytest.param(tuple(REFUSED), marks=pytest.mark.nightly)], ids=["few", "all"]
)
def test_a_folder_of_another_configuration_is_refused_naming_the_keys_and_stays_as_it_was(
    cases: tuple[tuple[str, ...], ...],
    toy_job: Callable[..., ToyJob],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tally: Tally,
) -> None:
    job = toy_job()
    assert job.search() == 0
    before = _without_log(job)
    for settings in cases:
        capsys.readouterr()
        with monkeypatch.context() as patch:  # refused before there is a model, or vectors, which need one
            patch.setattr(search, "load_model", None)
            assert job.search(*settings) == 1, settings
        said = capsys.readouterr().err
        assert f"'{job.folder()}' holds hits of another configuration" in said and "Traceback" not in said
        assert all(key in said for key in REFUSED[settings]), (settings, said)
        assert "Give this run another experiment.name" in said
        assert not re.search("[0-9a-f]{32}", said.replace(str(job.root), "")), "settings, not digests"
        assert _without_log(job) == before, settings
    assert job.search(*WELCOME) == 0
    tally("folder of another configuration", len(cases), refused=len(cases), welcome_settings_taken=len(WELCOME))


@pytest.mark.nightly
def test_other_weights_under_the_same_name_are_refused(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str], tally: Tally
) -> None:
    job = toy_job()
    assert job.search() == 0
    before = _without_log(job)
    other = models.build_model(job.root / "other" / "bert", "bert", toy.all_texts(), seed=1)
    assert job.search(f"model.path={other}") == 1
    assert 'model.path "' in capsys.readouterr().err and _without_log(job) == before
    tally("folder of another configuration", refused=1)


def _without_log(job: ToyJob) -> dict[str, tuple[str, int]]:
    found = snapshot(job.folder())
    found.pop("search.log")
    return found
