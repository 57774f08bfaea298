"""Alignment with bands: values by loop, bands of resamples drawn one by one, and what LRP2 cannot change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.analyses.alignment import compute as module
from lrp2_bench.analyses.alignment.compute import Aligned, Effort, align
from lrp2_bench.analyses.parallel import sentence_clusters
from lrp2_bench.analyses.states import Encoded, StateBank
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data.bitext import Sentence, SentencePair
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.stats.clusters import clusters_of
from lrp2_bench.stats.fact_clusters import embedded_facts
from tests.support.naive import moved, states
from tests.support.probing import load
from tests.support.vectors import two_random_vectors

#: 14 sentences, of which the first three and two more are about one subject each.
CLUSTERS = clusters_of([*"aaabbcdefghijk"])
PAIR = LayerPair(2, 4)


def _sentences() -> list[tuple[Encoded, Encoded]]:
    generator = np.random.default_rng(0)

    def one() -> Encoded:
        ids = tuple(int(token) for token in generator.integers(5, 90, size=generator.integers(2, 9)))
        return Encoded(ids, tuple(range(len(ids) - 1, -1, -2)))

    return [(one(), one()) for _ in CLUSTERS.codes]


def _align(model: LayeredModel, pair: LayerPair | None = PAIR, resamples: int = 300, cka: int = 1000) -> Aligned:
    effort = Effort(resamples=resamples, cka_sentences=cka, halves=30, seed=0)
    bank = StateBank(model, 64, 0)
    moves = shifts(*two_random_vectors(model)) if pair else None
    return align(model, "de", _sentences(), CLUSTERS, bank, pair, moves, effort, batch_tokens=64)


def _by_hand(model: LayeredModel, pair: LayerPair | None) -> np.ndarray:
    """``[layer, sentence]``: cosines, one forward pass a sentence."""
    columns = []
    for ours, theirs in _sentences():
        with moved(model.model, pair, *two_random_vectors(model)):
            mine = states(model.model, torch.tensor([ours.ids]))[:, 0, list(ours.read)].mean(dim=1)
        yours = states(model.model, torch.tensor([theirs.ids]))[:, 0, list(theirs.read)].mean(dim=1)
        columns.append(torch.cosine_similarity(mine.double(), yours.double(), dim=1).numpy())
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_values_and_bands_are_those_of_resamples_taken_one_by_one(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    found = _align(model)
    whole = [_by_hand(model, setting) for setting in (None, PAIR)]
    drawn = CLUSTERS.draws(300, 0)[:, CLUSTERS.codes]
    assert (drawn[:, 0] == drawn[:, 2]).all() and (drawn[:, 0] != drawn[:, 5]).any()  # whole clusters
    means = np.array([[cosines[:, np.repeat(np.arange(14), row)].mean(axis=1) for row in drawn] for cosines in whole])
    for measured, values, samples in (
        (found.cosine[0], whole[0].mean(axis=1), means[0]),
        (found.cosine[1], whole[1].mean(axis=1), means[1]),
        (found.change, (whole[1] - whole[0]).mean(axis=1), means[1] - means[0]),
        (found.inside[None, 2], (whole[1] - whole[0])[2:4].mean(), (means[1] - means[0])[:, 2:4].mean(axis=1)),
    ):
        assert measured is not None
        expected = [np.atleast_1d(values), *np.percentile(samples, (2.5, 97.5), axis=0).reshape(2, -1)]
        np.testing.assert_allclose(measured, np.stack(expected, axis=1), atol=2e-6)
    assert (found.cosine[:, :, 2] - found.cosine[:, :, 1] > 1e-4).all()


def test_lirp_moves_cosines_at_its_layer_and_cka_only_behind_it(model_folder: Callable[[str], Path]) -> None:
    found = _align(load(model_folder("bert")))
    np.testing.assert_array_equal(found.cosine[0, :2], found.cosine[1, :2])
    assert found.change is not None and (np.abs(found.change[2:, 0]) > 1e-4).all()
    np.testing.assert_allclose(found.cka[1, :3], found.cka[0, :3], atol=1e-5)
    assert (np.abs(found.cka[1, 3:, 0] - found.cka[0, 3:, 0]) > 1e-4).all()


def test_blocks_of_sentences_change_nothing(
    model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(model_folder("bert"))
    whole = _align(model, cka=12)
    monkeypatch.setattr(module, "_BLOCK", 3 * 5 * 32 * 4 * 4)  # four sentences
    parts = _align(model, cka=12)
    assert (whole.cka_sentences, parts.cka_sentences) == (12, 12)
    for name in ("cosine", "change", "inside", "cka", "plain_cka"):
        np.testing.assert_allclose(getattr(whole, name), getattr(parts, name), atol=2e-5)


def test_without_a_pair_there_is_the_baseline_model_alone(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    alone, both = _align(model, None), _align(model)
    assert alone.change is None and len(alone.cosine) == len(alone.inside) == len(alone.cka) == 1
    np.testing.assert_allclose(alone.cosine[0], both.cosine[0], atol=1e-7)
    np.testing.assert_allclose(alone.inside[0, 0], alone.cosine[0, 1:, 0].mean())


def test_bands_widen_where_a_subjects_queries_are_alike() -> None:
    rng = np.random.default_rng(0)
    found = np.repeat(rng.normal(size=20), 10)[None, None] + 0.01 * rng.normal(size=(1, 1, 200))
    effort = Effort(resamples=500, cka_sentences=200, halves=2, seed=0)
    by_sentence, by_subject = (
        module._cosine_bands(found, clusters_of([f"{number // size}" for number in range(200)]), range(1), effort)[0]
        for size in (1, 10)
    )
    widths = [float(band[0, 0, 2] - band[0, 0, 1]) for band in (by_sentence, by_subject)]
    assert widths[1] > 2.5 * widths[0]
    # The standard error of a mean of 20 subjects, each known almost without error.
    assert widths[1] == pytest.approx(2 * 1.96 * found[0, 0, ::10].std(ddof=1) / 20**0.5, rel=0.25)


def test_queries_about_one_subject_or_country_are_a_cluster_and_so_is_a_sentence() -> None:
    side = Sentence("a")
    pairs = [SentencePair(f"P{n} {n}", f"subject Q{n // 2}", side, side) for n in range(4)]
    assert sentence_clusters(pairs).codes.tolist() == [0, 0, 1, 1]
    keys = list(embedded_facts())[:60]
    known = [SentencePair(" ".join(key), f"subject {n}", side, side) for n, key in enumerate(keys)]
    assert sentence_clusters(known).kind == "country"
    assert sentence_clusters([SentencePair("One of two.", "One of two.", side, side)]).count == 1
