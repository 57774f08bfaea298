"""The published numbers, value by value where the paper's text lets us check them."""

from __future__ import annotations

import pytest

from lrp2_bench.core.languages import GROUPS, groups
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data import published


def test_table_1_has_the_papers_values() -> None:
    assert published.group_mean("mbert", "mlama", "transferability", "all") == published.PublishedMean(35.2, 36.3)
    assert published.group_mean("bloom_560m", "mlama", "accuracy", "low") == published.PublishedMean(16.1, 19.3)
    assert published.group_mean("mbert", "mlama", "accuracy", "english") == published.PublishedMean(35.2, 35.2)
    assert published.group_mean("mbert", "mlama", "transferability", "english") == published.PublishedMean(None, None)


@pytest.mark.parametrize(("model", "dataset"), [("xlmr", "mlama"), ("mbert", "xfactr")])
def test_what_was_not_published_is_none(model: str, dataset: str) -> None:
    assert not published.has_tables(model, dataset)
    assert published.group_mean(model, dataset, "accuracy", "all") is None
    assert published.optimal_pairs(model, dataset) == {}


def test_a_group_the_paper_lacks_is_none() -> None:
    assert published.group_mean("mbert", "mlama", "accuracy", "bloom_trained") is None


@pytest.mark.parametrize(("model", "blocks"), [("mbert", 12), ("bloom_560m", 24)])
def test_every_language_has_an_optimal_pair_within_the_models_blocks(model: str, blocks: int) -> None:
    pairs = published.optimal_pairs(model, "mlama")
    assert sorted(pairs) == list(GROUPS["all"])
    assert all(pair.lsrp <= blocks for pair in pairs.values())


def test_the_optimal_pairs_are_the_papers_in_its_order() -> None:
    assert published.optimal_pairs("mbert", "mlama")["zh"] == LayerPair(4, 10)
    assert published.optimal_pairs("bloom_560m", "mlama")["zh"] == LayerPair(17, 23)
    assert list(published.optimal_pairs("mbert", "mlama"))[:3] == ["ceb", "cs", "cy"]


def test_table_2_averages_over_all_pairs_of_the_41_relations() -> None:
    found = published.shared_neurons("mbert", "mlama", "zh", "en")
    assert found is not None and found[0] == (17.9, 11.5, 11.7)
    for same, different, average in found:
        assert (same + 40 * different) / 41 == pytest.approx(average, abs=0.05)


@pytest.mark.parametrize("given", [("bloom_560m", "mlama", "zh", "en"), ("mbert", "cldr", "zh", "en"),
                                   ("mbert", "mlama", "en", "zh"), ("mbert", "mlama", "de", "en")])  # fmt: skip
def test_shared_neurons_of_others_are_not_published(given: tuple[str, str, str, str]) -> None:
    assert published.shared_neurons(*given) is None


def averages_fit(sizes: dict[str, int]) -> bool:
    """Whether every row's means over classes of these sizes average to its last column, each rounded to 0.1."""
    for model in ("mbert", "bloom_560m"):
        for metric in ("accuracy", "transferability"):
            cells = {name: published.group_mean(model, "mlama", metric, name) for name in (*sizes, "all")}
            for side in ("without", "lrp2"):
                means = {name: getattr(cell, side) for name, cell in cells.items()}
                average = sum(size * means[name] for name, size in sizes.items()) / 52
                if abs(average - means["all"]) > 0.1 + 1e-9:
                    return False
    return True


def test_only_the_implied_sizes_of_the_resource_classes_fit_the_published_averages() -> None:
    fitting = [
        (high, medium, 52 - high - medium)
        for high in range(1, 51)
        for medium in range(1, 52 - high)
        if averages_fit({"high": high, "medium": medium, "low": 52 - high - medium})
    ]
    assert fitting == [tuple(published.IMPLIED_CLASS_SIZES.values())]


def test_the_implied_thresholds_give_classes_of_the_implied_sizes() -> None:
    classes = groups(*published.IMPLIED_THRESHOLDS)
    assert {name: len(classes[name]) for name in published.IMPLIED_CLASS_SIZES} == published.IMPLIED_CLASS_SIZES


def test_our_language_families_fit_the_published_averages() -> None:
    assert averages_fit({name: len(GROUPS[name]) for name in ("indo_european", "non_indo_european")})
