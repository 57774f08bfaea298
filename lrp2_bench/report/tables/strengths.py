"""What strengths do: the best pair at each, which parameters matter, and what a gain costs elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.language_table import language_name
from lrp2_bench.metrics.registry import metric
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.method import few_strengths
from lrp2_bench.results.choice import value
from lrp2_bench.results.runs import Run

if TYPE_CHECKING:  # a report without strengths does without Optuna
    from lrp2_bench.search.damage_study import Cost

log = logging.getLogger(__name__)

_PARAMETERS = ("lirp", "lsrp", "strength", "strength_back")


def strength_tables(runs: Sequence[Run], select_by: str) -> list[Table]:
    """Of the runs of one model and dataset; none where neither strengths were searched nor damage was measured."""
    found = (by_strength(runs, select_by), importance(runs, select_by), front_table(runs, select_by))
    return [table for table in found if table is not None]


def by_strength(runs: Sequence[Run], select_by: str) -> Table | None:
    """A row a language and strength: the pair that is best there."""
    rows: list[tuple[Cell, ...]] = []
    for run in _searched(runs, select_by):
        for each in few_strengths([run]):
            best = run.at(each).best(select_by)
            if best is not None:
                before, after = value(run.baseline, select_by), value(best, select_by)
                layers = best.pair.layers if best.pair else None
                rows.append((language_name(run.language), each, layers, before, after, after - before))
    if not rows:
        return None
    return Table(
        name=f"strengths_{runs[0].model}_{runs[0].dataset}",
        title=f"The best pair at each strength, {runs[0].model} on {runs[0].dataset}, by {select_by}, in percent",
        columns=(
            Column("language", "language", "text"),
            Column("strength", "strength", "text"),
            Column("best", "best pair", "pair"),
            Column("baseline", "baseline", "percent"),
            Column("value", select_by, "percent"),
            Column("change", "change", "change"),
        ),
        rows=tuple(rows),
        notes=("In-sample: each pair was chosen on the facts it is reported on. Strength 1 is the paper's.",),
    )


def importance(runs: Sequence[Run], select_by: str) -> Table | None:
    """A row a language whose strengths were searched: how much each parameter decides, in percent."""
    rows: list[tuple[Cell, ...]] = []
    for run in _searched(runs, select_by):
        import optuna

        from lrp2_bench.search.space import quiet_optuna
        from lrp2_bench.search.study import study_of

        study = study_of([run.baseline, *run.pairs], run.blocks, metric(select_by))
        with quiet_optuna():
            shares = optuna.importance.get_param_importances(study) if _varies(run, select_by) else {}
        if shares:
            listed = (shares.get(name) for name in _PARAMETERS)
            rows.append((language_name(run.language), *(None if one is None else 100 * one for one in listed)))
    if not rows:
        return None
    return Table(
        name=f"importance_{runs[0].model}_{runs[0].dataset}",
        title=f"What decides {select_by}, {runs[0].model} on {runs[0].dataset}: importance of parameters, in percent",
        columns=(
            Column("language", "language", "text"),
            *(Column(name, name.replace("_", " "), "percent", optional=True) for name in _PARAMETERS),
        ),
        rows=tuple(rows),
        notes=("Optuna's PED-ANOVA: how much a parameter decides whether a pair is among the best tenth.",),
    )


@dataclass(frozen=True)
class Tradeoff:
    """Of a run: ``points`` (KL in nats, gain in points) of all pairs whose damage is known, and the ``front``."""

    run: Run
    points: tuple[tuple[float, float], ...]
    front: tuple[Cost, ...]


def tradeoffs(runs: Sequence[Run], select_by: str) -> list[Tradeoff]:
    """Of the runs with two such pairs or more. Damaged files are logged."""
    found = []
    for run in runs:
        try:
            damage = run.files.damage()
        except BenchError as error:
            log.warning("No front of '%s': %s", run.folder, error)
            continue
        if len(damage) < 3:  # the baseline and a pair: nothing to choose between
            continue
        from lrp2_bench.search.damage_study import damage_study, front

        study = damage_study([run.baseline, *run.pairs], damage, run.blocks, metric(select_by))
        if study is not None:
            points = tuple((trial.values[1], trial.values[0]) for trial in study.trials)
            found.append(Tradeoff(run, points, tuple(front(study))))
    return found


def front_table(runs: Sequence[Run], select_by: str) -> Table | None:
    """A row a pair that no other beats in both its gain and its damage, by language."""
    rows: list[tuple[Cell, ...]] = [
        (language_name(one.run.language), cost.pair, cost.gain, f"{cost.kl:.4f}", cost.pivot_accuracy)
        for one in tradeoffs(runs, select_by)
        for cost in one.front
    ]
    if not rows:
        return None
    return Table(
        name=f"front_{runs[0].model}_{runs[0].dataset}",
        title=f"Gain of {select_by} against damage, {runs[0].model} on {runs[0].dataset}: the Pareto front",
        columns=(
            Column("language", "language", "text"),
            Column("pair", "pair", "pair"),
            Column("gain", "gain, points", "change"),
            Column("kl", "KL on neutral sentences, nats", "text"),
            Column("pivot_accuracy", "pivot's accuracy", "percent"),
        ),
        rows=tuple(rows),
        notes=("Pairs that no other beats in gain and in damage at once, the least damage first; in-sample.",),
    )


def _searched(runs: Sequence[Run], select_by: str) -> list[Run]:
    return [run for run in runs if len(run.strengths) > 1 and run.best(select_by) is not None]


def _varies(run: Run, select_by: str) -> bool:
    return len({value(row, select_by) for row in run.pairs}) > 1
