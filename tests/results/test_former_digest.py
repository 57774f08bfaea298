"""Folders and vectors made under the digest of earlier versions go on, under that digest; new ones have the new one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.commands.search import job as search
from lrp2_bench.interventions import cached_vectors
from lrp2_bench.models import loading
from lrp2_bench.models.checkpoint_files import digests_of
from tests.support.commands import ToyJob, contents, lrp2_bench, manifest_of

Build = Callable[..., ToyJob]


def _formerly(folder: Path, cache: Path) -> tuple[str, str]:
    """Both digests by the rule of earlier versions, as those versions had them."""
    former = digests_of(folder, cache)[1]
    return former, former


@pytest.fixture
def job(model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path, tmp_path: Path) -> ToyJob:
    """Of a model with a file that only the former digest covers."""
    model = Path(shutil.copytree(model_folder("bert"), tmp_path / "bert"))
    (model / "generation_config.json").write_text("{}")
    return ToyJob(tmp_path / "job", model, toy_mlama, toy_corpus)


def test_a_folder_and_vectors_of_an_earlier_version_go_on_and_a_new_folder_takes_the_vectors(
    job: ToyJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new, former = digests_of(job.model, job.model)
    assert new != former
    with monkeypatch.context() as earlier:
        earlier.setattr(loading, "digests_of", _formerly)
        assert job.search() == 0
    before = contents(job.folder())
    assert manifest_of(job.folder())["identity"]["model"]["digest"] == former
    monkeypatch.setattr(cached_vectors, "compute_vectors", None)  # those in the cache are found by either digest

    assert job.search() == 0 and "Nothing is left to do" in capsys.readouterr().err
    next((job.folder() / "relations").glob("P30-language*")).unlink()
    assert job.search() == 0 and "Resuming: 2 of 3" in capsys.readouterr().err
    assert contents(job.folder()) == before
    assert manifest_of(job.folder())["identity"]["model"]["digest"] == former

    assert job.search("experiment.name=new") == 0
    again = manifest_of(job.folder(experiment="new"))
    assert (again["identity"]["model"]["digest"], again["model"]["other_digest"]) == (new, former)
    assert contents(job.folder(experiment="new")) == before

    # A rerun of the earlier manifest is held to it, and a change of what decides nothing stops nothing new.
    manifest = job.folder() / "manifest.json"
    assert lrp2_bench("search", f"--from-manifest={manifest}", f"paths.outputs={job.root / 'rerun'}") == 0
    (job.model / "generation_config.json").write_text('{"max_length": 7}')
    monkeypatch.setattr(search, "load_model", None)
    assert job.search("experiment.name=new") == 0 and "Nothing is left to do" in capsys.readouterr().err
    assert job.search() != 0  # the former digest covered that file, so the configuration of its hits is unknown
