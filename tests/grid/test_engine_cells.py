"""Every cell of the engine's hits stands on its own: other facts, or numbers that are none, change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, Precision, ProbingSettings
from lrp2_bench.core.types import HIT, MISS, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.probing.build import build_log_partition, build_probe
from lrp2_bench.probing.pools import pool_of
from tests.support.models import ARCHITECTURES
from tests.support.probing import AMPLE, hits_of, load, probe_of, relation_of
from tests.support.vectors import random_vectors


def test_scores_that_are_not_numbers_are_counted_and_never_win(
    model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    for architecture in ("bert", "bloom"):
        model = load(model_folder(architecture))
        relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
        data_warnings, plan, grid = DataWarnings(), plan_grid(4, all_pairs(4)), GridSettings()
        pool = pool_of(relation, None, 0)
        probe = build_probe(
            model, relation, pool, "de P36", ProbingSettings(), build_log_partition(model, grid), data_warnings
        )
        broken = torch.full((model.blocks + 1, model.hidden_size), torch.nan)
        limits = limits_for(model, plan, grid)
        hits = evaluate(probe, plan, broken, range(len(relation.facts)), limits, lambda steps=1: None)
        assert hits[0].any() or architecture == "bloom"
        assert not hits[1:].any()
        told = data_warnings.as_dict()["Scores that are no finite numbers can never win"]
        uuids = {fact.uuid for fact in relation.facts}
        named = re.fullmatch(r"de P36 (\S+) at pair (\d/\d)", told["examples"][0])
        assert named and named[1] in uuids and named[2] in {str(pair) for pair in all_pairs(4)}


@pytest.mark.parametrize("precision", [Precision.bfloat16, Precision.float16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_half_precision_hits_mostly_what_float32_hits(
    architecture: str, precision: Precision, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    facts = MLama(toy_mlama).facts("de", "en", DataWarnings())
    plan, hits = plan_grid(4, all_pairs(4)), {}
    for kind in (Precision.float32, precision):
        model = load(model_folder(architecture), kind)
        moved = shifts(random_vectors(model, 1), random_vectors(model, 2))
        rows = []
        for relation in facts.relations:
            data_warnings = DataWarnings()
            rows.append(hits_of(probe_of(model, relation, data_warnings), len(relation.facts), plan, moved))
            assert data_warnings.as_dict() == {}
        hits[kind] = np.concatenate(rows, axis=1)
    assert hits[precision].any()
    assert (hits[precision] == hits[Precision.float32]).mean() > 0.9


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_progress_adds_up_to_all_cells_also_where_facts_cannot_be_asked(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    moved = shifts(random_vectors(model, 1), random_vectors(model, 2))
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
    moved = shifts(random_vectors(model, 1), random_vectors(model, 2))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
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
    moved = shifts(random_vectors(model, 1), random_vectors(model, 2))
    relation = MLama(toy_mlama, relations=["P36"]).facts("de", "en", DataWarnings()).relations[0]
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
    moved = shifts(random_vectors(model, 1), random_vectors(model, 2))
    assert hits_of(probe_of(model, relation), 2, plan, moved).all()


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_a_layer_without_numbers_costs_its_own_pairs_alone(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model, plan = load(model_folder(architecture)), plan_grid(4, all_pairs(4))
    relation = MLama(toy_mlama, relations=["P17"]).facts("de", "en", DataWarnings()).relations[0]
    moved = shifts(random_vectors(model, 1), random_vectors(model, 2))
    whole = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    moved[3, 5] = torch.nan
    spoiled = [pair is not None and 3 in (pair.lirp, pair.lsrp) for pair in plan.settings]
    assert whole[spoiled].any()
    assert whole[np.logical_not(spoiled)].any()
    hits = hits_of(probe_of(model, relation), len(relation.facts), plan, moved)
    assert not hits[spoiled].any()
    assert (hits[np.logical_not(spoiled)] == whole[np.logical_not(spoiled)]).all()
