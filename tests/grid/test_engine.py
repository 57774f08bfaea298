"""The engine's hits are those of one hooked forward pass per pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ProbingSettings, SentenceScore
from lrp2_bench.core.types import LayerPair, Relation, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import Limits, limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import ProbeCounts
from tests.support import models, naive, toy
from tests.support.models import ARCHITECTURES
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.probing import load
from tests.support.vectors import random_vectors


@dataclass(frozen=True)
class _Compared:
    """``differing`` counts cells too close to call that differ."""

    hits: np.ndarray
    differing: int
    counts: ProbeCounts
    theirs: naive.NaiveResult


def _compare(
    model: LayeredModel,
    relation: Relation,
    probing: ProbingSettings,
    pool_size: int | None,
    grid: GridSettings | None = None,
    pairs: tuple[LayerPair, ...] | None = None,
    strength: float | None = None,
    theirs: naive.NaiveResult | None = None,
) -> _Compared:
    """Assert that the engine's hits are those of the naive evaluator; ``theirs`` saves running it again."""
    language, pivot = random_vectors(model, 1, strength), random_vectors(model, 2, strength)
    pool = pool_of(relation, pool_size, 0)
    plan = plan_grid(model.blocks, all_pairs(model.blocks) if pairs is None else pairs)
    grid = grid or GridSettings()
    probe = build_probe(model, relation, pool, relation.name, probing, build_log_partition(model, grid), DataWarnings())
    limits = limits_for(model, plan, grid)
    ours = evaluate(probe, plan, shifts(language, pivot), range(len(relation.facts)), limits, lambda steps=1: None)
    if theirs is None:
        candidates = [[pool.labels[index] for index in allowed.nonzero()[0]] for allowed in pool.allowed]
        theirs = naive.evaluate(
            model.model, model.tokenizer, relation, candidates, plan.settings, language, pivot,
            mean=probing.sentence_score is SentenceScore.mean,
        )  # fmt: skip
    differing = ours != theirs.hits
    assert not (differing & ~theirs.too_close_to_call()).any()
    return _Compared(ours, int(differing.sum()), probe.counts, theirs)


@pytest.mark.parametrize(
    ("architecture", "language"),
    [
        *((each, "de") for each in ARCHITECTURES),
        ("bert", "zh"),
        *(pytest.param(each, "zh", marks=pytest.mark.system) for each in ARCHITECTURES if each != "bert"),
    ],
)
def test_shared_trunk_gives_the_hits_of_one_forward_per_pair(
    architecture: str, language: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    facts = MLama(toy_mlama).facts(language, "en", DataWarnings())
    hits = [_compare(model, relation, ProbingSettings(), None).hits for relation in facts.relations]
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
    model = load(model_folder(architecture))
    facts = MLama(toy_mlama, relations=["P17"]).facts("de", "en", DataWarnings())
    _compare(model, facts.relations[0], ProbingSettings(sentence_score=score), pool_size)


#: Standard deviations of weights: hardly any difference between candidates, some, and as sure as trained ones.
SPREADS = (0.02, 0.25, 3.0)


@pytest.fixture(scope="module")
def spread_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, float], LayeredModel]:
    root = tmp_path_factory.mktemp("spread")

    @cache
    def build(architecture: str, spread: float) -> LayeredModel:
        return load(models.build_model(root / f"{architecture}-{spread}", architecture, toy.all_texts(), spread=spread))

    return build


@pytest.mark.parametrize(
    ("architecture", "score"),
    [
        ("bert", SentenceScore.sum),
        pytest.param("xlm-roberta", SentenceScore.sum, marks=pytest.mark.system),
        pytest.param("bloom", SentenceScore.sum, marks=pytest.mark.system),
        ("bloom", SentenceScore.mean),
    ],
)
def test_rough_and_exact_log_partitions_give_the_naive_hits_of_unsure_and_of_confident_models(
    architecture: str, score: SentenceScore, spread_model: Callable[[str, float], LayeredModel], toy_mlama: Path
) -> None:
    relations = MLama(toy_mlama, relations=["P36", "P17"]).facts("de", "en", DataWarnings()).relations
    probing, gaps = ProbingSettings(sentence_score=score), []
    ran = {True: ProbeCounts(), False: ProbeCounts()}
    for spread in SPREADS:
        model, hits = spread_model(architecture, spread), []
        strength = (12 if model.family == "masked" else 80) * spread
        for relation in relations:
            theirs, forced = None, []
            for rough in ran:
                grid = GridSettings(rough_log_partitions=rough)
                compared = _compare(model, relation, probing, None, grid, None, strength, theirs)
                theirs = compared.theirs
                forced.append(compared.hits.tobytes())
                for field in fields(ProbeCounts):
                    more = getattr(compared.counts, field.name)
                    setattr(ran[rough], field.name, getattr(ran[rough], field.name) + more)
            assert forced[0] == forced[1], "the format of the first look changes no hit"
            hits.append(compared.hits)
            gaps.append(np.median(compared.theirs.gap))
        together = np.concatenate(hits, axis=1)
        assert 0 < together.mean() < 1
        assert (together != together[0]).any(), "no pair changes any hit, so this would prove nothing"
    assert max(gaps) > 10 * min(gaps)
    for rough, counts in ran.items():
        assert counts.cells == 7 * counts.facts == 7 * 8 * len(relations) * len(SPREADS)
        assert (counts.rough_log_partitions > 0) == rough
        assert counts.exact_log_partitions > 0, "no bounds left a winner open, so the exact comparison is not proved"
        assert max(counts.rough_log_partitions, counts.exact_log_partitions) <= counts.log_partitions
        assert 0 < counts.undecided_facts < counts.facts or architecture == "bloom"
    # Those of the first of the seven configurations are computed either way, and lead the other six of a prefix tree.
    led = ran[False].partial_log_partitions // 6 if model.family == "causal" else 0
    exact = {rough: counts.exact_log_partitions - led for rough, counts in ran.items()}
    assert exact[True] < exact[False] / 2, "bounds spare the exact ones"


@needs_mlama
@pytest.mark.parametrize(
    ("architecture", "language", "relations", "pool_size"),
    [
        ("bert", "zh", ["P17", "P1412"], None),
        ("bloom", "ja", ["P36", "P495"], 10),
        pytest.param("bert", "de", ["P30", "P36", "P37"], None, marks=pytest.mark.system),
        pytest.param("bert", "ceb", ["P30", "P36"], None, marks=pytest.mark.system),
        pytest.param("bloom", "de", ["P30", "P36", "P37"], 10, marks=pytest.mark.system),
        pytest.param("bloom", "ru", ["P17", "P1412"], 10, marks=pytest.mark.system),
    ],
)
def test_hits_on_real_mlama_equal_the_naive_evaluator(
    architecture: str, language: str, relations: list[str], pool_size: int | None, tmp_path: Path
) -> None:
    facts = MLama(MLAMA_ZIP, relations=relations, limit=6).facts(language, "en", DataWarnings())
    texts = [relation.fill(fact, fact.object).text for relation in facts.relations for fact in relation.facts]
    texts += [label for relation in facts.relations for label in relation.pool]
    model = load(models.build_model(tmp_path / architecture, architecture, texts, vocab=1500))
    results = [_compare(model, relation, ProbingSettings(), pool_size) for relation in facts.relations]
    hits = np.concatenate([result.hits for result in results], axis=1)
    assert hits.shape[0] == 1 + len(all_pairs(model.blocks))
    assert sum(result.differing for result in results) <= hits.size / 10_000


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_batches_of_one_query_give_the_hits_of_large_ones(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(model_folder(architecture))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    large = _compare(model, relation, ProbingSettings(), None).hits
    monkeypatch.setattr("tests.grid.test_engine.limits_for", lambda model, plan, grid: Limits(1, 1))
    small = _compare(model, relation, ProbingSettings(), None).hits
    assert (large == small).all()


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
@pytest.mark.parametrize(
    "pairs",
    [(LayerPair(2, 3),), (LayerPair(1, 4), LayerPair(3, 4)), (LayerPair(1, 2), LayerPair(1, 3), LayerPair(1, 4))],
)
def test_any_set_of_pairs_gives_the_rows_of_the_whole_grid(
    architecture: str, pairs: tuple[LayerPair, ...], model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
    whole = _compare(model, relation, ProbingSettings(), None).hits
    some = _compare(model, relation, ProbingSettings(), None, pairs=pairs).hits
    everything = (None, *all_pairs(model.blocks))
    assert (some == whole[[everything.index(setting) for setting in (None, *pairs)]]).all()
