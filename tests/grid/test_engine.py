"""The engine's hits are those of one hooked forward pass per pair."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
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
from lrp2_bench.notices import Notices
from lrp2_bench.probing.build import build_normaliser, build_probe
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.probing.probe import ProbeCounts
from lrp2_bench.projection import shifts
from lrp2_bench.settings import GridSettings, Precision, ProbingSettings, SentenceScore
from lrp2_bench.types import HIT, MISS, LayerPair, Relation, all_pairs
from tests.support import models, naive, toy
from tests.support.models import ARCHITECTURES
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.probing import AMPLE, hits_of, load, probe_of, relation_of


@dataclass(frozen=True)
class _Compared:
    """``differing`` counts cells too close to call that differ."""

    hits: np.ndarray
    differing: int
    counts: ProbeCounts
    theirs: naive.NaiveResult


def _vectors(model: LayeredModel, seed: int, strength: float | None = None) -> torch.Tensor:
    """Random language vectors, large enough to change answers."""
    generator = torch.Generator().manual_seed(seed)
    if strength is None:
        strength = 3 if model.family == "masked" else 20
    return strength * torch.randn(model.blocks + 1, model.hidden_size, generator=generator)


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
    language, pivot = _vectors(model, 1, strength), _vectors(model, 2, strength)
    pool = pool_of(relation, pool_size, 0)
    plan = plan_grid(model.blocks, all_pairs(model.blocks) if pairs is None else pairs)
    grid = grid or GridSettings()
    probe = build_probe(model, relation, pool, relation.name, probing, build_normaliser(model, grid), Notices())
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


@pytest.mark.parametrize("language", ["de", "zh"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shared_trunk_gives_the_hits_of_one_forward_per_pair(
    architecture: str, language: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    facts = MLama(toy_mlama).facts(language, "en", Notices())
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
    facts = MLama(toy_mlama, relations=["P17"]).facts("de", "en", Notices())
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
    [("bert", SentenceScore.sum), ("xlm-roberta", SentenceScore.sum), *(("bloom", score) for score in SentenceScore)],
)
def test_rough_and_exact_normalisers_give_the_naive_hits_of_unsure_and_of_confident_models(
    architecture: str, score: SentenceScore, spread_model: Callable[[str, float], LayeredModel], toy_mlama: Path
) -> None:
    relations = MLama(toy_mlama, relations=["P36", "P17"]).facts("de", "en", Notices()).relations
    probing, gaps = ProbingSettings(sentence_score=score), []
    ran = {True: ProbeCounts(), False: ProbeCounts()}
    for spread in SPREADS:
        model, hits = spread_model(architecture, spread), []
        strength = (12 if model.family == "masked" else 80) * spread
        for relation in relations:
            theirs = None
            for rough in ran:
                grid = GridSettings(rough_normalisers=rough)
                compared = _compare(model, relation, probing, None, grid, None, strength, theirs)
                theirs = compared.theirs
                for field in fields(ProbeCounts):
                    more = getattr(compared.counts, field.name)
                    setattr(ran[rough], field.name, getattr(ran[rough], field.name) + more)
            hits.append(compared.hits)
            gaps.append(np.median(compared.theirs.gap))
        together = np.concatenate(hits, axis=1)
        assert 0 < together.mean() < 1
        assert (together != together[0]).any(), "no pair changes any hit, so this would prove nothing"
    assert max(gaps) > 10 * min(gaps)
    for rough, counts in ran.items():
        assert counts.cells == 7 * counts.facts == 7 * 8 * len(relations) * len(SPREADS)
        assert (counts.rough_normalisers > 0) == rough
        assert counts.exact_normalisers > 0, "no bounds left a winner open, so the exact comparison is not proved"
        assert max(counts.rough_normalisers, counts.exact_normalisers) <= counts.normalisers
        assert 0 < counts.undecided_facts < counts.facts or architecture == "bloom"
    assert ran[True].exact_normalisers < ran[False].exact_normalisers / 2, "bounds spare the exact ones"


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
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
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
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
    whole = _compare(model, relation, ProbingSettings(), None).hits
    some = _compare(model, relation, ProbingSettings(), None, pairs=pairs).hits
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
        model = load(model_folder(architecture))
        relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
        notices, plan, grid = Notices(), plan_grid(4, all_pairs(4)), GridSettings()
        pool = pool_of(relation, None, 0)
        probe = build_probe(model, relation, pool, "de P36", ProbingSettings(), build_normaliser(model, grid), notices)
        broken = torch.full((model.blocks + 1, model.hidden_size), torch.nan)
        limits = limits_for(model, plan, grid)
        hits = evaluate(probe, plan, broken, range(len(relation.facts)), limits, lambda steps=1: None)
        assert hits[0].any() or architecture == "bloom"
        assert not hits[1:].any()
        told = notices.as_dict()["Scores that are no finite numbers can never win"]
        uuids = {fact.uuid for fact in relation.facts}
        named = re.fullmatch(r"de P36 (\S+) at pair (\d/\d)", told["examples"][0])
        assert named and named[1] in uuids and named[2] in {str(pair) for pair in all_pairs(4)}


@pytest.mark.parametrize("precision", [Precision.bfloat16, Precision.float16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_half_precision_hits_mostly_what_float32_hits(
    architecture: str, precision: Precision, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    facts = MLama(toy_mlama).facts("de", "en", Notices())
    plan, hits = plan_grid(4, all_pairs(4)), {}
    for kind in (Precision.float32, precision):
        model = load(model_folder(architecture), kind)
        moved = shifts(_vectors(model, 1), _vectors(model, 2))
        rows = []
        for relation in facts.relations:
            notices = Notices()
            rows.append(hits_of(probe_of(model, relation, notices), len(relation.facts), plan, moved))
            assert notices.as_dict() == {}
        hits[kind] = np.concatenate(rows, axis=1)
    assert hits[precision].any()
    assert (hits[precision] == hits[Precision.float32]).mean() > 0.9


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_progress_adds_up_to_all_cells_also_where_facts_cannot_be_asked(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    moved = shifts(_vectors(model, 1), _vectors(model, 2))
    unaskable = {"bert": ("[MASK]", "\u200b"), "bloom": ("", "a")}[architecture]
    cities = [("Frankreich", "Paris"), ("Japan", "Berlin")]
    for facts in ([], cities, [*cities, unaskable], [unaskable], [unaskable, unaskable]):
        relation = relation_of("[X][Y]", facts)
        finished: list[int] = []
        probe = probe_of(model, relation)
        hits = evaluate(probe, plan, moved, range(len(facts)), AMPLE, finished.append)
        assert hits.shape == (7, len(facts))
        assert sum(finished) == hits.size
        assert hits[:, [fact == unaskable for fact in facts]].sum() == 0
        assert set(np.unique(hits)) <= {HIT, MISS}


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_facts_of_a_batch_are_told_apart(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    """Facts in another order are hit as before: nothing leaks from one into the next."""
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    moved = shifts(_vectors(model, 1), _vectors(model, 2))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
    whole = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    assert whole.any()
    order = np.random.default_rng(0).permutation(len(relation.facts))
    shuffled = replace(relation, facts=tuple(relation.facts[fact] for fact in order))
    assert (hits_of(probe_of(model, shuffled), len(order), plan, moved) == whole[:, order]).all()


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_some_of_the_facts_are_hit_as_among_all_of_them(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    moved = shifts(_vectors(model, 1), _vectors(model, 2))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", Notices()).relations[0]
    whole = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    some = [4, 0, 3]
    finished: list[int] = []
    assert whole[:, some].any()
    assert (whole[:, some] != whole[:, sorted(some)]).any()
    hits = evaluate(probe_of(model, relation), plan, moved, some, AMPLE, finished.append)
    assert (hits == whole[:, some]).all()
    assert sum(finished) == hits.size


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_a_pool_of_one_is_hit_in_every_setting(architecture: str, model_folder: Callable[[str], Path]) -> None:
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    relation = relation_of("[X] liegt in [Y] .", [("Japan", "Asien"), ("China", "Asien")])
    moved = shifts(_vectors(model, 1), _vectors(model, 2))
    assert hits_of(probe_of(model, relation), 2, plan, moved).all()


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_a_layer_without_numbers_costs_its_own_pairs_alone(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    relation = MLama(toy_mlama, relations=["P17"]).facts("de", "en", Notices()).relations[0]
    moved = shifts(_vectors(model, 1), _vectors(model, 2))
    whole = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    moved[3, 5] = torch.nan
    spoiled = [pair is not None and 3 in (pair.lirp, pair.lsrp) for pair in plan.settings]
    assert whole[spoiled].any()
    assert whole[np.logical_not(spoiled)].any()
    hits = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    assert not hits[spoiled].any()
    assert (hits[np.logical_not(spoiled)] == whole[np.logical_not(spoiled)]).all()
