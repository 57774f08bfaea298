"""Regret and cost of searches against the exhaustive grid, as tables: by language, and as a curve over budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from lrp2_bench.data.language_table import language_name
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.search.regret import Replay, Truth
from lrp2_bench.stats.clusters import RESAMPLES

#: Points below the exhaustive best that count as having found it.
NEAR = 0.1


@dataclass(frozen=True)
class Outcome:
    """A strategy's replays on one language, one per seed."""

    language: str
    known: Truth
    replays: Sequence[Replay]


def regret_table(name: str, title: str, outcomes: Mapping[str, Sequence[Outcome]]) -> Table:
    """A row per strategy and language."""
    columns = (
        Column("strategy", "search", "text"),
        Column("language", "language", "text"),
        Column("best", "best pair", "pair"),
        Column("found", "pair found", "pair"),
        Column("regret", "regret, points", "text"),
        Column("near", f"within {NEAR}", "share"),
        Column("confidence_set", "in the 95 % set", "share"),
        Column("set", "pairs in the 95 % set", "share"),
        Column("pairs", "pairs on all facts", "text"),
        Column("cells", "cells", "percent"),
        Column("block_runs", "block runs", "percent"),
    )
    rows = [_row(strategy, one) for strategy, many in outcomes.items() for one in many]
    return Table(name=name, title=title, columns=columns, rows=tuple(rows), notes=_NOTES)


def curve_table(name: str, title: str, outcomes: Mapping[str, Sequence[Outcome]]) -> Table:
    """A row per strategy, over all languages and seeds."""
    columns = (
        Column("strategy", "search", "text"),
        Column("block_runs", "block runs, mean", "percent"),
        Column("block_runs_most", "max", "percent"),
        Column("regret_mean", "regret, mean", "text"),
        Column("regret_median", "median", "text"),
        Column("regret_most", "max", "text"),
        Column("near", f"within {NEAR}", "share"),
        Column("confidence_set", "in the 95 % set", "share"),
        Column("either", "either", "share"),
    )
    rows = []
    for strategy, many in outcomes.items():
        replays = [replay for one in many for replay in one.replays]
        regrets = [replay.regret for replay in replays]
        shares = [100 * replay.share for replay in replays]
        rows.append(
            (
                strategy, fmean(shares), max(shares), _points(fmean(regrets)), _points(median(regrets)),
                _points(max(regrets)), _count(replays, near), _count(replays, lambda replay: replay.confidence_set),
                _count(replays, lambda replay: near(replay) or replay.confidence_set),
            )
        )  # fmt: skip
    return Table(name=name, title=title, columns=columns, rows=tuple(rows), notes=_NOTES)


def near(replay: Replay) -> bool:
    return replay.regret <= NEAR + 1e-9


_NOTES = (
    "Strategies replayed on stored hits; the regret is in points of the metric below the best pair of the grid.",
    f"In the 95 % set: in the 95 % confidence set of best pairs (paired bootstrap, {RESAMPLES:,} resamples of clusters "
    "of facts, step-down max-T over all pairs). Where it holds most pairs, that says little.",
    "Block runs and cells: percent of the grid's, baseline included, work shared within an engine call counted once.",
)


def _row(strategy: str, one: Outcome) -> tuple[Cell, ...]:
    first = one.replays[0]
    good = one.known.confidence_set
    grid = one.known.task.facts * len(one.known.task.settings)
    return (
        strategy, language_name(one.language), one.known.best, first.pair,
        _points(fmean(replay.regret for replay in one.replays)), _count(one.replays, near),
        _count(one.replays, lambda replay: replay.confidence_set), (int(good.sum()), len(good)),
        f"{fmean(replay.pairs for replay in one.replays):.1f}",
        100 * fmean(replay.cells for replay in one.replays) / max(1, grid),
        100 * fmean(replay.share for replay in one.replays),
    )  # fmt: skip


def _count(replays: Sequence[Replay], is_so: Callable[[Replay], bool]) -> tuple[int, int]:
    return sum(bool(is_so(replay)) for replay in replays), len(replays)


def _points(value: float) -> str:
    return f"{value:.2f}"
