"""Metrics beyond the paper's two: judged as accuracy is wherever they are accuracy, and by the jackknife elsewhere."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Hits, LayerPair
from lrp2_bench.metrics.base import FactHits, Metric, Values
from lrp2_bench.metrics.registry import PAPER, metric, names_of
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.assess import assess
from lrp2_bench.stats.clusters import Clusters, clusters_of
from lrp2_bench.stats.further import further_of
from lrp2_bench.stats.held_out import FOLDS, cross_fitted
from lrp2_bench.stats.paired_intervals import further_level, level_interval, paired_changes
from lrp2_bench.stats.resampled import Sampled
from lrp2_bench.stats.weighted import ClusterSums, as_weights

RNG = np.random.default_rng(0)
FACTS = 240
HITS: Hits = (RNG.random((5, FACTS)) < 0.5).astype(np.int8)
PIVOT: Hits = RNG.integers(-1, 2, FACTS).astype(np.int8)
KNOWN: Hits = np.ones(FACTS, dtype=np.int8)
RELATIONS = tuple("abcd"[number % 4] if number % 3 else "a" for number in range(FACTS))
CLUSTERS = clusters_of([str(label) for label in RNG.integers(0, 80, FACTS)])
FURTHER = [name for name in names_of("hits") if name not in PAPER]


def data_of(pivot: Hits = PIVOT, facts: np.ndarray | None = None) -> FactHits:
    found = FactHits(HITS, pivot, RELATIONS, HITS[0])
    return found if facts is None else found.of(facts)


def sampled(name: str, pivot: Hits = PIVOT, relations: tuple[str, ...] = RELATIONS) -> Sampled:
    settings = (None, *(LayerPair(1, layer) for layer in range(2, 6)))
    stored = StoredHits(tuple((relation, str(n)) for n, relation in enumerate(relations)), settings, HITS)
    return Sampled(stored, pivot, CLUSTERS, resamples=100, metric=metric(name))


@pytest.mark.parametrize("name", FURTHER)
def test_the_error_is_the_jackknifes_where_facts_are_independent(name: str) -> None:
    alone = clusters_of([str(number) for number in range(FACTS)])
    found = paired_changes(HITS, PIVOT, alone, name, further=further_of(metric(name), data_of()))
    values = metric(name).values(data_of())
    assert found.value == pytest.approx(values - values[0])
    parts = [np.broadcast_to(part, HITS.shape) for part in metric(name).parts(data_of())]
    left = metric(name).of_sums(*(part.sum(axis=1, keepdims=True) - part for part in parts)).T
    jackknife = np.sqrt(((left - left[:, :1] - (left - left[:, :1]).mean(0)) ** 2).sum(0))
    # the interval has one fact more that differs
    unit = found.design_effect * further_of(metric(name), data_of()).unit  # type: ignore[union-attr]
    assert found.error[1:] == pytest.approx(np.sqrt(found.design_effect * jackknife**2 + unit**2)[1:], rel=0.03)


def everywhere_accuracy() -> list[tuple[str, tuple[str, ...]]]:
    """Where the pivot knows every fact and relations are of a size."""
    return [("recall_pivot_hit", RELATIONS), ("accuracy_macro", tuple("abcd"[n % 4] for n in range(FACTS)))]


@pytest.mark.parametrize(("name", "relations"), everywhere_accuracy())
def test_a_metric_that_is_accuracy_on_these_facts_is_judged_as_accuracy_is(
    name: str, relations: tuple[str, ...]
) -> None:
    found = sampled(name, KNOWN, relations)
    for part in (field.name for field in fields(found.changes[name])):
        assert getattr(found.changes[name], part) == pytest.approx(getattr(found.changes["accuracy"], part), rel=1e-4)
    one, same = assess(found, LayerPair(1, 3), name), assess(found, LayerPair(1, 3), "accuracy")
    assert one.confidence_set == same.confidence_set and one.held_out.chosen == same.held_out.chosen
    assert one.largest.observed == pytest.approx(same.largest.observed, rel=1e-4)
    for part in ("without", "lrp2", "change", "held_out"):
        mine, its = getattr(one.measured[name], part), getattr(same.measured["accuracy"], part)
        assert (mine.value, mine.low, mine.high) == pytest.approx((its.value, its.low, its.high), abs=1e-3)


@pytest.mark.parametrize("name", FURTHER)
def test_each_fact_is_taken_at_the_row_that_the_other_folds_choose(name: str) -> None:
    further = further_of(metric(name), data_of())
    fold = CLUSTERS.folds(FOLDS, np.random.default_rng(1))
    sums = ClusterSums(HITS, PIVOT, CLUSTERS, further)
    chosen, gains = cross_fitted(sums(as_weights(np.arange(FOLDS)[:, None] == fold)).reshaped(FOLDS, 1), name)
    of_fact = fold[CLUSTERS.codes]
    parts = [np.broadcast_to(part, HITS.shape) for part in metric(name).parts(data_of())]
    pooled = np.zeros(len(parts))
    for number in range(FOLDS):
        others = of_fact != number
        expected = metric(name).of_sums(*(part[:, others].sum(axis=1) for part in parts))
        assert chosen[number, 0] == int(metric(name).merit(np.round(expected, 3)).argmax())
        pooled += [part[chosen[number, 0], ~others].sum() for part in parts]
    before = metric(name).values(data_of())[0]
    assert gains[name][0] == pytest.approx(float(metric(name).of_sums(*pooled[:, None])[0]) - before, abs=1e-3)


def test_where_less_is_better_nothing_lost_is_best_and_the_upper_bound_allows_for_the_choice() -> None:
    found = sampled("hit_to_miss_pivot_hit")
    assert found.held_out("hit_to_miss_pivot_hit").chosen == {0: 100.0}
    assert found.held_out("hit_to_miss_pivot_hit").gain["hit_to_miss_pivot_hit"].value == 0
    values = found.values["hit_to_miss_pivot_hit"]
    best = found.pairs[int(values[1:].argmin())]
    assert best in found.confidence_set("hit_to_miss_pivot_hit")
    change = assess(found, best, "hit_to_miss_pivot_hit").measured["hit_to_miss_pivot_hit"].change
    plain = found.changes["hit_to_miss_pivot_hit"].interval(1 + found.pairs.index(best))
    assert change.low == plain.low and change.high >= plain.high


def test_a_level_has_the_interval_of_the_facts_that_it_is_over() -> None:
    of: Clusters = clusters_of([str(number) for number in range(FACTS)])
    further = further_of(metric("recall_pivot_hit"), data_of())
    assert further is not None
    found, _ = further_level(further, 0, of)
    given = PIVOT == 1
    alone, _ = level_interval(
        HITS[0, given], PIVOT[given], clusters_of([str(n) for n in range(int(given.sum()))]), "accuracy"
    )
    assert (found.value, found.low, found.high) == pytest.approx((alone.value, alone.low, alone.high), abs=0.2)


def test_a_metric_without_parts_or_of_scores_is_refused_and_the_papers_two_need_nothing() -> None:
    class Plain(Metric):
        name = label = description = "plain"

        def values(self, data: FactHits) -> Values:
            return np.zeros(len(data.hits))

    with pytest.raises(BenchError, match="'plain' has no `parts`"):
        further_of(Plain(), data_of())
    with pytest.raises(BenchError, match="lrp2-bench score"):
        further_of(metric("mrr"), data_of())
    assert further_of(metric("accuracy"), data_of()) is None and further_of(None, data_of()) is None


def test_a_metric_over_no_facts_stays_no_number_and_draws_no_warning() -> None:
    found = sampled("recall_pivot_hit", np.zeros(FACTS, dtype=np.int8))
    assert np.isnan(found.values["recall_pivot_hit"]).all()
    assert found.held_out("recall_pivot_hit").gain["recall_pivot_hit"].value == 0


def test_a_mean_over_relations_is_as_uncertain_as_its_small_relations_make_it() -> None:
    """One relation of 1,000 facts and 19 of 20: a fact of these is worth a quarter of a point, and the mean varies as a
    share of few hundred facts does."""
    relations = tuple(f"P{of}" for of, size in enumerate([1000] + [20] * 19) for _ in range(size))
    rng, clusters = np.random.default_rng(0), clusters_of([str(fact) for fact in range(len(relations))], "fact")
    inside, values, widths = [], [], []
    for _ in range(200):
        hits = (rng.random((1, len(relations))) < 0.4).astype(np.int8)
        made = further_of(metric("accuracy_macro"), FactHits(hits, np.ones_like(hits[0]), relations, hits[0]))
        assert made is not None and made.unit[0] == pytest.approx(100 / 20 / 20)
        level, _ = further_level(made, 0, clusters)
        inside.append(level.low <= 40 <= level.high)
        values.append(level.value)
        widths.append((level.high - level.low) / 2)
    assert np.mean(inside) > 0.9
    assert np.mean(widths) == pytest.approx(1.96 * np.std(values), rel=0.2)
