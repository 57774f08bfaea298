"""The engine's hits are those of one hooked forward pass per pair."""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import Limits, limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import find_checkpoint, load_model
from lrp2_bench.notices import Notices
from lrp2_bench.probing.build import build_normaliser, build_probe
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.projection import shifts
from lrp2_bench.settings import GridSettings, ModelSettings, ProbingSettings, SentenceScore
from lrp2_bench.types import LayerPair, Relation, all_pairs
from tests.support import models, naive
from tests.support.models import ARCHITECTURES
from tests.support.paths import MLAMA_ZIP, needs_mlama


def _load(folder: Path) -> LayeredModel:
    settings = ModelSettings(path=str(folder), device="cpu")
    return load_model(find_checkpoint(settings), settings)


def _vectors(model: LayeredModel, seed: int) -> torch.Tensor:
    """Random language vectors, large enough to change answers."""
    generator = torch.Generator().manual_seed(seed)
    strength = 3 if model.family == "masked" else 20
    return strength * torch.randn(model.blocks + 1, model.hidden_size, generator=generator)


def _compare(
    model: LayeredModel,
    relation: Relation,
    probing: ProbingSettings,
    pool_size: int | None,
    grid: GridSettings | None = None,
    pairs: tuple[LayerPair, ...] | None = None,
) -> tuple[np.ndarray, int]:
    """Assert equal hits; returns them and the number of cells too close to call that differ."""
    language, pivot = _vectors(model, 1), _vectors(model, 2)
    pool = pool_of(relation, pool_size, 0)
    plan = plan_grid(model.blocks, all_pairs(model.blocks) if pairs is None else pairs)
    grid = grid or GridSettings()
    probe = build_probe(model, relation, pool, relation.name, probing, build_normaliser(model, grid), Notices())
    limits = limits_for(model, plan, grid)
    ours = evaluate(probe, plan, shifts(language, pivot), len(relation.facts), limits, lambda steps=1: None)
    candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
    theirs = naive.evaluate(
        model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot,
        mean=probing.sentence_score is SentenceScore.mean,
    )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    return ours, int(differing.sum())


@pytest.mark.parametrize("language", ["de", "zh"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shared_trunk_gives_the_hits_of_one_forward_per_pair(
    architecture: str, language: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = _load(model_folder(architecture))
    facts = MLama(toy_mlama).facts(language, "en", Notices())
    hits = [_compare(model, relation, ProbingSettings(), None)[0] for relation in facts.relations]
    together = np.concatenate(hits, axis=1)
    assert 0 < together.mean() < 1
    if (architecture, language) != ("bloom", "zh"):  # the toy BLOOM's bytes say little about eight Chinese names
        assert (together != together[0]).any(), "no pair changes any hit, so this would prove nothing"


@pytest.mark.parametrize("score", list(SentenceScore))
@pytest.mark.parametrize("pool_size", [None, 3])
@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_cut_pools_and_both_sentence_scores_equal_the_naive_evaluator(
    architecture: str,
    pool_size: int | None,
    score: SentenceScore,
    model_folder: Callable[[str], Path],
    toy_mlama: Path,
) -> None:
    model = _load(model_folder(architecture))
    facts = MLama(toy_mlama, relations=["P17"]).facts("de", "en", Notices())
    _compare(model, facts.relations[0], ProbingSettings(sentence_score=score), pool_size)


@needs_mlama
@pytest.mark.parametrize(
    ("architecture", "language", "relations", "pool_size"),
    [
        ("bert", "de", ["P30", "P36", "P37"], None),
        ("bert", "zh", ["P17", "P1412"], None),
        ("bert", "ceb", ["P30", "P36"], None),
        ("bloom", "de", ["P30", "P36", "P37"], 10),
        ("bloom", "ru", ["P17", "P1412"], 10),
        ("bloom", "ja", ["P36", "P495"], 10),
    ],
)
def test_hits_on_real_mlama_equal_the_naive_evaluator(
    architecture: str, language: str, relations: list[str], pool_size: int | None, tmp_path: Path
) -> None:
    facts = MLama(MLAMA_ZIP, relations=relations, limit=6).facts(language, "en", Notices())
    texts = [relation.fill(fact.subject, fact.object) for relation in facts.relations for fact in relation.facts] + [
        label for relation in facts.relations for label in relation.pool
    ]
    model = _load(models.build_model(tmp_path / architecture, architecture, texts, vocab=1500))
    results = [_compare(model, relation, ProbingSettings(), pool_size) for relation in facts.relations]
    hits = np.concatenate([hits for hits, _ in results], axis=1)
    assert hits.shape[0] == 1 + len(all_pairs(model.blocks))
    assert sum(differing for _, differing in results) <= hits.size / 10_000


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_batches_of_one_query_give_the_hits_of_large_ones(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _load(model_folder(architecture))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
    large, _ = _compare(model, relation, ProbingSettings(), None)
    monkeypatch.setattr("tests.grid.test_engine.limits_for", lambda model, plan, grid: Limits(1, 1))
    small, _ = _compare(model, relation, ProbingSettings(), None)
    assert (large == small).all()


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
@pytest.mark.parametrize(
    "pairs",
    [(LayerPair(2, 3),), (LayerPair(1, 4), LayerPair(3, 4)), (LayerPair(1, 2), LayerPair(1, 3), LayerPair(1, 4))],
)
def test_any_set_of_pairs_gives_the_rows_of_the_whole_grid(
    architecture: str, pairs: tuple[LayerPair, ...], model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = _load(model_folder(architecture))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
    whole, _ = _compare(model, relation, ProbingSettings(), None)
    some, _ = _compare(model, relation, ProbingSettings(), None, pairs=pairs)
    everything = (None, *all_pairs(model.blocks))
    assert (some == whole[[everything.index(setting) for setting in (None, *pairs)]]).all()


@pytest.mark.parametrize("blocks", [2, 4, 12, 24])
def test_the_whole_grid_costs_what_the_formula_says(blocks: int) -> None:
    plan = plan_grid(blocks, all_pairs(blocks))
    assert plan.block_runs == blocks + sum(blocks - i for i in range(1, blocks)) + comb(blocks, 3)
    assert plan.naive_block_runs == (1 + blocks * (blocks - 1) // 2) * blocks


def test_the_formula_gives_the_published_counts() -> None:
    assert plan_grid(12, all_pairs(12)).block_runs == 298
    assert plan_grid(24, all_pairs(24)).block_runs == 2324


def test_scores_that_are_not_numbers_are_counted_and_never_win(
    model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    for architecture in ("bert", "bloom"):
        model = _load(model_folder(architecture))
        relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
        notices, plan, grid = Notices(), plan_grid(4, all_pairs(4)), GridSettings()
        pool = pool_of(relation, None, 0)
        probe = build_probe(model, relation, pool, "de P36", ProbingSettings(), build_normaliser(model, grid), notices)
        broken = torch.full((model.blocks + 1, model.hidden_size), torch.nan)
        limits = limits_for(model, plan, grid)
        hits = evaluate(probe, plan, broken, len(relation.facts), limits, lambda steps=1: None)
        assert hits[0].any() or architecture == "bloom"
        assert not hits[1:].any()
        assert notices.count("Scores that are no finite numbers can never win") > 0
