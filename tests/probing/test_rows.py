"""A prefix tree's sentences as rows of their own: every path once, every scored node once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given

from lrp2_bench.core.settings import ProbingSettings, SentenceScore
from lrp2_bench.core.types import all_pairs
from lrp2_bench.grid.cost import grid_cost, model_shape
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.bloom import BloomModel
from lrp2_bench.probing.prefix_tree import plant
from lrp2_bench.probing.rows import rows_of
from tests.probing.test_prefix_tree import Sentence, sentences_of_few_tokens
from tests.support.probing import decide_all, hits_of, load, probe_of, relation_of
from tests.support.properties import steady
from tests.support.vectors import random_vectors

CITIES = [("Frankreich", "Paris"), ("Deutschland", "Berlin"), ("Japan", "Tokio"), ("Ägypten", "Kairo")]


@steady
@given(sentences=sentences_of_few_tokens)
@example(sentences=[(0, 1), (0, 1, 2), (0, 1, 2, 0)])  # each begins the next
@example(sentences=[(0, 1), (1, 1), (2, 1)])  # a prefix tree
def test_every_scored_node_is_read_once_behind_the_tokens_it_follows(sentences: list[Sentence]) -> None:
    prefix_tree = plant(sentences, cancel=False)
    rows = rows_of(prefix_tree)
    longest = {s[:-1] for s in sentences if not any(o[: len(s) - 1] == s[:-1] and len(o) > len(s) for o in sentences)}
    assert {tuple(ids) for ids in rows.ids} == longest and len(rows.ids) == len(longest)
    for node, (row, place) in zip(prefix_tree.scored, rows.slots, strict=True):
        end = rows.read[row][place] + 1
        above = sorted(prefix_tree.visible[node].nonzero()[0].tolist(), key=lambda other: prefix_tree.depth[other])
        assert rows.ids[row][:end] == [prefix_tree.ids[other] for other in above]
    assert sum(map(len, rows.read)) == len(prefix_tree.scored)


@pytest.mark.parametrize("score", [SentenceScore.sum, SentenceScore.mean])
@pytest.mark.parametrize("template", ["[X] liegt bei [Y] .", "[Y] [X]", "[X] [Y]"])
def test_rows_give_the_hits_of_the_packed_prefix_tree(
    template: str, score: SentenceScore, model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, relation = load(model_folder("bloom")), relation_of(template, CITIES, ["Bonn", "Oslo", "Paris Berlin"])
    plan, moved = plan_grid(4, all_pairs(4)), shifts(random_vectors(model, 1), random_vectors(model, 2))
    hits = []
    for packs in (True, False):
        monkeypatch.setattr(BloomModel, "packs", packs)
        probe = probe_of(model, relation, probing=ProbingSettings(sentence_score=score))
        hits.append(hits_of(probe, len(CITIES), plan, moved))
    assert np.array_equal(*hits)
    assert 0 < hits[0].mean() < 1


def test_what_rows_cost_is_what_is_counted_before(
    model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BloomModel, "packs", False)
    model = load(model_folder("bloom"))
    probe = probe_of(model, relation_of("[X] liegt bei [Y] .", CITIES, ["Bonn", "Oslo"]))
    plan, moved = plan_grid(4, all_pairs(4)), shifts(random_vectors(model, 1), random_vectors(model, 2))
    cost = grid_cost(model_shape(model), plan, probe.workload(4096).certain)
    runner, _ = decide_all(probe, plan, moved)
    assert (runner.work.rows, runner.work.tokens, runner.work.finals) == (cost.rows, cost.tokens, cost.finals)
