"""``lrp2-bench regret``: what cheaper searches would have found on finished grids, without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import RegretCommand
from lrp2_bench.metrics.registry import metric_of_hits
from lrp2_bench.render.figures.save import save
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.render.text import file_stem, require_apart
from lrp2_bench.report.agreement import label_runs
from lrp2_bench.report.figures.regret import regret_curves
from lrp2_bench.report.files import FIGURES, write_tables
from lrp2_bench.report.tables.regret import Outcome, curve_table, regret_table
from lrp2_bench.results.runs import Run, find_runs
from lrp2_bench.search.racing import RaceRules, race
from lrp2_bench.search.regret import Strategy, replay, truth
from lrp2_bench.search.tpe import TpeRules, tpe
from lrp2_bench.stats.fact_clusters import fact_clusters

Seeded = Callable[[int], Strategy]


def run_regret(inputs: Sequence[Path], output: Path | None, settings: RegretCommand, console: Console) -> Path:
    """Write ``regret_MODEL_DATASET`` and ``regret_curve_MODEL_DATASET`` (.md, .csv) and a figure; print the curve.

    Experiments of one model and dataset have tables of their own, which end in their names. Returns the folder, by
    default ``report`` in the first input. Grids that are not whole are named and left out; raises :class:`BenchError`
    where none is left, and for settings that are none before anything is replayed.
    """
    _require(settings)
    runs, _ = find_runs(inputs)
    folder = output if output is not None else inputs[0] / "report"
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in label_runs(runs)[0]:
        if not run.is_pivot:
            groups.setdefault((run.model, run.dataset_label, run.stem), []).append(run)
    require_apart(dict.fromkeys((model, dataset) for model, dataset, _ in groups))
    done = 0
    for (model, dataset, stem), members in sorted(groups.items()):
        outcomes = _outcomes(members, settings, console)
        if not outcomes:
            continue
        done += 1
        of = stem
        metric = settings.select_by
        what = f"{model} on {dataset}, by {metric}"
        main = {name: outcomes[name] for name in (_race_name(settings.budgets[0]),)}
        table = regret_table(f"regret_{of}", f"Found at the first budget, {what}", main)
        curve = curve_table(f"regret_curve_{of}", f"Regret against cost, {what}", outcomes)
        write_tables([table, curve], folder, ("md",))
        with house_style():
            figure = regret_curves(model, metric, len(members) * len(settings.seeds), _points(outcomes))
            save(figure, folder / FIGURES, file_stem(f"regret_{of}"))
        console.print(to_terminal(curve, console.width))
    if not done:
        raise BenchError("No finished grid was found: search=grid (the default) makes one.")
    console.print(Text(f"Tables and figures in {folder}"), soft_wrap=True)
    return folder


def _require(settings: RegretCommand) -> None:
    """Raises :class:`BenchError` for what no strategy takes, and for a metric that is none of hits."""
    if not settings.budgets or not settings.seeds:
        raise BenchError("budgets and seeds need at least one number each, such as budgets=[0.25] seeds=[0].")
    metric_of_hits(settings.select_by)
    try:
        for seeded in strategies(settings).values():
            for seed in settings.seeds:
                seeded(seed)
    except BenchError as error:
        raise BenchError(f"{error}\nregret takes for each of its searches what search.* takes.") from None


def strategies(settings: RegretCommand) -> dict[str, Seeded]:
    """By name: a race per budget, without one, and TPE per number of trials. Given a seed, each raises
    :class:`BenchError` for rules that are none."""

    def races(budget: float | None) -> Seeded:
        return lambda seed: partial(race, rules=RaceRules(settings.first, settings.alpha, budget, seed))

    def samples(trials: int) -> Seeded:
        return lambda seed: partial(tpe, rules=TpeRules(trials, settings.batch, seed))

    made = {_race_name(budget): races(budget) for budget in (*settings.budgets, None)}
    return made | {f"tpe, {trials} pairs": samples(trials) for trials in settings.trials}


def _outcomes(members: Sequence[Run], settings: RegretCommand, console: Console) -> dict[str, list[Outcome]]:
    outcomes: dict[str, list[Outcome]] = {}
    for run in sorted(members, key=lambda run: run.language):
        try:
            stored, pivot = run.files.hits(), run.files.stored_pivot_hits()
            clusters = fact_clusters(run.files, stored.facts)
            known = truth(stored, pivot, run.blocks, metric_of_hits(settings.select_by), run.stands_for, clusters)
        except BenchError as error:
            if run.pairs:  # a baseline is no grid that lacks something
                console.print(Text(f"Left out: {run.folder}: {error}", style="yellow"), soft_wrap=True)
            continue
        for name, seeded in strategies(settings).items():
            replays = [replay(seeded(seed), known) for seed in settings.seeds]
            outcomes.setdefault(name, []).append(Outcome(run.language, known, replays))
    return outcomes


def _points(outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, list[tuple[float, float, float]]]:
    curves: dict[str, list[tuple[float, float, float]]] = {}
    for name, many in outcomes.items():
        replays = [one for outcome in many for one in outcome.replays]
        regrets = [one.regret for one in replays]
        cost = 100 * sum(one.share for one in replays) / len(replays)
        curves.setdefault(name.split(",")[0], []).append((cost, sum(regrets) / len(regrets), max(regrets)))
    return {name: sorted(points) for name, points in curves.items()}


def _race_name(budget: float | None) -> str:
    return "racing, statistics alone" if budget is None else f"racing, budget {100 * budget:g} %"
