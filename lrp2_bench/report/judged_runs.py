"""Reads the hits of a model's searched runs and judges each language's best pair."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from lrp2_bench.analysis.judge import Judged, judge
from lrp2_bench.analysis.significance import holm
from lrp2_bench.errors import BenchError
from lrp2_bench.grid.stored import read_hits
from lrp2_bench.languages import LANGUAGES
from lrp2_bench.report.method import distinct
from lrp2_bench.report.runs import Run

#: Languages judged at a time; numpy lets go of the interpreter, and one takes some hundred megabytes at full size.
_WORKERS = 4


@dataclass(frozen=True)
class JudgedRun:
    """A run and what its hits say; ``p`` and ``honest_p`` are Holm-corrected over the model's languages."""

    run: Run
    judged: Judged
    p: float
    honest_p: float

    @property
    def name(self) -> str:
        known = LANGUAGES.get(self.run.language)
        return known.name if known else self.run.language


@dataclass(frozen=True)
class JudgedRuns:
    """All ``runs`` of one model and dataset, those that can be judged by their language's code, and why others cannot
    (``unread``, a language each). The pivot and baselines have no pair and are in neither."""

    runs: tuple[Run, ...]
    select_by: str
    judged: Mapping[str, JudgedRun]
    unread: Mapping[str, str]

    @property
    def model(self) -> str:
        return self.runs[0].model

    @property
    def dataset(self) -> str:
        return self.runs[0].dataset

    @property
    def projection(self) -> str:
        return self.runs[0].projection


def judge_runs(runs: Sequence[Run], select_by: str, advance: Callable[[], object] = lambda: None) -> JudgedRuns:
    """Judge the ``runs`` of one model and dataset; ``advance`` is called after each that has pairs.

    A run whose ``hits.parquet`` is missing, damaged, or of other hits than its ``pairs.csv``, is left out and named.
    """
    searched = sorted(searched_runs(runs, select_by), key=lambda run: run.language)
    with ThreadPoolExecutor(max(1, min(_WORKERS, os.cpu_count() or 1))) as pool:
        found = []
        for result in pool.map(partial(_judge, select_by=select_by), searched):
            found.append(result)
            advance()
    read = [(run, result) for run, result in zip(searched, found, strict=True) if isinstance(result, Judged)]
    corrected = holm([result.test.p for _, result in read])
    honest = holm([result.honest.p for _, result in read])
    return JudgedRuns(
        runs=tuple(runs),
        select_by=select_by,
        judged={
            run.language: JudgedRun(run, result, p, honest_p)
            for (run, result), p, honest_p in zip(read, corrected, honest, strict=True)
        },
        unread={run.language: text for run, text in zip(searched, found, strict=True) if isinstance(text, str)},
    )


def searched_runs(runs: Sequence[Run], select_by: str) -> list[Run]:
    """Those with a best pair, which neither pivots nor baselines have."""
    return [run for run in runs if not run.is_pivot and run.best(select_by) is not None]


def _judge(run: Run, select_by: str) -> Judged | str:
    best = run.best(select_by)
    assert best is not None and best.pair is not None  # searched_runs keeps no other
    try:
        hits = distinct(run, read_hits(run.folder / "hits.parquet"))
        pivot_hits = read_hits(run.folder / "pivot_hits.parquet").by_fact(None, hits.facts)
    except BenchError as error:
        return str(error)
    try:
        return judge(hits, pivot_hits, best.pair, select_by)
    except ValueError:
        return f"'{run.folder / 'hits.parquet'}' lacks hits that pairs.csv counts. Search again: both are written anew."
