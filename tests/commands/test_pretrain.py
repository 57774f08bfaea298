"""``lrp2-bench pretrain``: the settings that were given make the spec, and the command leaves a whole checkpoint."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

from lrp2_bench.commands.pretrain import run_pretrain, wanted_spec
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.settings import ModelSettings, PathSettings, PretrainCommand
from lrp2_bench.data.cldr.sentences import Sentence
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.testbed import pretrain as loop
from lrp2_bench.testbed.exposure import Exposure
from lrp2_bench.testbed.specs import spec_of
from lrp2_bench.testbed.text import pretraining_text
from tests.support.commands import lrp2_bench


def named(name: str) -> ModelSettings:
    return ModelSettings(path=f"shipped:{name}", name=name)


def test_nothing_given_is_the_named_model() -> None:
    assert wanted_spec(PretrainCommand(model=named("tiny_bloom_twin"))) == spec_of("tiny_bloom_twin")


def test_given_settings_change_the_model_and_ask_for_a_name() -> None:
    changed = PretrainCommand(model=named("tiny_mbert"), hidden=64, languages=["cy", "de"], seed=0)
    with pytest.raises(BenchError, match=r"hidden=64, languages=.*name=my_tiny_mbert") as told:
        wanted_spec(changed)
    assert "seed" not in str(told.value)  # given, but as it is anyway
    changed.name = "small"
    spec = wanted_spec(changed)
    assert (spec.name, spec.hidden, spec.languages) == ("small", 64, ("cy", "de", "en"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PretrainCommand(model=named("tiny_mbart")), "tiny_mbert"),
        (PretrainCommand(model=named("tiny_mbert"), name="x", languages=["de", "xx"]), "xx"),
        (PretrainCommand(model=named("tiny_mbert"), name="x", hidden=130), "heads=4"),
        (PretrainCommand(model=named("tiny_mbert"), name="../x"), "not a valid folder name"),
        (PretrainCommand(model=named("tiny_mbert"), name="x", glosses=-1.0), "glosses=-1.0: give a share"),
        (PretrainCommand(model=named("tiny_mbert"), name="x", learning_rate=float("nan")), "learning_rate=nan"),
        (PretrainCommand(model=named("tiny_mbert"), name="x", weight_decay=-1.0), "weight_decay=-1.0"),
        (PretrainCommand(model=named("tiny_mbert"), name="x", positions=-1), "positions=-1: give a number from 1"),
    ],
)
def test_bad_settings_are_refused_by_name(settings: PretrainCommand, message: str) -> None:
    with pytest.raises((BenchError, UnknownNameError), match=message):
        wanted_spec(settings)


@pytest.fixture
def few_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(exposure: Exposure, glosses: float, seed: int) -> list[Sentence]:
        return pretraining_text(exposure, glosses, seed)[:400]

    monkeypatch.setattr(loop, "pretraining_text", some)


MINIATURE = {"languages": ["ga"], "blocks": 2, "hidden": 16, "heads": 2, "vocabulary": 500, "epochs": 2}


@pytest.mark.usefixtures("few_sentences")
def test_the_job_leaves_a_checkpoint_that_loads_like_any_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = PretrainCommand(
        model=ModelSettings(name="tiny_bloom", path="shipped:tiny_bloom", threads=torch.get_num_threads()),
        name="mini",
        paths=PathSettings(outputs=str(tmp_path)),
        **MINIATURE,
    )
    with caplog.at_level(logging.INFO):
        folder = run_pretrain(settings)
    assert folder == tmp_path / "pretrained" / "mini"
    assert "Epoch 2 of 2" in caplog.text
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert f"model.path={folder}" in caplog.text
    checkpoint = ModelSettings(path=str(folder))
    model = load_model(find_checkpoint(checkpoint), checkpoint)
    assert (model.blocks, model.hidden_size) == (2, 16)
    with pytest.raises(BenchError, match="there already"):
        run_pretrain(settings)


@pytest.mark.usefixtures("few_sentences")
def test_the_command_takes_its_settings_as_key_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = [f"{key}={value}".replace("'", "").replace(" ", "") for key, value in MINIATURE.items()]
    threads = f"model.threads={torch.get_num_threads()}"
    assert lrp2_bench("pretrain", "model=tiny_mbert", "name=mini", "output=here", threads, *given) == 0
    assert json.loads((tmp_path / "here" / "manifest.json").read_text())["spec"]["name"] == "mini"
