"""Runs whose names are odd, alike or too long: no folder is shared, nothing is overwritten, and errors come early."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.render.text import require_apart
from lrp2_bench.results.leases import MANIFEST, STATUS, TABLES, Leases, lease_of
from tests.support.commands import ToyJob, contents, lrp2_bench, status_of

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


def test_two_local_models_of_one_name_do_not_share_a_folder(
    toy_job: Build, model_folder: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    job = toy_job()
    other = tmp_path / "other" / "bert"
    shutil.copytree(model_folder("distilbert"), other)
    assert job.search("search=baseline") == 0
    before = contents(job.folder(), ("hits.parquet", "pairs.csv", "manifest.json"))
    capsys.readouterr()
    assert job.search("search=baseline", f"model.path={other}") == 1
    assert "holds hits of another configuration" in capsys.readouterr().err
    assert contents(job.folder(), tuple(before)) == before
    assert job.search("search=baseline", f"model.path={other}", "model.name='a/bert 100%'") == 0
    apart = job.outputs / "default" / "a%2Fbert 100%25" / "mlama" / "de"
    assert status_of(apart)["state"] == "finished" and (apart / "search.log").is_file(), "Hydra's folder is the job's"
    assert contents(job.folder(), tuple(before)) == before


@pytest.mark.parametrize("setting", ["paths.outputs", "model.path", "dataset.path", "corpus.path", "experiment.name"])
def test_bytes_that_are_no_text_are_refused_before_anything_runs(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lrp2_bench("search", "language=de", f"{setting}={os.fsdecode(b'caf' + bytes([0xE9]))}") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"The setting b'{setting}=caf\\xe9' holds bytes") and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_home_or_a_working_directory_of_such_bytes_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(folder))
    assert lrp2_bench("report", "paths.outputs='~/x'") == 1
    assert "holds bytes that are not UTF-8" in capsys.readouterr().err
    monkeypatch.chdir(folder)
    assert lrp2_bench("report", "x") == 1
    assert capsys.readouterr().err.startswith("The working directory b'")


def test_a_path_that_is_too_long_is_told_before_the_work(tmp_path: Path, toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    for outputs, said in (("/".join(["y" * 200] * 19), "Set paths.outputs"), ("z" * 300, "The path is too long.")):
        assert job.search(f"paths.outputs={tmp_path}/{outputs}") == 1
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error
    assert not list(tmp_path.rglob("status.json"))


def test_relations_of_any_name_have_leases_of_their_own(tmp_path: Path) -> None:
    names = ["P36", "a/b", "a%2Fb", "..", "%manifest", "_tables", "x" * 300, "x" * 301, "caf\udce9", "a.1", "a"]
    held = [MANIFEST, TABLES, STATUS, *map(lease_of, names)]
    assert len(set(held)) == len(held) and lease_of("P36") == "P36"
    with Leases(tmp_path) as leases, Leases(tmp_path) as others:
        assert all(leases.take(name) for name in held)
        assert not any(others.take(name) for name in held)
        assert {path.parent for path in tmp_path.rglob("*.1")} == {tmp_path / "claims"}
    assert list(tmp_path.iterdir()) == []


def test_tables_that_would_have_one_name_are_refused() -> None:
    require_apart([("a", "b_c"), ("a", "b"), ("a", "b_c")])
    with pytest.raises(BenchError, match="'a' on 'b_c' and of 'a_b' on 'c' would have the same names"):
        require_apart([("a", "b_c"), ("a_b", "c")])
