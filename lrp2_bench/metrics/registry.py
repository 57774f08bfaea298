"""The metrics by name, and which of them a search computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.registry import Registry

if TYPE_CHECKING:  # the command line knows the names without NumPy
    from lrp2_bench.metrics.base import Metric

#: The paper's two, which every ``pairs.csv`` has and the paper's tables are about.
PAPER = ("accuracy", "transferability")

METRICS: Registry[type[Metric]] = Registry(
    "metric",
    "lrp2_bench.metrics",
    "lrp2_bench.metrics.base:Metric",
    {
        "accuracy": "lrp2_bench.metrics.accuracy:Accuracy",
        "transferability": "lrp2_bench.metrics.transferability:Transferability",
        "accuracy_macro": "lrp2_bench.metrics.accuracy_macro:MacroAccuracy",
        "transferability_chance": "lrp2_bench.metrics.transferability_chance:TransferabilityChance",
        "miss_to_hit_pivot_hit": "lrp2_bench.metrics.cells:MissToHitPivotHit",
        "miss_to_hit_pivot_miss": "lrp2_bench.metrics.cells:MissToHitPivotMiss",
        "hit_to_miss_pivot_hit": "lrp2_bench.metrics.cells:HitToMissPivotHit",
        "hit_to_miss_pivot_miss": "lrp2_bench.metrics.cells:HitToMissPivotMiss",
        "recall_pivot_hit": "lrp2_bench.metrics.recall:RecallPivotHit",
        "recall_pivot_miss": "lrp2_bench.metrics.recall:RecallPivotMiss",
        "own_probability": "lrp2_bench.metrics.own_probability:OwnProbability",
        "margin": "lrp2_bench.metrics.margin:Margin",
        "mrr": "lrp2_bench.metrics.mrr:Mrr",
        "rankc": "lrp2_bench.metrics.rankc:RankC",
        "rankc_flat": "lrp2_bench.metrics.rankc:RankCFlat",
        "prior_corrected": "lrp2_bench.metrics.prior_corrected:PriorCorrected",
        "accuracy_prior_corrected": "lrp2_bench.metrics.prior_corrected:AccuracyPriorCorrected",
    },
)


def metric(name: str) -> Metric:
    """Raises :class:`~lrp2_bench.core.errors.UnknownNameError` for a name that is not registered."""
    return _made(METRICS.get(name))


def metric_of_hits(name: str) -> Metric:
    """The same; raises :class:`BenchError` also for a metric that hits do not suffice for."""
    found = metric(name)
    if found.needs != "hits":
        raise BenchError(f"{needs_scores(name)}\nMetrics of hits: {', '.join(names_of('hits'))}.")
    return found


def needs_scores(name: str) -> str:
    """What to say where the metric ``name`` is asked for and there are no scores."""
    return (
        f"The metric '{name}' needs the candidates' scores, and a search keeps hits alone.\n"
        "`lrp2-bench score` with the same model, dataset and language makes scores at the baseline and the best pair."
    )


def names_of(needs: str) -> list[str]:
    """The metrics of ``hits``, or of ``scores``, in the registry's order."""
    return [name for name in METRICS.names() if metric(name).needs == needs]


def chosen_metrics(names: Iterable[str], select_by: str) -> Sequence[Metric]:
    """What a search writes, each once: the paper's two, ``names``, and the one it selects by. Raises as above."""
    return [metric_of_hits(name) for name in dict.fromkeys((*PAPER, *names, select_by))]


@cache
def _made(kind: type[Metric]) -> Metric:
    return kind()
