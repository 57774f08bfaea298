"""Alignment of parallel queries against one hooked forward pass a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lrp2_bench.analyses.alignment.queries import alignment
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair, ParallelFacts, Relation, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.results.tables import AlignmentRow
from tests.support.interventions import edit_of
from tests.support.models import ARCHITECTURES
from tests.support.naive import moved, states
from tests.support.probing import load, relation_of
from tests.support.vectors import two_random_vectors

TOO_LONG = "Parallel queries the model cannot hold were left out of the alignment"


def _align(
    model: LayeredModel,
    facts: ParallelFacts,
    pair: LayerPair | None = None,
    data_warnings: DataWarnings | None = None,
    batch_tokens: int = 2048,
) -> list[AlignmentRow]:
    moves = shifts(*two_random_vectors(model)) if pair else None
    return alignment(
        model, facts, pair, moves, batch_tokens=batch_tokens, data_warnings=data_warnings or DataWarnings()
    )


def _loop(
    model: LayeredModel, facts: ParallelFacts, pair: LayerPair | None, sides: Sequence[str] = ("lirp", "lsrp")
) -> np.ndarray:
    """``[layer]``: the definition, sentence by sentence in float64."""
    cosines = []
    for ours, theirs in zip(facts.relations, facts.pivot_relations, strict=True):
        for fact in ours.facts:
            for other in theirs.facts:
                if other.uuid == fact.uuid:
                    texts = [
                        relation.template.replace("[X]", one.subject).replace("[Y]", one.object)
                        for relation, one in ((ours, fact), (theirs, other))
                    ]
                    ids = [model.tokenizer(text, return_tensors="pt")["input_ids"] for text in texts]
                    with moved(model.model, pair, *two_random_vectors(model), sides):
                        mine = states(model.model, ids[0])[:, 0].double().mean(dim=1).numpy()
                    yours = states(model.model, ids[1])[:, 0].double().mean(dim=1).numpy()
                    norms = np.linalg.norm(mine, axis=1) * np.linalg.norm(yours, axis=1)
                    cosines.append((mine * yours).sum(axis=1) / norms)
    assert len(cosines) == sum(len(relation.facts) for relation in facts.pivot_relations)
    return np.mean(cosines, axis=0)


def _by_hand(ours: Relation, theirs: Relation) -> ParallelFacts:
    return ParallelFacts("de", "en", (ours,), (theirs,), "")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_alignment_equals_one_hooked_forward_a_sentence(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder(architecture))
    facts = MLama(toy_mlama, limit=4).facts("zh", "de", DataWarnings())
    for pair in (LayerPair(1, 3), LayerPair(2, 4)):
        rows = _align(model, facts, pair)
        assert [row.layer for row in rows] == list(range(model.blocks + 1))
        assert {row.facts for row in rows} == {12}
        np.testing.assert_allclose([row.baseline for row in rows], _loop(model, facts, None), atol=1e-5)
        np.testing.assert_allclose([row.lrp2 for row in rows], _loop(model, facts, pair), atol=1e-5)


@pytest.mark.parametrize(("name", "sides"), [("lirp_only", ("lirp",)), ("lsrp_only", ("lsrp",))])
def test_an_ablation_is_aligned_as_it_moves(
    name: str, sides: tuple[str, ...], model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model, pair = load(model_folder("bert")), LayerPair(1, 3)
    facts = MLama(toy_mlama, limit=4).facts("zh", "de", DataWarnings())
    edit = edit_of(name, *two_random_vectors(model))
    rows = alignment(model, facts, pair, edit, batch_tokens=2048, data_warnings=DataWarnings())
    np.testing.assert_allclose([row.lrp2 for row in rows], _loop(model, facts, pair, sides), atol=1e-5)


def test_only_layers_from_lirp_on_are_moved(model_folder: Callable[[str], Path], toy_mlama: Path) -> None:
    model = load(model_folder("bert"))
    facts = MLama(toy_mlama).facts("zh", "en", DataWarnings())
    for pair in all_pairs(model.blocks):
        for row in _align(model, facts, pair):
            assert (row.lrp2 == row.baseline) == (row.layer < pair.lirp)


def test_alignment_does_not_depend_on_the_batches(model_folder: Callable[[str], Path], toy_mlama: Path) -> None:
    facts = MLama(toy_mlama).facts("zh", "en", DataWarnings())
    for architecture in ("bert", "bloom"):
        model = load(model_folder(architecture))
        whole, single = (_align(model, facts, LayerPair(1, 2), batch_tokens=tokens) for tokens in (4096, 1))
        for a, b in zip(whole, single, strict=True):
            assert (a.baseline, a.lrp2) == (pytest.approx(b.baseline, abs=3e-6), pytest.approx(b.lrp2, abs=3e-6))


def test_without_a_pair_there_is_just_the_baseline(model_folder: Callable[[str], Path], toy_mlama: Path) -> None:
    model = load(model_folder("bert"))
    facts = MLama(toy_mlama).facts("de", "en", DataWarnings())
    with_pair, without = _align(model, facts, LayerPair(1, 2)), _align(model, facts)
    assert [replace(row, lrp2=None) for row in with_pair] == without


def test_facts_the_pivot_lacks_do_not_count(model_folder: Callable[[str], Path], toy_mlama: Path) -> None:
    model = load(model_folder("bert"))
    facts = MLama(toy_mlama, relations=["P36"]).facts("de", "zh", DataWarnings())
    assert len(facts.relations[0].facts) == 8
    rows = _align(model, facts)
    assert {row.facts for row in rows} == {7}
    np.testing.assert_allclose([row.baseline for row in rows], _loop(model, facts, None), atol=1e-5)


def test_a_language_is_aligned_with_itself(model_folder: Callable[[str], Path], toy_mlama: Path) -> None:
    for architecture in ("bert", "bloom"):
        rows = _align(load(model_folder(architecture)), MLama(toy_mlama).facts("en", "en", DataWarnings()))
        assert {row.baseline for row in rows} == {1.0}


def test_without_a_shared_fact_the_mean_is_of_nothing(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    facts = _by_hand(relation_of("[X] [Y]", [("Japan", "Tokio")]), relation_of("[X] [Y]", []))
    rows = _align(model, facts, LayerPair(1, 2))
    assert len(rows) == 5
    assert all(np.isnan(row.baseline) and np.isnan(row.lrp2 or 0) and row.facts == 0 for row in rows)


@pytest.mark.parametrize("side", [0, 1])
def test_a_sentence_longer_than_the_models_positions_is_left_out_and_counted(
    side: int, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder("bert"))
    plain = relation_of("[X] liegt in [Y] .", [("Japan", "Asien"), ("China", "Asien")])
    long = relation_of("[X] liegt in [Y] .", [("Japan", "Asien"), ("China " * 80, "Asien")])
    data_warnings = DataWarnings()
    rows = _align(model, _by_hand(*((long, plain) if side == 0 else (plain, long))), data_warnings=data_warnings)
    assert data_warnings.as_dict()[TOO_LONG] == {"count": 1, "examples": ["P1 uuid-1"]}
    assert {(row.baseline, row.facts) for row in rows} == {(1.0, 1)}
