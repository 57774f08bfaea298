"""Candidate pools: the definition, the same objects in every language, and determinism."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ProbingSettings
from lrp2_bench.core.types import Fact, Relation
from lrp2_bench.data.mlama import MLama
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import pool_size
from lrp2_bench.probing.pools import Pool, pool_of
from tests.support.paths import MLAMA_ZIP, needs_mlama
from tests.support.probing import relation_of

CITIES = [f"City {number:02d}" for number in range(40)]


@pytest.fixture
def relation() -> Relation:
    """Forty facts, two of which share an object."""
    facts = [(f"subject {number}", city) for number, city in enumerate(CITIES)]
    return relation_of("[X] is in [Y] .", [*facts, ("subject 40", CITIES[3])])


def _elsewhere(relation: Relation, without: set[str]) -> Relation:
    """The relation in another language, which has no label for the object ids ``without``."""
    objects = {id_: f"Ort {ord(label[-1]) % 7} {id_}" for id_, label in relation.objects.items() if id_ not in without}
    facts = tuple(replace(f, object=objects[f.object_id]) for f in relation.facts if f.object_id in objects)
    return Relation(relation.name, "[Y]: [X]", facts, objects)


def _candidates(pool: Pool, row: int) -> list[str]:
    return [pool.labels[index] for index in pool.allowed[row].nonzero()[0]]


def _defined(relation: Relation, fact: Fact, seed: int, others: int = 9) -> list[str]:
    """The definition read literally: ids by hash of (seed, line id, object id), the first whose labels are new."""
    hashes = {id_: hashlib.sha256(f"{seed}\t{fact.line_id}\t{id_}".encode()).hexdigest() for id_ in relation.objects}
    chosen: list[str] = []
    for _, object_id in sorted((digest, object_id) for object_id, digest in hashes.items()):
        label = relation.objects[object_id]
        if label != fact.object and label not in chosen and len(chosen) < others:
            chosen.append(label)
    return sorted([fact.object, *chosen])


def _object_ids(pool: Pool, relation: Relation, row: int) -> set[str]:
    by_label = {label: object_id for object_id, label in relation.objects.items()}
    return {by_label[label] for label in _candidates(pool, row)}


def test_the_full_pool_is_every_object_for_every_fact(relation: Relation) -> None:
    pool = pool_of(relation, None, 0)
    assert pool.labels == tuple(CITIES)
    assert pool.allowed.shape == (41, 40)
    assert pool.allowed.all()


@pytest.mark.parametrize("size", [None, 2, 10, 1000])
def test_gold_points_at_each_facts_own_object_and_always_competes(size: int | None, relation: Relation) -> None:
    pool = pool_of(relation, size, 0)
    assert [pool.labels[index] for index in pool.gold] == [fact.object for fact in relation.facts]
    assert pool.allowed[np.arange(41), pool.gold].all()
    assert (pool.allowed.sum(axis=1) == min(size or 40, 40)).all()


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_pools_of_ten_follow_the_definition(seed: int, relation: Relation) -> None:
    twins = replace(relation, objects={**relation.objects, "Q999": CITIES[5], "Q998": CITIES[7]})
    for one in (relation, twins):
        pool = pool_of(one, 10, seed)
        for row, fact in enumerate(one.facts):
            assert _candidates(pool, row) == _defined(one, fact, seed)
            assert len(_candidates(pool, row)) == 10


@needs_mlama
@pytest.mark.parametrize("language", ["de", "ceb"])
def test_pools_of_ten_follow_the_definition_on_real_mlama(language: str) -> None:
    facts = MLama(MLAMA_ZIP, relations=["P17", "P36", "P106"], limit=40).facts(language, "en", DataWarnings())
    for relation in (*facts.relations, *facts.pivot_relations):
        pool = pool_of(relation, 10, 0)
        for row, fact in enumerate(relation.facts):
            assert _candidates(pool, row) == _defined(relation, fact, 0)
            assert len(_candidates(pool, row)) == min(10, len(relation.pool))


def test_every_language_gets_the_same_objects_where_it_has_them(relation: Relation) -> None:
    ours, whole = pool_of(relation, 10, 0), _elsewhere(relation, set())
    theirs = pool_of(whole, 10, 0)
    for row in range(len(relation.facts)):
        assert _object_ids(ours, relation, row) == _object_ids(theirs, whole, row)


def test_a_missing_object_is_replaced_and_the_others_stay(relation: Relation) -> None:
    ours = pool_of(relation, 10, 0)
    missing = {"Q7", "Q20", "Q33"}
    fewer = _elsewhere(relation, missing)
    theirs = pool_of(fewer, 10, 0)
    rows = {fact.line_id: row for row, fact in enumerate(relation.facts)}
    changed = 0
    for row, fact in enumerate(fewer.facts):
        before, after = _object_ids(ours, relation, rows[fact.line_id]), _object_ids(theirs, fewer, row)
        assert len(after) == 10
        assert before - missing <= after
        changed += bool(before & missing)
    assert changed > 5


def test_a_limit_changes_no_pool(relation: Relation) -> None:
    cut = replace(relation, facts=relation.facts[:5])
    assert (pool_of(cut, 10, 0).allowed == pool_of(relation, 10, 0).allowed[:5]).all()


def test_pools_are_the_same_each_time_and_others_with_another_seed(relation: Relation) -> None:
    pools = [pool_of(relation, 10, seed).allowed for seed in (0, 0, 1)]
    assert (pools[0] == pools[1]).all()
    assert (pools[0] != pools[2]).any(axis=1).mean() > 0.9


def test_facts_of_one_object_get_pools_of_their_own(relation: Relation) -> None:
    pool = pool_of(relation, 10, 0)
    assert pool.gold[3] == pool.gold[40]
    assert (pool.allowed[3] != pool.allowed[40]).any()


def test_candidates_differ_in_their_labels(relation: Relation) -> None:
    names = {"Q0": "Springfield", "Q1": "Springfield", "Q2": "Springfield", "Q3": "Shelbyville"}
    facts = (Fact("P1", 0, "u", "s", "S", "Springfield", "Q1"),)
    pool = pool_of(Relation("P1", "[X] [Y]", facts, names), 10, 0)
    assert pool.labels == ("Shelbyville", "Springfield")
    assert _candidates(pool, 0) == ["Shelbyville", "Springfield"]


def test_a_relation_with_a_single_object_has_a_pool_of_one() -> None:
    pool = pool_of(relation_of("[X] [Y]", [("a", "Paris"), ("b", "Paris")]), 10, 0)
    assert pool.allowed.tolist() == [[True], [True]]


def test_a_relation_without_facts_has_an_empty_pool() -> None:
    for size in (None, 10):
        pool = pool_of(relation_of("[X] [Y]", []), size, 0)
        assert (pool.labels, pool.gold.shape, pool.allowed.shape) == ((), (0,), (0, 0))


@pytest.mark.parametrize("size", [1, 0, -3])
def test_a_pool_that_leaves_nothing_to_choose_is_refused(size: int, relation: Relation) -> None:
    with pytest.raises(BenchError, match=f"probing.pool_size={size}"):
        pool_of(relation, size, 0)


class _Family(LayeredModel):
    def __init__(self, family: str) -> None:
        self.family = family


_Family.__abstractmethods__ = frozenset()


@pytest.mark.parametrize(
    ("family", "setting", "size"),
    [("masked", "auto", None), ("causal", "auto", 10), ("masked", 10, 10), ("causal", None, None), ("causal", 2, 2)],
)
def test_auto_is_the_papers_pool(family: str, setting: object, size: int | None) -> None:
    assert pool_size(_Family(family), ProbingSettings(pool_size=setting)) == size


@pytest.mark.parametrize("setting", ["full", 1, 2.5, True, "10"])
def test_a_setting_that_is_no_size_is_refused_with_the_valid_ones(setting: object) -> None:
    with pytest.raises(BenchError, match=r"probing.pool_size=.*null \(full pool\) or auto"):
        pool_size(_Family("causal"), ProbingSettings(pool_size=setting))


@needs_mlama
def test_pools_of_real_languages_share_their_objects() -> None:
    facts = MLama(MLAMA_ZIP, relations=["P36"], limit=60).facts("de", "en", DataWarnings())
    ours, theirs = facts.relations[0], facts.pivot_relations[0]
    german, english = pool_of(ours, 10, 0), pool_of(theirs, 10, 0)
    rows = {fact.line_id: row for row, fact in enumerate(ours.facts)}
    shared = []
    for row, fact in enumerate(theirs.facts):
        mine = {
            ours.objects[i]
            for i in theirs.objects
            if i in ours.objects and theirs.objects[i] in _candidates(english, row)
        }
        shared.append(len(mine & set(_candidates(german, rows[fact.line_id]))))
    assert len(shared) > 40
    assert np.mean(shared) > 8
