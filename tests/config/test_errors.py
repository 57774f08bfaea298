"""What the command line does not know or take: told with the nearest name, the valid values and the next step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import ToyJob, lrp2_bench

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("serch", 2, "Unknown command 'serch'. Did you mean 'search'?\nKnown: analyze, bench, check, dashboard, "),
        ("--version=3", 2, "Unknown command '--version=3'."),
        ("help serch", 2, "Unknown command 'serch'. Did you mean 'search'?"),
        ("-m search language=de,zh", 2, "The command comes first: lrp2-bench search -m language=de,zh"),
        ("language=de search", 2, "The command comes first: lrp2-bench search language=de"),
        ("model=mbert language=de", 2, "For example: lrp2-bench search model=mbert language=de"),
        ("search language=de langauge=de", 1, "Unknown setting 'langauge'. Did you mean 'language'?"),
        ("vectors language=de projection=random", 1, "Unknown setting 'projection'. Did you mean 'projection.tokens'?"),
        ("search language=de model.pth=x", 1, "Unknown setting 'model.pth'. Did you mean 'model.path'?"),
        ("search language=de dataset.limt=1", 1, "Unknown setting 'dataset.limt'. Did you mean 'dataset.limit'?"),
        (
            "analyze analysis=tokens model=hf analysis.limit=3", 1,
            "'analysis.limit' is a setting of another choice of analysis than yours.",
        ),
        ("search language=de +modle=hf", 1, "Unknown setting 'modle'. Did you mean 'model'?"),
        ("search language=de +model.precison=x", 1, "Did you mean 'model.precision'?"),
        ("search language=de modle=mbert", 1, "Unknown setting 'modle'. Did you mean 'model'?"),
        ("search language=de sweep=paper_mbert", 1, "Unknown setting 'sweep'. Did you mean '+sweep'?"),
        ("search language=de ~sed", 1, "Unknown setting 'sed'. Did you mean 'seed'?"),
        ("search language=de model=mbrt", 1, "Unknown model 'mbrt'. Did you mean 'mbert'?\nKnown: aya_expanse_8b, "),
        ("search language=de search=gird", 1, "Unknown search 'gird'. Did you mean 'grid'?\nKnown: baseline, grid, "),
        ("search -m +sweep=paper_mbrt", 1, "Unknown sweep 'paper_mbrt'. Did you mean 'paper_mbert'?"),
        (
            "search language=de select_by=accurracy",
            1,
            "Unknown value of select_by: 'accurracy'. Did you mean 'accuracy'?\nKnown: accuracy, accuracy_macro, ",
        ),
        ("search language=de select_by=acc", 1, "select_by: 'acc'.\nKnown: accuracy, accuracy_macro, "),
        (
            "search language=de model=tiny_bloom projection.strength=0", 1,
            "projection.strength=0.0 would change nothing: that is the baseline, which every search evaluates.",
        ),
        ("search language=de projection.kind=randm", 1, "Unknown projection 'randm'. Did you mean 'random'?"),
        ("search language=de metrics=accuracy", 1, "Give it as metrics=[NAME,NAME]"),
        ("search language=de model.precision=float8", 1, "model.precision: 'float8'. Did you mean 'float32'?"),
        ("report select_by=acc", 1, "Unknown value of select_by: 'acc'.\nKnown: accuracy, accuracy_macro, "),
        ("search", 1, "'language' is not set. Give it as language=CODE, such as language=de.\nKnown: af, ar, "),
        ("search -m model=mbert", 1, "'language' is not set."),
        ("vectors", 1, "'language' is not set. Give it as language=CODE"),
        ("search model=hf language=de", 1, "'model.path' is not set. Give it as model.path=DIR_OR_HUB_ID"),
        ("search -m model=hf language=de,zh", 1, "'model.path' is not set. Give it as model.path=DIR_OR_HUB_ID"),
        ("vectors model=hf language=de", 1, "'model.path' is not set. Give it as model.path=DIR_OR_HUB_ID"),
        ("search language=de seed=x", 1, "'seed' does not take this: Value 'x' of type 'str' could not be converted"),
        ("search language=de grid.batch_tokens=1.5", 1, "'grid.batch_tokens' does not take this: "),
        ("search language=de model=null", 1, "Unknown model 'null'.\nKnown: aya_expanse_8b, "),
        ("analyze analysis=null", 1, "Unknown analysis 'null'.\nKnown: alignment, languages, "),
        ("search language=de model=[mbert,hf]", 1, "a job takes one model. For a job each: -m model=mbert,hf."),
        ("search language=null", 1, "'language' does not take this: "),
        ("search language=de probing=x", 1, "It is a group of settings: probing.closing_sentinel, probing.filtered, "),
        ("search language=de seed=[1", 1, "A setting cannot be read: "),
        ("search mbert", 1, "'mbert' is not a setting."),
        ("search language=de,zh", 1, "add -m"),
        ("search -m language=de --cfg job", 1, "leave -m out"),
    ],
)  # fmt: skip
def test_what_it_does_not_know_is_named_with_the_nearest(arguments: str, code: int, said: str, capsys: Capture) -> None:
    assert lrp2_bench(*arguments.split()) == code
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
    assert "oc.env" not in error, "no advice on interpolations where none is written"
    steps = ("--help", "explains them", "+sweep=NAME", " -m", "lrp2-bench search ")
    assert any(step in error for step in steps), "the next step is named"


def test_an_unknown_language_is_told_by_the_dataset_with_the_nearest(toy_job: Build, capsys: Capture) -> None:
    job = toy_job()
    assert job.search(language="ger") == 1
    error = capsys.readouterr().err
    assert error.startswith("Unknown language 'ger'. Did you mean 'de'?\nKnown: de, en, zh.")
    assert error.count("Unknown language") == 1, "an error is printed once"
    status = json.loads((job.folder("ger") / "status.json").read_text())
    assert status["state"] == "failed" and "UnknownNameError" in status["traceback"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("dataset.path=/nowhere.zip", "/nowhere.zip"),
        ("corpus.path=/nowhere", "corpus.path: there is no folder '/nowhere'"),
        ("model.path=/nowhere", "There is no folder '/nowhere'"),
        ('model.path="~no_such_user/x"', "this machine has no user NAME. Give the whole path, or ./~NAME"),
        ('dataset.path="~no_such_user/x"', "this machine has no user NAME. Give the whole path, or ./~NAME"),
        ("model.path=ref@main", "There is no folder 'ref@main', and it is no id of the hub"),
        ("grid.memory_gb=nan", "grid.memory_gb=nan is not a size of memory"),
        ("grid.batch_tokens=-1", "grid.batch_tokens=-1: give a number of tokens from 1, or null"),
        ("dataset.relations=[P63]", "Unknown relation of 'de' 'P63'. Did you mean 'P36'?\nKnown: P17, P30, P36."),
        ("dataset.limit=0", "dataset.limit=0"),
        ("probing.pool_size=1", "probing.pool_size=1 is not a pool size"),
        ("model.device=gpu", "Unknown device 'gpu'. Use auto, cpu, cuda"),
        ("pivot=xx", "Unknown language 'xx'"),
        ("vectors.path=/nowhere", "There are no language vectors '/nowhere/de.safetensors'"),
        ("+dataset.limt=3", "limt"),
    ],
)
def test_a_value_that_cannot_be_is_told_without_a_traceback(
    setting: str, said: str, toy_job: Build, capsys: Capture
) -> None:
    job = toy_job()
    assert job.search(setting) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and "This is a bug" not in error
    assert not (job.folder() / "pairs.csv").exists()
