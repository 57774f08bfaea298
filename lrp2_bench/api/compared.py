"""The rows of :meth:`lrp2_bench.api.results.Results.compare`: runs that differ in one dimension, set side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lrp2_bench.api.frames import names_of
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.interventions.registry import without_strengths
from lrp2_bench.report.overview.comparison import DIMENSIONS, Side, gain_differences
from lrp2_bench.report.run_evidence import evidence_of
from lrp2_bench.report.run_strength import SEARCHED, strength_of
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.compare import compare_runs


def compared(runs: Sequence[Run], dimension: str, first: str, second: str, metric: str) -> list[dict[str, Any]]:
    """A row for every two ``runs`` with these values of the ``dimension``, metric and what is compared. Raises as
    :meth:`~lrp2_bench.api.results.Results.compare`."""
    if dimension not in DIMENSIONS:
        raise UnknownNameError("dimension", dimension, DIMENSIONS)
    searched = [run for run in runs if not run.is_pivot]
    known = {value for run in searched for value in _values(run, dimension)}
    for value in (first, second):
        if value not in known:
            raise UnknownNameError(dimension, value, known, "These have finished runs here.")
    # A strength of a search that had several is set against another of it first, and against a run's own where it must.
    for apart in (True, False):
        ours, theirs = ({_key(run, dimension, apart): run for run in searched if value in _values(run, dimension)}
                        for value in (first, second))  # fmt: skip
        common = [key for key in ours if key in theirs]
        if common:
            break
    if not common:
        others = {"experiment": "model", "model": "experiment"}.get(dimension, "experiment, model")
        raise BenchError(
            f"The {dimension}s '{first}' and '{second}' have no {others}, dataset and language in common.\n"
            "Search the same in both; `results.pairs` shows what there is."
        )
    return [
        row
        for key in common
        for row in _rows(
            _side(ours[key], dimension, first, metric), _side(theirs[key], dimension, second, metric), metric
        )
    ]


def _values(run: Run, dimension: str) -> tuple[str, ...]:
    """Those that the run stands for: one, or each strength that it searched."""
    if dimension == "intervention":
        return (without_strengths(run.projection),) if run.pairs else ()
    if dimension == "strength":
        own = strength_of(run)
        return (run.strengths if own == SEARCHED else (own,)) if run.pairs else ()
    return (names_of(run)[dimension],)


def _key(run: Run, dimension: str, apart: bool) -> tuple[str, ...]:
    """What two runs share that are compared; ``apart``: also whether a few strengths were searched."""
    names = {**names_of(run), "projection": without_strengths(run.projection), "strength": strength_of(run)}
    own = {"intervention": ("projection",), "strength": ("strength",)}.get(dimension, (dimension,))
    several = str(apart and strength_of(run) == SEARCHED)
    return (*(value for name, value in names.items() if name not in own), several)


def _side(run: Run, dimension: str, value: str, metric: str) -> Side:
    names = {name: text for name, text in names_of(run).items() if name != dimension}
    if dimension == "intervention":
        del names["projection"]
    found = evidence_of(run) if run.pairs else None
    if dimension == "strength" and value in run.strengths and strength_of(run) == SEARCHED:
        part = found.by_strength.get(value, {}) if found else {}
        return Side(run.at(value), names, part.get(metric))
    return Side(run, names, found.assessed.get(metric) if found else None)


def _rows(first: Side, second: Side, metric: str) -> Iterator[dict[str, Any]]:
    found = compare_runs(first.run, second.run, metric)
    pairs: tuple[LayerPair | None, ...] = found.best or (None, None)
    layers = {
        f"{which}_{side}": getattr(pair, side, None)
        for which, pair in zip(("first", "second"), pairs, strict=True)
        for side in ("lirp", "lsrp")
    }
    start = dict(first.names)

    def row(name: str, at: str, values: tuple[float, float], difference: Interval) -> dict[str, Any]:
        return {
            **start, "metric": name, "at": at, "facts": found.facts, "first": values[0], "second": values[1],
            "difference": difference.value, "low": difference.low, "high": difference.high,
            **(dict.fromkeys(layers) if at != "best" else layers),
        }  # fmt: skip

    for at, differences in (("baseline", found.baseline), ("best", found.at_best)):
        for name, one in differences.items():
            yield row(name, at, (one.first, one.second), one.difference)
    if first.assessed is None or second.assessed is None:
        return
    for name, (interval, _) in gain_differences(first, second).items():
        gains = first.assessed.measured[name].gain.value, second.assessed.measured[name].gain.value
        yield row(name, "held_out", gains, interval)
