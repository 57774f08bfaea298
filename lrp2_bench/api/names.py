"""What there is to choose from, by name."""

from __future__ import annotations

from lrp2_bench.config.compose import options
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.metrics.registry import METRICS


def models() -> list[str]:
    """Names for ``model=``, sorted; any supported checkpoint's folder or hub id will do as well."""
    return [name for name in options("model") if name != "hf"]


def datasets() -> list[str]:
    """Names for ``dataset=``, sorted."""
    return options("dataset")


def corpora() -> list[str]:
    """Names for ``corpus=``, sorted."""
    return options("corpus")


def metrics() -> list[str]:
    """Names for ``select_by=`` and :meth:`Results.best`, sorted."""
    return sorted(METRICS.names())


def interventions() -> list[str]:
    """Names for ``projection=``, sorted: LRP2 and what it is compared with."""
    return sorted(INTERVENTIONS.names())
