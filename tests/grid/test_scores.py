"""The engine's scores are those of one hooked forward pass per pair, whole sentences and all log-partitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ProbingSettings, SentenceScore
from lrp2_bench.core.types import LayerPair, Relation
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.engine import Scores, evaluate, evaluate_scores
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.bloom import BloomModel
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.pools import Pool, pool_of
from tests.support import naive
from tests.support.families import build_family
from tests.support.loading import load_as
from tests.support.probing import AMPLE, load, relation_of
from tests.support.vectors import random_vectors

PAIRS = (LayerPair(1, 3), LayerPair(2, 4, 0.5))


def scored(
    model: LayeredModel,
    relation: Relation,
    pool: Pool,
    probing: ProbingSettings | None = None,
    limits: Limits = AMPLE,
    data_warnings: DataWarnings | None = None,
) -> Scores:
    """``[setting, fact, candidate]`` of the baseline and the two pairs."""
    data_warnings = data_warnings or DataWarnings()
    log_partition = build_log_partition(model, GridSettings())
    probe = build_probe(
        model, relation, pool, "xx P1", probing or ProbingSettings(), log_partition, data_warnings, full=True
    )
    plan = plan_grid(model.blocks, PAIRS)
    edit = shifts(random_vectors(model, 1), random_vectors(model, 2))
    told: list[int] = []
    found = evaluate_scores(probe, plan, edit, limits, lambda steps=1: told.append(steps))
    assert sum(told) == len(plan.settings) * len(relation.facts)
    return found


def plainly(model: LayeredModel, relation: Relation, pool: Pool, *, mean: bool, closing: bool = False) -> Scores:
    shape = (1 + len(PAIRS), *pool.allowed.shape)
    found = np.full(shape, np.nan, dtype=np.float32)
    language, pivot = random_vectors(model, 1), random_vectors(model, 2)
    for row, setting in enumerate((None, *PAIRS)):
        with naive.moved(model.model, setting, language, pivot), torch.no_grad():
            for fact, allowed in enumerate(pool.allowed):
                labels = [pool.labels[place] for place in allowed.nonzero()[0]]
                subject = relation.facts[fact].subject
                found[row, fact, allowed] = naive.scores_of(
                    model.model, model.tokenizer, relation.template, subject, labels, mean, closing
                )
    return found


def compare(model: LayeredModel, relation: Relation, size: int | None, probing: ProbingSettings, *, mean: bool) -> None:
    pool = pool_of(relation, size, 0)
    ours = scored(model, relation, pool, probing)
    np.testing.assert_allclose(ours, plainly(model, relation, pool, mean=mean, closing=probing.closing_sentinel),
                               atol=2e-4, rtol=1e-5)  # fmt: skip
    assert (np.isnan(ours) == ~pool.allowed).all()
    assert np.nanmax(np.abs(ours[0] - ours[1])) > 0.01, "no pair changes a score, so this would prove nothing"


def relations(mlama: Path) -> tuple[Relation, ...]:
    return MLama(mlama, relations=["P36", "P17"]).facts("de", "en", DataWarnings()).relations


@pytest.mark.parametrize("size", [None, 3])
@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_scores_are_those_of_naive_forward_passes(
    architecture: str, size: int | None, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    for relation in relations(toy_mlama):
        compare(model, relation, size, ProbingSettings(), mean=False)
        if architecture == "bloom":
            compare(model, relation, size, ProbingSettings(sentence_score=SentenceScore.mean), mean=True)


def test_scores_of_sentences_in_rows_of_their_own_are_the_same(
    model_folder: Callable[[str], Path], toy_mlama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BloomModel, "packs", False)
    compare(load(model_folder("bloom")), relations(toy_mlama)[0], None, ProbingSettings(), mean=False)


@pytest.mark.parametrize("family", ["llama", "gpt2", pytest.param("gemma2", marks=pytest.mark.slow)])
def test_scores_of_generic_models_are_those_of_naive_forward_passes(
    family: str, tmp_path: Path, toy_mlama: Path
) -> None:
    compare(load_as(build_family(tmp_path, family)), relations(toy_mlama)[0], 4, ProbingSettings(), mean=False)


@pytest.mark.parametrize(
    "probing", [ProbingSettings(), pytest.param(ProbingSettings(closing_sentinel=True), marks=pytest.mark.slow)]
)
def test_scores_of_encoder_decoders_are_those_of_naive_forward_passes(
    probing: ProbingSettings, seq2seq_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    compare(load_as(seq2seq_folder("umt5")), relations(toy_mlama)[0], None, probing, mean=True)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_the_first_of_the_highest_scores_is_the_hit_however_batches_are_cut(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    for relation in relations(toy_mlama):
        pool, plan = pool_of(relation, None, 0), plan_grid(model.blocks, PAIRS)
        whole, cut = scored(model, relation, pool), scored(model, relation, pool, limits=Limits(16, 8))
        np.testing.assert_allclose(cut, whole, atol=2e-4, rtol=1e-5)
        log_partition = build_log_partition(model, GridSettings())
        probe = build_probe(model, relation, pool, "xx", ProbingSettings(), log_partition, DataWarnings())
        edit = shifts(random_vectors(model, 1), random_vectors(model, 2))
        hits = evaluate(probe, plan, edit, range(len(relation.facts)), AMPLE, lambda steps=1: None)
        top = np.sort(whole, axis=2)
        sure = top[..., -1] - top[..., -2] > 1e-3
        assert ((whole.argmax(axis=2) == pool.gold) == hits)[sure].all() and sure.mean() > 0.8


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_candidates_without_tokens_alike_or_of_subjects_with_a_mask_are_scored_as_far_as_they_can_be(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    """The own object of the second fact has no token of its own, that of the third the tokens of the first's."""
    model = load(model_folder(architecture))
    masked = model.family == "masked"
    odd = "\u00ad" if masked else "Berlin"
    facts = [("Deutschland", "Berlin"), ("Ägypten", odd), ("Japan [MASK]", "Tokio"), ("China", "Peking")]
    relation = relation_of("Die Hauptstadt von [X] ist [Y] .", facts)
    found = scored(model, relation, pool_of(relation, None, 0))
    own = {label: place for place, label in enumerate(relation.pool)}
    assert np.isfinite(found[:, 0, own["Berlin"]]).all() and np.isfinite(found[:, 1, own["Peking"]]).all()
    assert not np.isnan(found).any()
    if masked:
        assert np.isneginf(found[:, :, own[odd]]).all() and np.isneginf(found[:, 2]).all()
