"""Metrics of scores in every setting, and how far each differs from the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Fact, Setting
from lrp2_bench.metrics.base import Values
from lrp2_bench.metrics.registry import metric, names_of
from lrp2_bench.metrics.scores import RelationScores, ScoreMetric, joined, own_ranks
from lrp2_bench.results.score_tables import ScoreMetricRow
from lrp2_bench.results.scores import Strengths, layers_of
from lrp2_bench.stats.clusters import Clusters, clusters_of
from lrp2_bench.stats.fact_clusters import country_clusters
from lrp2_bench.stats.paired_intervals import paired_means

ACCURACY = "accuracy"


def score_metrics(names: Sequence[str]) -> list[ScoreMetric]:
    """Those of ``names``, or all. Raises :class:`BenchError` for a metric of hits."""
    found = []
    for name in names or names_of("scores"):
        chosen = metric(name)
        if not isinstance(chosen, ScoreMetric):
            raise BenchError(
                f"metrics=[{name}]: '{name}' is a metric of hits, which `lrp2-bench search` writes into pairs.csv.\n"
                f"Metrics of scores: {', '.join(names_of('scores'))}."
            )
        found.append(chosen)
    return found


class MetricsByFact:
    """Collects each metric's values by fact, relation by relation."""

    def __init__(self, metrics: Sequence[ScoreMetric], settings: Sequence[Setting], usual: Strengths) -> None:
        self._metrics, self._settings, self._usual = metrics, settings, usual
        self._parts: dict[str, list[Values]] = {name: [] for name in (ACCURACY, *(each.name for each in metrics))}
        self._facts: list[Fact] = []

    def add(self, facts: Sequence[Fact], data: RelationScores) -> None:
        self._facts += facts
        self._parts[ACCURACY].append(100.0 * (own_ranks(data.scores, data.own) == 1))
        for each in self._metrics:
            self._parts[each.name].append(each.by_fact(data))

    def rows(self) -> list[ScoreMetricRow]:
        """Setting by setting: accuracy, that scores and hits may be compared, then the metrics.

        Intervals are of paired differences by clusters: of countries on the embedded facts, else of subjects.
        """
        keys = [(fact.relation, fact.uuid) for fact in self._facts]
        clusters = country_clusters(keys) or clusters_of([f"subject {fact.subject_id}" for fact in self._facts])
        rows: list[list[ScoreMetricRow]] = [[] for _ in self._settings]
        for name, parts in self._parts.items():
            by_fact = joined(parts, len(self._settings))
            for place, setting in enumerate(self._settings):
                rows[place].append(self._row(name, setting, by_fact[place], by_fact[0], clusters))
        return [row for of_setting in rows for row in of_setting]

    def _row(self, name: str, setting: Setting, values: Values, baseline: Values, clusters: Clusters) -> ScoreMetricRow:
        known = ~np.isnan(values)
        value = float(values[known].mean()) if known.any() else float("nan")
        count = int(known.sum())
        if setting is None:
            return ScoreMetricRow(None, None, None, name, value, None, None, None, count)
        both = known & ~np.isnan(baseline)
        unit = 100.0 / max(1, int(both.sum())) if name == ACCURACY else None
        change = paired_means((values - baseline)[both], baseline[both], clusters.of(both), unit)
        lirp, lsrp, there, back = layers_of(setting, self._usual)
        return ScoreMetricRow(lirp, lsrp, there, name, value, change.value, change.low, change.high, count, back)
