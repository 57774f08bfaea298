"""Reads what the testbed's tables need of a run: its hits by exposure, and the no-transfer control's hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lrp2_bench.analyses.exposure.compute import FactStatuses, Mask, fact_statuses
from lrp2_bench.analyses.exposure.transfer import ModelRun, Transfer, transfer_from
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import LRP2
from lrp2_bench.core.types import Hits, Interval, LayerPair
from lrp2_bench.data.cldr.facts import countries
from lrp2_bench.data.language_table import language_name
from lrp2_bench.results.runs import Run
from lrp2_bench.results.stored_hits import StoredHits
from lrp2_bench.stats.clusters import Clusters
from lrp2_bench.stats.fact_clusters import by_country
from lrp2_bench.stats.paired_intervals import level_interval, paired_changes
from lrp2_bench.testbed.pretrained import Pretrained

INTERVAL_NOTE = (
    "Intervals: 95 %, by country, paired for differences. The best pair was chosen on the same facts (in-sample), "
    "which they do not account for."
)


@dataclass(frozen=True)
class ExposureRun:
    """A testbed model's run on the embedded facts. ``best`` is the best pair, None for the pivot and for baselines."""

    run: Run
    model: Pretrained
    hits: StoredHits
    pivot_hits: npt.NDArray[np.int8]  # [fact], -1 where the pivot lacks the fact
    statuses: FactStatuses
    best: LayerPair | None

    @property
    def name(self) -> str:
        return language_name(self.run.language)

    @property
    def exposure(self) -> float | None:
        """Share of the countries that the language's text covers, in percent; None for a language without text."""
        if self.run.language not in self.model.exposure.shares:
            return None
        # Counted, because a control's pivot covers fewer than its share says.
        return 100.0 * len(self.model.exposure.countries(self.run.language)) / len(countries())

    @cached_property
    def _rows(self) -> Hits:
        """``[setting, fact]``: the baseline, and the best pair where there is one."""
        rows = [self.hits.row(None), self.hits.row(self.best) if self.best else None]
        return np.stack([row for row in rows if row is not None])

    @cached_property
    def clusters(self) -> Clusters:
        return by_country(self.hits.facts)

    def levels(self, metric: str, mask: Mask | None = None) -> list[Interval]:
        """The metric for the baseline and, if there is one, the best pair; over the facts ``mask`` if given."""
        chosen = np.ones(len(self.pivot_hits), dtype=bool) if mask is None else mask
        clusters = self.clusters.of(chosen)
        return [level_interval(row[chosen], self.pivot_hits[chosen], clusters, metric)[0] for row in self._rows]

    def change(self, metric: str) -> Interval:
        """At the best pair, as if it had been named beforehand."""
        return paired_changes(self._rows, self.pivot_hits, self.clusters, metric).interval(1)

    def transfer(self, twins: Sequence[Run]) -> Transfer | str:
        """From the first of ``twins`` (no-transfer controls) that can be compared; else why there is none."""
        ours = ModelRun(self.run.manifest, self.hits, self.statuses, self.best)
        same = [twin for twin in twins if (twin.dataset, twin.language) == (self.run.dataset, self.run.language)]
        found, problems = transfer_from(ours, ((twin.folder, twin.manifest) for twin in same))
        if found is not None:
            return found[1]
        if problems:
            return str(problems[-1])
        return f"no finished run of the no-transfer control '{self.model.twin_name}' among the inputs"


def pretrained_of_run(run: Run) -> Pretrained | None:
    """The testbed model that the run's manifest names; None for other models, for ablations, and where the entry
    cannot be read."""
    entry: Any = run.manifest.get("testbed") if run.projection == LRP2 else None
    try:
        return Pretrained.from_dict(entry) if isinstance(entry, dict) else None
    except BenchError:
        return None


def read_exposure_runs(runs: Sequence[Run], select_by: str) -> tuple[list[ExposureRun], list[str]]:
    """The ``runs`` of testbed models on the embedded facts, exposure descending, languages without exposure last; and
    notes on those that should be among them and cannot."""
    found: list[ExposureRun] = []
    notes: list[str] = []
    for run in runs:
        model = pretrained_of_run(run)
        if model is None:
            continue
        try:
            exposure_run = _read(run, model, select_by)
        except BenchError as error:
            notes.append(f"{run.language} has no row: {error}")
            continue
        if exposure_run is not None:
            found.append(exposure_run)
    found.sort(key=lambda each: (-(each.exposure if each.exposure is not None else -1.0), each.run.language))
    return found, notes


def _read(run: Run, model: Pretrained, select_by: str) -> ExposureRun | None:
    hits = run.files.hits()
    statuses = fact_statuses(hits.facts, model.exposure, run.language)
    if statuses is None:
        return None
    row = run.best(select_by)
    best = row.pair if row is not None else None
    if hits.row(None) is None or (best is not None and hits.row(best) is None):
        raise BenchError(
            f"'{run.folder / 'hits.parquet'}' has fewer hits than pairs.csv counts. Search again: both are regenerated."
        )
    pivot_hits = run.files.pivot_hits(hits.facts)
    return ExposureRun(run, model, hits, pivot_hits, statuses, best)
