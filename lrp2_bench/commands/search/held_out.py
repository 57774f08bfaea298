"""The last word of a search: what choosing a pair is worth on facts that had no part in choosing it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from lrp2_bench.commands.search.prepared import Prepared
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import LayerPair
from lrp2_bench.metrics.better import if_less_is_better
from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.run_folder import RunFolder
from lrp2_bench.results.tables import DECIMALS
from lrp2_bench.stats.fact_clusters import fact_clusters
from lrp2_bench.stats.held_out import ENOUGH, HeldOut
from lrp2_bench.stats.resampled import Sampled

log = logging.getLogger(__name__)


def held_out_of(run: Prepared, best: LayerPair | None) -> HeldOut | None:
    """From the hits in the run's folder; None where nothing was chosen, or by a metric that has no intervals."""
    job = run.job
    if best is None:
        return None
    select_by = metric(job.settings.select_by)
    files = RunFolder(job.folder)
    hits = files.hits()
    clusters = fact_clusters(files, hits.facts, job.settings.stats.cluster)
    try:
        return Sampled(hits, files.pivot_hits(hits.facts), clusters, metric=select_by).held_out(select_by.name)
    except BenchError as error:  # a metric of somebody's own that says no parts
        log.info("%s", error)
        return None


def held_out_line(found: HeldOut, select_by: str) -> str:
    """``Held-out gain of transferability: +0.1 [-0.2, 0.4] points ...``, or that there are too few facts to tell."""
    if not found.told:
        return (
            f"Held-out gain of {select_by}: too few facts to tell (fewer than {ENOUGH} clusters of facts), so that the "
            "in-sample change says nothing."
        )
    gain = found.gain[select_by]
    less = if_less_is_better(select_by)
    shown = f"{gain.value:+.2f} [{gain.low:.2f}, {gain.high:.2f}] points"
    if gain.low > 0 or gain.high < 0:
        return f"Held-out gain of {select_by}: {shown}, {'above' if gain.low > 0 else 'below'} 0{less}."
    return f"Held-out gain of {select_by}: {shown}; the interval includes 0{less}."


def held_out_measures(found: HeldOut | None) -> Mapping[str, Any]:
    """For the tracker's summary, nested; nothing where there were too few facts."""
    if found is None or not found.told:
        return {}
    gains = {name: {"gain": gain.value, "low": gain.low, "high": gain.high} for name, gain in found.gain.items()}
    return {
        "held_out": {name: {key: round(one, DECIMALS) for key, one in parts.items()} for name, parts in gains.items()}
    }
