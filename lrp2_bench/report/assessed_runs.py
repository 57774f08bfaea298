"""Reads the hits of a model's searched runs and assesses each language's best pair."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import StatsSettings
from lrp2_bench.core.types import Interval
from lrp2_bench.data.language_table import language_name
from lrp2_bench.metrics.registry import metric as named
from lrp2_bench.report.run_evidence import Evidence, Measured, evidence_of
from lrp2_bench.results.choice import measures
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.across_languages import shrunken
from lrp2_bench.stats.assess import Assessed
from lrp2_bench.stats.equivalence import tost
from lrp2_bench.stats.max_t import step_down
from lrp2_bench.stats.new_language import Transferred, leave_one_language_out
from lrp2_bench.stats.paired_tests import holm

#: Languages assessed at a time; numpy lets go of the interpreter, and one takes some hundred megabytes at full size.
_WORKERS = 4

#: Standard errors that a 95 % interval is wide.
_WIDTH = 3.92


@dataclass(frozen=True)
class AssessedRun:
    """A run and what its hits say. ``p``: no pair is better than the baseline (max-T over all pairs and the model's
    languages); ``held_out_p``: the held-out gain is 0; ``naive_p``: McNemar's of the best pair; both Holm-corrected
    over the languages. ``shrunken`` is the held-out gain by empirical Bayes, ``new_language`` what the other languages'
    pair changes, None with too few."""

    run: Run
    assessed: Assessed
    p: float
    held_out_p: float
    naive_p: float
    shrunken: Interval
    new_language: Transferred | None = None

    @property
    def name(self) -> str:
        return language_name(self.run.language)


@dataclass(frozen=True)
class AssessedRuns:
    """All ``runs`` of one model and dataset. ``evidence``, by language, is what the hits of those with pairs say, or
    why they cannot be read. ``by_metric`` has the languages that can be assessed, by code, for the best pair by each
    metric; the pivot and baselines are in none."""

    runs: tuple[Run, ...]
    select_by: str
    by_metric: Mapping[str, Mapping[str, AssessedRun]]
    evidence: Mapping[str, Evidence | BenchError] = field(default_factory=dict)
    stats: StatsSettings = field(default_factory=StatsSettings)

    @cached_property
    def equivalence_p(self) -> Mapping[str, float]:
        """By language: that the held-out gain is the margin or more to either side of 0 (TOST), Holm-corrected."""
        every = [each.assessed for each in self.assessed.values()]
        margin = self.stats.equivalence_margin
        p = [tost(each.measured[self.select_by].held_out, each.clusters.count - 1, margin) for each in every]
        return dict(zip(self.assessed, holm(p), strict=True))

    @property
    def assessed(self) -> Mapping[str, AssessedRun]:
        """For the best pair by ``select_by``."""
        return self.by_metric[self.select_by]

    @property
    def sign(self) -> int:
        """-1 where less is better of ``select_by``, so that a gain is what falls."""
        return int(named(self.select_by).sign)

    @property
    def unread(self) -> Mapping[str, str]:
        """Why languages that have a best pair cannot be assessed."""
        return {
            run.language: str(found)
            for run in searched_runs(self.runs, self.select_by)
            if isinstance(found := self.evidence.get(run.language), BenchError)
        }

    @property
    def model(self) -> str:
        return self.runs[0].model

    @property
    def dataset(self) -> str:
        return self.runs[0].dataset

    @property
    def label(self) -> str:
        """The experiment, where several are labelled apart."""
        return self.runs[0].label

    @property
    def dataset_label(self) -> str:
        """As :attr:`Run.dataset_label`."""
        return self.runs[0].dataset_label

    @property
    def projection(self) -> str:
        return self.runs[0].projection


def assess_runs(
    runs: Sequence[Run],
    select_by: str,
    advance: Callable[[], object] = lambda: None,
    stats: StatsSettings | None = None,
) -> AssessedRuns:
    """Read the hits of ``runs``, of one model and dataset, once each, and assess them; ``advance`` is called after each
    that has pairs.

    A run whose ``hits.parquet`` is missing, damaged, or of other hits than its ``pairs.csv``, is left out and named.
    """
    evidence: dict[str, Evidence | BenchError] = {}
    with ThreadPoolExecutor(max(1, min(_WORKERS, os.cpu_count() or 1))) as pool:
        with_pairs = [run for run in runs if run.pairs]
        read = pool.map(lambda run: _evidence(run, stats, select_by), with_pairs)
        for run, found in zip(with_pairs, read, strict=True):
            evidence[run.language] = found
            advance()
    by_metric = {metric: _assessed(searched_runs(runs, metric), evidence, metric) for metric in measures(select_by)}
    return AssessedRuns(tuple(runs), select_by, by_metric, evidence, stats or StatsSettings())


def at_strength(found: AssessedRuns, strength: str) -> AssessedRuns:
    """As if the pairs at one of the ``strengths`` that were searched, as they are read, were all; the runs that have
    it."""
    evidence = {
        code: replace(
            each,
            assessed=each.by_strength[strength],
            measured={name: _measured_at(one, strength) for name, one in each.measured.items()},
        )
        for code, each in found.evidence.items()
        if isinstance(each, Evidence) and strength in each.by_strength
    }
    runs = tuple(run.at(strength) for run in found.runs if run.language in evidence)
    by_metric = {metric: _assessed(searched_runs(runs, metric), evidence, metric) for metric in found.by_metric}
    return replace(found, runs=runs, by_metric=by_metric, evidence=evidence)


def _measured_at(found: Measured, strength: str) -> Measured:
    """Other languages name one of these pairs too."""
    return replace(found, changes={pair: one for pair, one in found.changes.items() if pair.strengths == strength})


def searched_runs(runs: Sequence[Run], select_by: str) -> list[Run]:
    """Those with a best pair, which neither pivots nor baselines have."""
    return [run for run in runs if not run.is_pivot and run.best(select_by) is not None]


def _evidence(run: Run, stats: StatsSettings | None, select_by: str) -> Evidence | BenchError:
    try:
        return evidence_of(run, stats, select_by)
    except BenchError as error:
        return error


def _assessed(
    searched: Sequence[Run], evidence: Mapping[str, Evidence | BenchError], metric: str
) -> dict[str, AssessedRun]:
    read = [
        (run, found.assessed[metric], found.measured[metric].changes)
        for run in sorted(searched, key=lambda run: run.language)
        if isinstance(found := evidence[run.language], Evidence)
    ]
    gains = [assessed.measured[metric] for _, assessed, _ in read]
    p = step_down([assessed.largest for _, assessed, _ in read])
    held_out = holm([assessed.held_out.p[metric] for _, assessed, _ in read])
    naive = holm([assessed.naive.p for _, assessed, _ in read])
    errors = [(each.held_out.high - each.held_out.low) / _WIDTH for each in gains]
    drawn_in = shrunken([each.gain for each in gains], errors)
    others = leave_one_language_out({run.language: changes for run, _, changes in read}, named(metric).sign)
    return {
        run.language: AssessedRun(run, assessed, p[at], held_out[at], naive[at], drawn_in[at], others.get(run.language))
        for at, (run, assessed, _) in enumerate(read)
    }
