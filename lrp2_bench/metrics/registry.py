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
    },
)


def metric(name: str) -> Metric:
    """Raises :class:`~lrp2_bench.core.errors.UnknownNameError` for a name that is not registered."""
    return _made(METRICS.get(name))


def metric_of_hits(name: str) -> Metric:
    """The same; raises :class:`BenchError` also for a metric that hits do not suffice for."""
    found = metric(name)
    if found.needs != "hits":
        fit = ", ".join(other for other in METRICS.names() if metric(other).needs == "hits")
        raise BenchError(
            f"The metric '{name}' needs the candidates' {found.needs}, and a search keeps hits alone.\n"
            f"Metrics of hits: {fit}."
        )
    return found


def chosen_metrics(names: Iterable[str], select_by: str) -> Sequence[Metric]:
    """What a search writes, each once: the paper's two, ``names``, and the one it selects by. Raises as above."""
    return [metric_of_hits(name) for name in dict.fromkeys((*PAPER, *names, select_by))]


@cache
def _made(kind: type[Metric]) -> Metric:
    return kind()
