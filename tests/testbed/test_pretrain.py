"""Pretraining in miniature: a plain Hugging Face folder, the same twice, that has learned something."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer
from transformers.models.bloom.modeling_bloom import BloomGelu

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.files import sha256_file
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.data.cldr.sentences import Sentence
from lrp2_bench.testbed import pretrain as loop
from lrp2_bench.testbed.exposure import Exposure
from lrp2_bench.testbed.objectives import Example, MaskedNames, NextToken, objective_of
from lrp2_bench.testbed.pretrain import Progress, pretrain
from lrp2_bench.testbed.specs import SPECS, TINY_LANGUAGES, PretrainSpec, spec_of
from lrp2_bench.testbed.text import pretraining_text
from lrp2_bench.testbed.tokenizer import train_tokenizer

MINIATURE = PretrainSpec(
    "miniature", "bert", ("ga", "hi"), vocabulary=600, blocks=1, hidden=16, heads=2, epochs=1, glosses=0.0
)
SENTENCE = Sentence("de", "Die Hauptstadt des Landes Österreich heißt Wien.", (26, 36), (43, 47))


@pytest.fixture(autouse=True)
def few_sentences(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A twentieth of the text, one thread, and both put back."""

    def some(exposure: Exposure, glosses: float, seed: int) -> list[Sentence]:
        return pretraining_text(exposure, glosses, seed)[:600]

    monkeypatch.setattr(loop, "pretraining_text", some)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_the_folder_is_a_plain_checkpoint_with_curve_and_manifest(tmp_path: Path, architecture: str) -> None:
    spec = replace(MINIATURE, architecture=architecture)
    reports: list[Progress] = []
    manifest = pretrain(spec, tmp_path / "model", threads=1, on_progress=reports.append)
    loader = AutoModelForMaskedLM if architecture == "bert" else AutoModelForCausalLM
    model = loader.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert model.config.model_type == architecture
    assert model.config.vocab_size == len(tokenizer) <= 600
    ids = tokenizer("Country: India.")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == "Country:India."
    assert (ids[0] == tokenizer.cls_token_id) == (architecture == "bert")
    assert manifest == json.loads((tmp_path / "model" / "manifest.json").read_text("utf-8"))
    assert manifest["finished"] is True
    assert Exposure.from_dict(manifest["exposure"]) == spec.exposure
    assert manifest["files"]["model.safetensors"] == sha256_file(tmp_path / "model" / "model.safetensors")
    with (tmp_path / "model" / "loss.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [report.step for report in reports]
    assert reports[-1].step == manifest["training"]["steps"]
    assert reports[-1].done == 1.0
    assert all(path.stat().st_mode & 0o044 for path in (tmp_path / "model").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_the_loss_falls(tmp_path: Path, architecture: str) -> None:
    spec = replace(MINIATURE, architecture=architecture, epochs=6, batch_tokens=256, learning_rate=5e-3, warmup=0.2)
    reports: list[Progress] = []
    pretrain(spec, tmp_path / "model", threads=1, on_progress=reports.append)
    assert reports[-1].loss < 0.9 * reports[0].loss
    assert reports[-1].accuracy > reports[0].accuracy


def test_two_trainings_give_the_same_weights_and_a_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        pretrain(replace(MINIATURE, seed=seed), tmp_path / name, threads=1)
    a, b, c = (sha256_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c


def test_a_twin_has_the_same_tokenizer_and_start(tmp_path: Path) -> None:
    full = pretrain(MINIATURE, tmp_path / "full", threads=1)
    twin = pretrain(MINIATURE.as_twin(), tmp_path / "twin", threads=1)
    assert twin["files"]["tokenizer.json"] == full["files"]["tokenizer.json"]
    assert twin["exposure"] == full["exposure"] | {"twin": True}
    assert twin["text"]["digest"] != full["text"]["digest"]


def test_a_trial_ends_early_and_says_so(tmp_path: Path) -> None:
    spec = replace(MINIATURE, epochs=1_000)
    manifest = pretrain(spec, tmp_path / "model", threads=1, max_seconds=0.2)
    assert manifest["finished"] is False
    assert 0 < manifest["training"]["steps"] < 5_000


def test_what_is_there_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    pretrain(MINIATURE, tmp_path / "model", threads=1)
    with pytest.raises(BenchError, match="there already"):
        pretrain(MINIATURE, tmp_path / "model", threads=1)
    pretrain(MINIATURE, tmp_path / "model", threads=1, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_two_trainings_into_one_folder_do_not_meet_in_it(tmp_path: Path) -> None:
    twins: list[str] = []

    def twin(report: Progress) -> None:
        if not twins:
            twins.append("begun")
            pretrain(MINIATURE, tmp_path / "model", threads=1)

    with pytest.raises(BenchError, match="made by another process meanwhile"):
        pretrain(MINIATURE, tmp_path / "model", threads=1, on_progress=twin)
    for folder in tmp_path.iterdir():
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert all(sha256_file(folder / name) == digest for name, digest in manifest["files"].items())
    assert len(list(tmp_path.iterdir())) == 2, "the later one's work is kept"


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_examples_know_where_the_names_are(architecture: str) -> None:
    spec = replace(MINIATURE, architecture=architecture)
    tokenizer = train_tokenizer(spec, [SENTENCE.text] * 5)
    example = objective_of(spec, tokenizer).example(SENTENCE)
    assert tokenizer.decode([example.ids[at] for at in example.object]).strip() == "Wien"
    assert tokenizer.decode([example.ids[at] for at in example.subject]).strip() == "Österreich"


def test_masked_names_predicts_the_masked_positions_only() -> None:
    tokenizer = train_tokenizer(MINIATURE, [SENTENCE.text] * 5)
    objective = objective_of(MINIATURE, tokenizer)
    assert isinstance(objective, MaskedNames)
    rng = random.Random(0)
    example = objective.example(SENTENCE)
    drawn = [tuple(objective._masked(example, rng)) for _ in range(200)]
    assert {tuple(example.object), tuple(example.subject)} < set(drawn)
    assert drawn.count(tuple(example.object)) == pytest.approx(170, abs=20)
    assert all(0 < position < len(example.ids) - 1 for positions in drawn for position in positions)
    objective.model.train(False)
    loss = objective.loss([example, Example(example.ids[:4], [], [1])], random.Random(1))
    assert 2 <= loss.predicted <= len(example.object) + len(example.subject) + 4
    assert float(loss.mean.detach()) == pytest.approx(torch.log(torch.tensor(float(len(tokenizer)))).item(), rel=0.2)


def test_every_fact_is_met_in_every_epoch_and_names_and_glosses_in_turn() -> None:
    kinds = [Example([1], [], [0]), Example([2], [], [0], is_fact=False), Example([3], [0], [], is_fact=False)]
    examples = [replace(example, subject=[number]) for number in range(40) for example in kinds]
    spec = replace(MINIATURE, glosses_every=2, names_every=4)
    epochs = [loop._of_epoch(spec, examples, epoch) for epoch in range(1, 5)]
    met = [example for epoch in epochs for example in epoch]
    assert [sum(example.ids == [kind] for example in met) for kind in (1, 2, 3)] == [4 * 40, 2 * 40, 40]
    assert {(*example.ids, *example.subject) for example in met} == {(*e.ids, *e.subject) for e in examples}
    assert loop._of_epoch(MINIATURE, examples, 1) == examples


def test_a_name_alone_is_not_masked_whole() -> None:
    tokenizer = train_tokenizer(MINIATURE, [SENTENCE.text])  # once, so that names are cut into several tokens
    objective = objective_of(MINIATURE, tokenizer)
    assert isinstance(objective, MaskedNames)
    rng = random.Random(0)
    example = objective.example(replace(SENTENCE, object=None, fact=None))
    assert len(example.subject) > 3
    assert all(objective._masked(example, rng) != example.subject for _ in range(200))


def test_next_token_always_predicts_objects_and_ends() -> None:
    spec = replace(MINIATURE, architecture="bloom")
    tokenizer = train_tokenizer(spec, [SENTENCE.text] * 5)
    objective = objective_of(spec, tokenizer)
    assert isinstance(objective, NextToken)
    rng = random.Random(0)
    example = objective.example(SENTENCE)
    kept = [set(objective._kept(example, rng)) for _ in range(200)]
    assert all({*example.object, len(example.ids) - 1} <= positions for positions in kept)
    assert set.union(*kept) == set(range(1, len(example.ids)))
    assert not any(0 in positions for positions in kept)


def test_blooms_activation_is_its_own_in_one_pass() -> None:
    spec = replace(MINIATURE, architecture="bloom")
    objective = objective_of(spec, train_tokenizer(spec, [SENTENCE.text] * 5))
    states = torch.randn(7, 4)
    for block in objective.model.transformer.h:
        torch.testing.assert_close(block.mlp.gelu_impl(states), BloomGelu()(states))


def test_the_specs_are_what_the_testbed_promises() -> None:
    assert set(SPECS) == {"tiny_mbert", "tiny_bloom", "tiny_mbert_twin", "tiny_bloom_twin"}
    assert len(TINY_LANGUAGES) >= 12
    assert len({LANGUAGES[code].script for code in TINY_LANGUAGES}) >= 5
    assert {LANGUAGES[code].resource for code in TINY_LANGUAGES} == {"high", "medium", "low"}
    assert {LANGUAGES[code].indo_european for code in TINY_LANGUAGES} == {True, False}
    for name, spec in SPECS.items():
        assert 6 <= spec.blocks <= 8
        assert spec.exposure.twin == name.endswith("_twin")
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny_mbert'"):
        spec_of("tiny_bert")
    with pytest.raises(UnknownNameError, match="architecture"):
        replace(MINIATURE, architecture="gpt")
    with pytest.raises(BenchError, match="heads=3"):
        replace(MINIATURE, heads=3)


def test_an_epoch_meets_every_example_once_and_no_batch_is_too_wide() -> None:
    rng = random.Random(0)
    examples = [Example([index] * rng.randint(3, 40), [], []) for index in range(5_000)]
    batches = loop._batches(examples, 400, rng)
    assert sorted(example.ids[0] for batch in batches for example in batch) == list(range(5_000))
    assert all(max(len(e.ids) for e in batch) * len(batch) <= 400 for batch in batches)
    assert sum(map(len, batches)) / len(batches) > 10
    assert batches != loop._batches(examples, 400, rng)


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    assert loop._schedule(0.01, 0.05) == pytest.approx(0.2)
    assert loop._schedule(0.05, 0.05) == 1.0
    assert loop._schedule(0.5, 0.05) > loop._schedule(0.6, 0.05) > loop._schedule(1.0, 0.05) == pytest.approx(0.01)
    assert loop._schedule(0.0, 0.0) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny_mbert", "tiny_bloom"])
def test_a_checkpoint_weighs_at_most_ten_megabytes(tmp_path: Path, name: str) -> None:
    pretrain(spec_of(name), tmp_path / name, threads=1, max_seconds=1.0)
    assert sum(path.stat().st_size for path in (tmp_path / name).iterdir()) <= 10_000_000
