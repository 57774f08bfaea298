"""``analysis=tokens``: its tables and figure, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.commands import lrp2_bench


def analyze(root: Path, *more: str) -> int:
    return lrp2_bench(
        "analyze", "analysis=tokens", "model=tiny_bloom", "dataset=cldr", "corpus=cldr",
        f"paths.outputs={root / 'outputs'}", f"paths.cache={root / 'cache'}", *more,
    )  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_both_measures_of_a_shipped_model_are_told_with_chance_beside_them(tmp_path: Path) -> None:
    assert analyze(tmp_path, "analysis.queries=200", "analysis.steps=60", "analysis.fewest=200") == 0
    folder = tmp_path / "outputs" / "default" / "tiny_bloom" / "analyses" / "tokens"
    measures = {row["measure"].split(",")[0]: row for row in rows(folder / "tokens_tiny_bloom.csv")}
    told, mixed = measures["writing system predicted"], measures["writing systems among 50 neighbours"]
    assert float(told["chance"]) < float(told["value_low"]) < float(told["value"]) < float(told["value_high"])
    assert 1 < float(mixed["value"]) < float(mixed["chance"]) < 7
    assert (told["published"], mixed["published_model"]) == ("99.200000", "mT5")
    systems = {row["system"]: row for row in rows(folder / "writing_systems_tiny_bloom.csv")}
    assert next(iter(systems)) == "Latin" and set(systems) > {"Cyrillic", "Han", "Hangul", "Devanagari"}
    # Devanagari has too few tokens to be learnt, and is a neighbour all the same.
    assert systems["Devanagari"]["recall"] == "" and float(systems["Devanagari"]["systems"]) > 1
    assert sum(int(row["queries"]) for row in systems.values() if row["queries"]) == 200
    record = json.loads((folder / "analysis.json").read_text("utf-8"))
    assert record["figures"] == ["writing_systems_tiny_bloom"] and record["summary"]["tokens/accuracy"] > 60


def test_any_architecture_with_embeddings_can_be_looked_into(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(model_folder("bloom"), folder)
    weights = load_file(folder / "model.safetensors")
    (matrix,) = [value for name, value in weights.items() if name.endswith("word_embeddings.weight")]
    matrix[300:310] = 0
    save_file({"model.embed_tokens.weight": matrix}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama"}), "utf-8")
    given = ("model=hf", f"model.path={folder}", "analysis.fewest=5", "analysis.neighbours=3", "analysis.steps=20")
    assert analyze(tmp_path, *given) == 0
    told = (tmp_path / "outputs" / "default" / "other" / "analyses" / "tokens" / "tokens_other.md").read_text("utf-8")
    assert "10 whose embedding is zero" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("analysis.fewest=2", "5 at least"),
        ("analysis.neighbours=0", "analysis.neighbours=0"),
        ("analysis.queries=0", "queries=null"),
        ("analysis.fewest=3000", "two writing systems of at least 3000 tokens; 'tiny_bloom' has: Latin 4,364"),
        ("analysis.neighbours=7302", "tokens with a writing system"),
        ("analysis.neighbuors=5", "analysis"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(
    given: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(tmp_path, given) == 1
    assert told in capsys.readouterr().err


def test_random_embeddings_tell_no_writing_system(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    folder = tmp_path / "noise"
    shutil.copytree(model_folder("bloom"), folder)
    weights = load_file(folder / "model.safetensors")
    (name,) = [each for each in weights if each.endswith("word_embeddings.weight")]
    torch.manual_seed(0)
    weights[name] = torch.randn_like(weights[name])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert analyze(tmp_path, "model=hf", f"model.path={folder}", "analysis.fewest=5", "analysis.neighbours=3") == 0
    folder = tmp_path / "outputs" / "default" / "noise" / "analyses" / "tokens"
    told = rows(folder / "tokens_noise.csv")[0]
    assert float(told["value_low"]) < float(told["chance"])
