"""Which side of 0 is a gain, in words: above for most metrics, below for those of which less is better."""

from __future__ import annotations

from lrp2_bench.metrics.registry import metric


def sides(name: str) -> tuple[str, str]:
    """``above``, ``below``: the side of 0 on which changes of the metric ``name`` are gains, then the other."""
    return ("above", "below") if metric(name).sign > 0 else ("below", "above")


def if_less_is_better(name: str, words: str = " (less is better)") -> str:
    """``words`` of a metric of which less is better, '' of others."""
    return words if metric(name).sign < 0 else ""
