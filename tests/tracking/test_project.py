"""Where W&B runs go, and that it is known before the work: project and entity, by configuration and environment."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.config.compose import conf_dir
from lrp2_bench.core.errors import BenchError
from lrp2_bench.tracking import JobRecord, WandbTracker
from tests.support.commands import ToyJob, manifest_of
from tests.support.read_wandb import the_run

Logged = pytest.LogCaptureFixture


@pytest.mark.parametrize(
    ("configured", "environment", "expected", "said"),
    [
        ((None, None), {}, ("lrp2-bench", None), ""),
        ((None, None), {"WANDB_PROJECT": ""}, ("lrp2-bench", None), ""),
        ((None, None), {"WANDB_PROJECT": "env"}, ("env", None), "tracking.project is 'env', by WANDB_PROJECT"),
        ((None, None), {"WANDB_ENTITY": "team"}, ("lrp2-bench", "team"), "tracking.entity is 'team', by WANDB_ENTITY"),
        (("mine", None), {"WANDB_PROJECT": "env"}, ("mine", None), "tracking.project=mine outranks WANDB_PROJECT=env"),
        (("mine", "we"), {"WANDB_ENTITY": "team"}, ("mine", "we"), "tracking.entity=we outranks WANDB_ENTITY=team"),
    ],
)
def test_the_configuration_outranks_the_environment_which_outranks_the_default(
    configured: tuple[str | None, str | None],
    environment: dict[str, str],
    expected: tuple[str, str | None],
    said: str,
    record: JobRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Logged,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    target = WandbTracker(*configured, mode="offline").target
    assert (target.project, target.entity) == expected
    assert said in caplog.text and bool(caplog.text) == bool(said)


def test_a_search_tracks_where_the_environment_says_and_keeps_it_on_record(
    toy_job: Callable[..., ToyJob], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "env-project")
    monkeypatch.setenv("WANDB_ENTITY", "env-team")
    job = toy_job()
    assert job.search("tracking=wandb", "tracking.mode=offline", "tracking.entity=mine", "search=baseline") == 0
    run = the_run(job.folder()).run
    assert (run["project"], run["entity"]) == ("env-project", "mine")
    assert manifest_of(job.folder())["config"]["tracking"]["project"] == "env-project"
    said = capsys.readouterr().err
    assert "tracking.project is 'env-project', by WANDB_PROJECT" in said
    assert "tracking.entity=mine outranks WANDB_ENTITY=env-team" in said


@pytest.mark.parametrize("character", "/\\#?%:")
def test_a_project_that_wandb_refuses_is_refused_before_the_work(character: str) -> None:
    with pytest.raises(BenchError, match="tracking.project=.* is not a W&B project name: it holds"):
        WandbTracker(f"a{character}b")


def test_the_rules_are_those_of_the_installed_wandb() -> None:
    wandb = pytest.importorskip("wandb")
    for name in (*(f"a{character}b" for character in "/\\#?%:"), "x" * 129):
        with pytest.raises(wandb.errors.UsageError):
            wandb.Settings(project=name)
    for name in ("x" * 128, "a b", "ä&=+@!*'\"<>|;,.~^$()[]{}", " "):
        assert wandb.Settings(project=name).project == WandbTracker(name).target.project


def test_advice_about_a_project_works(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError) as caught:
        WandbTracker("team/p")
    advice = str(caught.value).split("Give another with ")[1].rstrip(".").split()
    assert advice == ["tracking.entity=team", "tracking.project=p"]
    monkeypatch.setenv("WANDB_PROJECT", "x" * 129)
    with pytest.raises(BenchError, match="WANDB_PROJECT=x+ is not a W&B project name: it has 129 characters"):
        WandbTracker()
    assert WandbTracker("p", "team").target.entity == "team"


def test_a_search_with_a_project_that_cannot_be_asks_no_model(
    toy_job: Callable[..., ToyJob], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.commands.search.job.load_model", lambda *_: pytest.fail("the model is loaded"))
    assert toy_job().search("tracking=wandb", "tracking.project=a/b") == 1
    said = capsys.readouterr().err
    assert said.startswith("tracking.project=a/b is not a W&B project name") and "Traceback" not in said


@pytest.mark.parametrize("absent", ["not there", "a folder of that name"])
def test_a_wandb_that_is_not_installed_is_told_before_the_work(
    absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Logged
) -> None:
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    folder = importlib.util.spec_from_loader("wandb", None)
    found = {"not there": None, "a folder of that name": folder}[absent]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    WandbTracker()
    assert "W&B is not installed, so nothing will be tracked: pip install wandb wandb-workspaces." in caplog.text
    caplog.clear()
    WandbTracker(mode="disabled")
    assert not caplog.text


def test_the_default_stands_in_one_place_and_in_the_help() -> None:
    from lrp2_bench.tracking.project import DEFAULT

    assert f"WANDB_PROJECT,{DEFAULT}}}" in (conf_dir() / "tracking" / "wandb.yaml").read_text("utf-8")
