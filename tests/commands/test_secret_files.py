"""No byte below the outputs, and nothing printed, holds a credential that was given to a command."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.launchers import slurm
from lrp2_bench.launchers.job import Job, Outcome
from lrp2_bench.launchers.running import Setup, run_one
from tests.support.commands import ToyJob, manifest_of, status_of

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]

#: A port at which nothing listens.
HOST = "127.0.0.1:1/optuna"

SHAPES = {
    "user info": f"search.storage=postgresql+psycopg://bob:SECRET@{HOST}",
    "an @ in it": f"search.storage=postgresql+psycopg://bob:p@SECRET@{HOST}",
    "a parameter": f"search.storage='postgresql+psycopg://{HOST}?user=bob&password=SECRET'",
    "a variable": f"search.storage=postgresql+psycopg://bob:${{oc.env:DB}}@{HOST}",
    "a default": f"search.storage=postgresql+psycopg://bob:${{oc.env:NO_SUCH,SECRET}}@{HOST}",
    "not quoted": f"search.storage=postgresql+psycopg://{HOST}?user=bob&password=SECRET",
}


@pytest.fixture(autouse=True)
def _variable(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("DB", "SECRET")


def _leaks(folder: Path, said: str) -> list[str]:
    """What holds the secret, paths included."""
    found = [str(path) for path in folder.rglob("*") if "SECRET" in str(path)]
    found += [str(path) for path in folder.rglob("*") if path.is_file() and b"SECRET" in path.read_bytes()]
    return found + [line for line in said.splitlines() if "SECRET" in line]


def _printed(capsys: Capture) -> str:
    return "".join(capsys.readouterr())


def test_a_single_run_leaves_it_nowhere_in_whatever_shape_it_was_given(toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    for shape in SHAPES.values():
        assert job.search(shape, "hydra.output_subdir=.hydra") == 1
    said = _printed(capsys)
    assert not _leaks(job.root, said)
    assert f"postgresql+psycopg://bob:***@{HOST}" in said and "user=bob&password=***" in said
    assert "connection failed" in said and "Write an @ in a password as %40" in said
    assert "***" in status_of(job.folder())["traceback"]
    assert any(job.root.rglob(".hydra/overrides.yaml"))


def test_a_run_that_ends_well_leaves_it_nowhere_and_can_be_repeated_once_it_is_given_again(
    toy_job: Build, capsys: Capture, tmp_path: Path
) -> None:
    pytest.importorskip("wandb")
    job = toy_job()
    offline = ("tracking=wandb", "tracking.mode=offline")
    assert job.search("search=baseline", SHAPES["user info"], *offline) == 0
    assert any(job.root.rglob("*.wandb")) and "***" in manifest_of(job.folder())["config"]["search"]["storage"]
    repeat = ["--from-manifest", str(job.folder() / "manifest.json"), f"paths.outputs={tmp_path / 'job' / 'again'}"]
    assert job.search(*repeat) == 1
    said = _printed(capsys)
    assert "these settings need some: search.storage" in said
    # The advice of that error, with a host and a user in the place of its words.
    advised = said[said.index("'search.storage=") :].split("'")[1].replace("PGPASSWORD", "DB").replace("HOST", "h")
    assert job.search(*repeat, advised) == 0
    assert job.search(*repeat, "search.storage=null") == 0
    assert not _leaks(job.root, said + _printed(capsys))


# Processes of their own, as the local launcher starts them, are pickled to as other machines are: see below.
@pytest.mark.parametrize(
    ("launcher", "languages"), [("basic", "de,zh"), pytest.param("local", "de", marks=pytest.mark.slow)]
)
def test_a_multirun_leaves_it_nowhere_and_repeats_its_commands_without_it(
    launcher: str, languages: str, toy_job: Build, capsys: Capture
) -> None:
    job = toy_job()
    more = (f"hydra/launcher={launcher}", f"experiment.name={launcher}", "hydra.output_subdir=.hydra")
    assert job.search("-m", SHAPES["a parameter"], *more, language=languages) == 1
    said = _printed(capsys)
    assert not _leaks(job.root, said)
    again = [line for line in said.splitlines() if "again: " in line or "all at once: " in line]
    assert len(again) == len(languages.split(",")) + 1
    assert all("password=***" in line and "give it again" in line for line in again)
    assert "password=***" in (job.outputs / launcher / "multirun.yaml").read_text()
    assert status_of(job.folder("de", launcher))["state"] == "failed"


def test_what_is_pickled_for_other_machines_holds_none_and_still_runs(
    toy_job: Build, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled: list[bytes] = []

    def submit(self: object, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Callable[..., Any]) -> None:
        pickled.append(pickle.dumps((setup, list(jobs))))
        setup, there = pickle.loads(pickled[0])
        for job in there:
            outcome: Outcome = run_one(setup, job)
            tell(job, outcome)

    monkeypatch.setattr(slurm.SlurmLauncher, "run", submit)
    job = toy_job()
    export = "hydra.launcher.setup=['export PGPASSWORD=SECRET']"
    assert job.search("-m", SHAPES["user info"], export, "hydra/launcher=submitit_slurm") == 1
    said = _printed(capsys)
    assert b"SECRET" not in pickled[0] and not _leaks(job.root, said)
    assert f"Cannot open search.storage='postgresql+psycopg://bob:***@{HOST}'" in said
