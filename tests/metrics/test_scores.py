"""Metrics of scores against their formulas written out, and RankC against its paper's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.metrics.registry import metric, metric_of_hits
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric, log_shares, own_ranks

#: Two facts in one setting; the second has three candidates, of which the last two score alike.
SCORES = np.log(np.array([[[0.5, 0.25, 0.125, 0.125], [0.2, 0.1, 0.1, np.nan]]]))
DATA = RelationScores(SCORES, np.array([1, 2]), np.log(np.array([[[0.7, 0.1, 0.1, 0.1], [0.4, 0.4, 0.1, np.nan]]])))


def _by_fact(name: str, data: RelationScores) -> list[float]:
    found = metric(name)
    assert isinstance(found, ScoreMetric)
    return found.by_fact(data)[0].tolist()


def test_probability_margin_and_rank_of_the_own_object() -> None:
    assert _by_fact("own_probability", DATA) == pytest.approx([25.0, 25.0])
    assert _by_fact("margin", DATA) == pytest.approx([math.log(0.5), math.log(0.5)])
    assert _by_fact("mrr", DATA) == pytest.approx([1 / 2, 1 / 3]), "of equals the first label leads"
    np.testing.assert_allclose(np.exp(log_shares(SCORES))[0, 1], [0.5, 0.25, 0.25, np.nan])


def test_what_can_never_be_the_answer_has_no_probability_no_rank_and_no_margin() -> None:
    data = RelationScores(np.array([[[-np.inf, -1.0], [-1.0, -np.inf]]]), np.array([0, 0]))
    assert _by_fact("own_probability", data) == [0.0, 100.0] and _by_fact("mrr", data) == [0.0, 1.0]
    assert own_ranks(data.scores, data.own)[0].tolist() == [np.inf, 1.0]
    assert np.isnan(_by_fact("margin", data)).all()


def test_the_prior_of_the_query_without_its_subject_is_taken_off() -> None:
    """Both own objects come second and third by scores, and first by what the subject adds to them."""
    assert _by_fact("prior_corrected", DATA) == pytest.approx([math.log(0.25 / 0.1), math.log(0.25 / (0.1 / 0.9))])
    assert _by_fact("accuracy_prior_corrected", DATA) == [100.0, 100.0]
    assert np.isnan(_by_fact("prior_corrected", RelationScores(SCORES, DATA.own))).all()


def _rankc(ours: list[str], theirs: list[str], weights: list[float]) -> float:
    """As the paper writes it (section 3.2), over two rankings of one set of candidates."""
    assert set(ours) == set(theirs)
    shares = [len(set(ours[:j]) & set(theirs[:j])) / j for j in range(1, len(ours) + 1)]
    return sum(weight * share for weight, share in zip(weights, shares, strict=True))


@pytest.mark.parametrize(
    ("ours", "theirs"), [("abcd", "abcd"), ("abcd", "dcba"), ("abcd", "bacd"), ("acbd", "abdc"), ("dabc", "dbac")]
)
def test_rankc_is_the_papers_formula_over_object_ids(ours: str, theirs: str) -> None:
    count = 4
    powers = [math.exp(count - j) for j in range(1, count + 1)]
    first, second = (np.array([-float(order.index(object_)) for object_ in "abcd"]) for order in (ours, theirs))
    # The pivot's labels stand in another order, and either side has an object that the other lacks.
    order = [2, 0, 3, 1]
    data = RelationScores(
        scores=np.append(first, 5.0)[None, None],
        own=np.zeros(1, np.int64),
        pivot=np.append(second[order], 9.0)[None],
        same=np.array([(object_, order.index(object_)) for object_ in range(count)]),
    )
    expected = _rankc(list(ours), list(theirs), [power / sum(powers) for power in powers])
    assert _by_fact("rankc", data) == [pytest.approx(100 * expected)]
    assert _by_fact("rankc_flat", data) == [pytest.approx(100 * _rankc(list(ours), list(theirs), [1 / count] * count))]


def test_a_worked_example_of_rankc_in_numbers() -> None:
    """Rankings a b c and b a c: P@1 = 0, P@2 = 1, P@3 = 1; weights e^2, e^1, e^0 over their sum 11.107: 33.48 %."""
    places = np.array([(0, 0), (1, 1), (2, 2)])
    scores, pivot = np.array([[[3.0, 2.0, 1.0]]]), np.array([[2.0, 3.0, 1.0]])
    data = RelationScores(scores, np.zeros(1, np.int64), pivot=pivot, same=places)
    assert _by_fact("rankc", data) == [pytest.approx(33.475, abs=1e-3)]
    assert _by_fact("rankc_flat", data) == [pytest.approx(200 / 3)]


def test_rankc_has_no_value_for_facts_that_the_pivot_lacks() -> None:
    data = RelationScores(np.zeros((1, 2, 2)), np.zeros(2, np.int64), pivot=np.array([[np.nan] * 2, [1.0, 2.0]]),
                          same=np.array([(0, 0), (1, 1)]))  # fmt: skip
    assert np.isnan(_by_fact("rankc", data)).tolist() == [True, False]


def test_a_search_by_a_metric_of_scores_is_told_which_command_makes_them() -> None:
    with pytest.raises(BenchError, match=r"'mrr' needs the candidates' scores[\s\S]*lrp2-bench score[\s\S]*accuracy,"):
        metric_of_hits("mrr")
