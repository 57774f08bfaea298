"""The benchmark compares like with like: equal hits, by evaluators that share no work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from lrp2_bench.bench.leading import with_share_leading
from lrp2_bench.bench.measure import agreement, run_naive, run_ours, spread_sample
from lrp2_bench.bench.models import RANDOM_MODELS, RandomModel
from lrp2_bench.bench.naive import evaluate_naively, hooked_forward
from lrp2_bench.commands.bench import run_bench
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.settings import BenchCommand, GridSettings, ModelSettings
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.vectors import two_random_vectors

_TINY = {
    "mbert": RandomModel("mbert", "bert", 3, 32, 4, 500, 0.25),
    "bloom_560m": RandomModel("bloom_560m", "bloom", 3, 32, 4, 500, 0.25),
}


def _load(folder: Path) -> LayeredModel:
    settings = ModelSettings(path=str(folder), device="cpu")
    return load_model(find_checkpoint(settings), settings)


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "distilbert", "bloom"])
def test_the_benchmarks_hooks_give_the_hits_of_the_tests_own_evaluator(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = _load(model_folder(architecture))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    pool = pool_of(relation, None if model.family == "masked" else 4, 0)
    language, pivot = two_random_vectors(model, 3)
    settings = plan_grid(model.blocks, all_pairs(model.blocks)).settings
    ours = evaluate_naively(model, relation, pool, settings, hooked_forward(model, language, pivot), lambda done: None)
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    theirs = naive.evaluate(model.model, model.tokenizer, relation, candidates, settings, language, pivot)
    assert not ((ours.hits != theirs.hits) & ~theirs.too_close_to_call()).any()
    assert ours.hits.any()


def test_a_difference_would_be_counted(model_folder: Callable[[str], Path], toy_mlama: Path) -> None:
    model = _load(model_folder("bert"))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    pool, plan, vectors = pool_of(relation, None, 0), plan_grid(4, all_pairs(4)), two_random_vectors(model, 3)
    ours = run_ours(model, relation, pool, plan, vectors, GridSettings())
    forward = hooked_forward(model, *vectors)
    sample = [0, 2, 5]
    same = run_naive("hooks", forward, model, relation, pool, plan.settings, sample, ours.hits)
    assert same.not_close == 0 and same.cells == 3 * len(relation.facts)
    other = run_naive("hooks", forward, model, relation, pool, plan.settings, sample, 1 - ours.hits)
    assert other.differing >= other.cells - same.close


def test_an_encoder_decoders_hooks_give_the_engines_hits(
    seq2seq_model: Callable[[str], LayeredModel], toy_mlama: Path
) -> None:
    model = seq2seq_model("t5")
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    pool, plan, vectors = pool_of(relation, 5, 0), plan_grid(4, all_pairs(4)), two_random_vectors(model, 3)
    ours = run_ours(model, relation, pool, plan, vectors, GridSettings())
    forward = hooked_forward(model, *vectors)
    same = run_naive("hooks", forward, model, relation, pool, plan.settings, [0, 2, 5], ours.hits)
    assert same.not_close == 0 and same.cells == 3 * len(relation.facts)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_facts_are_picked_by_whether_they_lead_their_own_length(
    share: float, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = _load(model_folder("bert"))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    plan, vectors = plan_grid(4, all_pairs(4)), two_random_vectors(model, 3)
    picked = with_share_leading(model, relation, plan, vectors, share, 2, seed=0)
    assert len(picked.facts) == 2 and picked.objects == relation.objects
    ours = run_ours(model, picked, pool_of(picked, None, 0), plan, vectors, GridSettings())
    assert ours.q == share
    assert ours.ceiling > 1


def test_the_sample_is_spread_over_all_settings_with_the_baseline_in_it() -> None:
    assert spread_sample(67, 4) == [0, 22, 44, 66]
    assert spread_sample(3, 8) == [0, 1, 2]


def test_agreement_is_the_share_of_hits_that_both_have() -> None:
    assert agreement(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]])) == pytest.approx(1 / 3)
    assert agreement(np.zeros((1, 2)), np.zeros((1, 2))) == 1


def test_the_command_measures_every_case_and_writes_what_it_prints(
    toy_mlama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in _TINY.items():
        monkeypatch.setitem(RANDOM_MODELS, name, size)
    monkeypatch.setattr("lrp2_bench.bench.measure._PEAK_SECONDS", 0.05)
    monkeypatch.setattr("lrp2_bench.commands.bench.nnsight_is_here", lambda: False)
    models, facts = ["mbert", "bloom_560m", "tiny_bloom"], {"masked": 16, "causal": 3, "shipped": 3}
    settings = BenchCommand(
        dataset=None, models=models, facts=facts, naive_settings=2, device="cpu", output=str(tmp_path)
    )
    with (tmp_path / "out").open("w+") as file:
        path = run_bench(settings, lambda: MLama(toy_mlama, relations=["P36"]), Console(file=file, width=140))
        file.seek(0)
        text = file.read()
    cases = json.loads(path.read_text())["cases"]
    assert [case["model"] for case in cases] == models
    assert [case["weights"] for case in cases] == ["random", "random", "trained"]
    for case in cases:
        assert case["others"][0]["not_close"] == 0
        assert case["seconds"] > 0 and case["floor_of_peak"] > 0 and 0 <= case["bfloat16"]["agreement"] <= 1
    assert "pip install nnsight" in text and "mbert P36" in text


def test_an_unknown_model_names_the_nearest() -> None:
    for settings in (
        BenchCommand(dataset=None, models=["mbrt"]),
        BenchCommand(dataset=None, models=["mbert"], checkpoints={"mbrt": "DIR"}),
    ):
        with pytest.raises(UnknownNameError, match="Did you mean 'mbert'"):
            run_bench(settings, lambda: MLama("/nowhere"), Console())


def test_a_checkpoint_takes_the_place_of_random_weights(
    model_folder: Callable[[str], Path], toy_mlama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrp2_bench.bench.measure._PEAK_SECONDS", 0.05)
    monkeypatch.setattr("lrp2_bench.commands.bench.nnsight_is_here", lambda: False)
    settings = BenchCommand(
        dataset=None, models=["mbert"], checkpoints={"mbert": str(model_folder("bert"))}, naive_settings=2,
        bfloat16=False, device="cpu", output=str(tmp_path),
    )  # fmt: skip
    path = run_bench(settings, lambda: MLama(toy_mlama, relations=["P36"]), Console(quiet=True))
    (case,) = json.loads(path.read_text())["cases"]
    assert (case["model"], case["weights"], case["settings"]) == ("mbert", "trained", 7)
