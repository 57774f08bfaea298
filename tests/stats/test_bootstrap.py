"""Resampling by weights equals drawing clusters of facts one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from lrp2_bench.core.types import Hits
from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric
from lrp2_bench.stats.bootstrap import resample_metric
from lrp2_bench.stats.clusters import clusters_of

RELATIONS = ("P36",) * 25 + ("P30",) * 9 + ("P17",) + ("P36",) * 12


def some_hits(settings: int = 6, facts: int = len(RELATIONS), seed: int = 0) -> tuple[Hits, npt.NDArray[np.int8]]:
    rng = np.random.default_rng(seed)
    hits = (rng.random((settings, facts)) < 0.4).astype(np.int8)
    return hits, rng.integers(-1, 2, facts).astype(np.int8)


@pytest.mark.parametrize("name", ["accuracy", "transferability", "accuracy_macro"])
def test_every_resample_is_the_measure_of_the_facts_drawn_with_their_repeats(name: str) -> None:
    hits, pivot = some_hits()
    clusters = clusters_of([str(number // 2) for number in range(len(RELATIONS))])
    found = resample_metric(metric(name), FactHits(hits, pivot, RELATIONS), clusters, resamples=20, seed=3)
    for number, times in enumerate(clusters.draws(20, seed=3)):
        facts = np.repeat(np.arange(len(RELATIONS)), times[clusters.codes])
        again = FactHits(hits[:, facts], pivot[facts], tuple(RELATIONS[fact] for fact in facts))
        assert found.samples[:, number] == pytest.approx(metric(name).values(again), abs=1e-9)
    assert found.value == pytest.approx(metric(name).values(FactHits(hits, pivot, RELATIONS)))


def test_over_no_facts_there_is_no_value() -> None:
    none = FactHits(np.zeros((2, 0), dtype=np.int8), np.zeros(0, dtype=np.int8), ())
    assert np.isnan(resample_metric(metric("accuracy"), none, clusters_of([])).samples).all()
