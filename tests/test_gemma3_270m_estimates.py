"""The study of Gemma 3 270M: intervals by subjects or relations, and what they are called."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.gemma3_270m.estimates import Contrast, over_languages, verdict
from lrp2_bench.core.types import Interval

_FACTS = 120


def test_relations_that_differ_widen_the_interval_of_a_mean_over_languages() -> None:
    at = np.arange(_FACTS)
    values = (at // (_FACTS // 6) % 2 == 0) * 0.5 - 0.25  # three relations of six gain, three lose
    subjects, relations = (tuple(map(str, names)) for names in (at, at // (_FACTS // 6)))
    found = {code: Contrast(values, np.zeros(_FACTS), subjects, relations) for code in ("de", "fr", "ja")}
    by_subject = over_languages(found)
    by_relation = over_languages({code: each.by_relation() for code, each in found.items()})
    assert by_relation.value == by_subject.value
    assert by_relation.high - by_relation.value > 3 * (by_subject.high - by_subject.value)
    assert found["de"].where(at < 40).by_relation().subjects == relations[:40]


def test_subjects_widen_the_interval() -> None:
    values = np.repeat(np.arange(_FACTS // 4) % 5 == 0, 4).astype(float)
    subjects = [str(at // 4) for at in range(_FACTS)], [str(at) for at in range(_FACTS)]
    by_subject, apart = (Contrast(values, 1 - values, tuple(names)).interval() for names in subjects)
    assert by_subject.high - by_subject.value > 1.5 * (apart.high - apart.value)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (Interval(2.0, 0.1, 3.9), "supported"),
        (Interval(-2.0, -3.9, -0.1), "contradicted"),
        (Interval(0.1, -0.5, 0.7), "no effect that matters"),
        (Interval(0.0, -1.21, 1.21), "no effect that matters"),  # 90 %: 0.99 to either side
        (Interval(0.0, -1.23, 1.23), "inconclusive"),
        (Interval(0.1, -2.0, 2.2), "inconclusive"),
        (Interval(0.1, math.nan, math.nan), "inconclusive"),
    ],
)
def test_a_verdict_follows_the_interval(interval: Interval, said: str) -> None:
    assert verdict(interval, 12) == said
