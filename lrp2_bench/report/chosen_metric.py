"""The metric that a report selects by, where a run's ``pairs.csv`` has no column of it: counted from the run's hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Setting
from lrp2_bench.metrics.base import FactHits
from lrp2_bench.metrics.registry import metric, names_of, needs_scores
from lrp2_bench.results.runs import Run
from lrp2_bench.results.tables import PairRow


def require_counted(name: str) -> None:
    """Raises UnknownNameError for a metric that is not registered, :class:`BenchError` for one of scores: those are at
    chosen pairs alone, among which there is no held-out choice."""
    if metric(name).needs != "hits":
        raise BenchError(
            f"{needs_scores(name)}\nA report's table scores_MODEL_DATASET shows it then; a report selects by metrics "
            f"of hits: {', '.join(names_of('hits'))}."
        )


def with_metric(runs: Sequence[Run], name: str) -> tuple[list[Run], list[str]]:
    """``runs`` with the metric in all of their rows, NaN in those whose hits cannot be read; and why they cannot.

    Raises :class:`BenchError` for a metric that hits do not suffice for.
    """
    require_counted(name)
    problems: list[str] = []
    found: list[Run] = []
    for run in runs:
        try:
            found.append(_with(run, name))
        except BenchError as error:
            problems.append(str(error))
            found.append(_filled(run, name, {}))
    return found, problems


def _with(run: Run, name: str) -> Run:
    if name in run.baseline.metrics:
        return run
    hits = run.files.hits()
    pivot, baseline = run.files.pivot_hits(hits.facts), hits.row(None)
    if baseline is None:
        raise BenchError(f"hits.parquet in '{run.folder}' lacks the baseline. Search again: it is regenerated.")
    values = metric(name).values(FactHits(hits.hits, pivot, hits.relations, baseline))
    return _filled(run, name, dict(zip(hits.settings, values.tolist(), strict=True)))


def _filled(run: Run, name: str, values: Mapping[Setting, float]) -> Run:
    def filled(row: PairRow) -> PairRow:
        return replace(row, further={**row.further, name: values.get(row.pair, float("nan"))})

    return replace(run, baseline=filled(run.baseline), pairs=tuple(filled(row) for row in run.pairs))
