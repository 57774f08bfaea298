"""``plan=true``: what a search would run, before it runs.

Counts are exact for what does not depend on scores, and an upper bound for what does. The bounds in seconds come from
timing this model's own block and head on this machine for a moment, the estimate from running a sample of the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from lrp2_bench.commands.search.asked import what_is_asked
from lrp2_bench.commands.search.beside import Part, beside, probe_of
from lrp2_bench.commands.search.fingerprint import baselines_for
from lrp2_bench.commands.search.forecast import Forecast, Memory, forecast_table
from lrp2_bench.commands.search.projection import Projection, choose_projection
from lrp2_bench.commands.search.rates import block_rate, log_partition_rate
from lrp2_bench.commands.search.searchable import require_searchable
from lrp2_bench.commands.search.shards import part_of, shard_of
from lrp2_bench.commands.search.stand_in import stand_in_edit
from lrp2_bench.commands.search.strategies import CHOOSING
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import SearchCommand, SearchKind
from lrp2_bench.core.types import NOT_EVALUATED, ParallelFacts, Relation, Setting
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.grid.cost import (
    Cost,
    ModelShape,
    grid_cost,
    model_shape,
    naive_cost,
)
from lrp2_bench.grid.limits import Limits, allowed_bytes, limits_for
from lrp2_bench.grid.pilot import Estimate, estimate
from lrp2_bench.grid.plan import GridPlan, plan_grid
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.models.devices import choose_device, clock
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.loading import Checkpoint, find_checkpoint, load_model, weights_ahead
from lrp2_bench.models.memory import free_bytes
from lrp2_bench.probing.asked import as_asked
from lrp2_bench.probing.build import build_log_partition
from lrp2_bench.probing.probe import Probe
from lrp2_bench.probing.scores import require_scores
from lrp2_bench.results.baselines import Baselines
from lrp2_bench.results.hits import HitsStore, Side, holds_hits

_GIB = 2**30


def run_plan(
    settings: SearchCommand,
    make_dataset: Callable[[], Dataset],
    make_corpus: Callable[[], Corpus],
    console: Console,
    folder: Path | None = None,
) -> float:
    """Print the forecast of a search, or of its shard, and return its likely seconds. The model is loaded, so that its
    tokenizer and this machine's speed are real. Relations whose hits are in the run's ``folder`` are left out."""
    require_searchable(settings)
    data_warnings = DataWarnings()
    shard = shard_of(settings.shard)
    dataset = make_dataset()
    projection = choose_projection(settings, dataset.languages)
    facts = dataset.facts(settings.language, settings.pivot, data_warnings)
    facts = part_of(shard, as_asked(facts, settings.probing))
    checkpoint = find_checkpoint(settings.model)
    console.print(_memory_ahead(checkpoint, settings), highlight=False, soft_wrap=True)
    model = load_model(checkpoint, settings.model)
    data_warnings.report()
    require_scores(model, facts)
    pairs = settings.search.kind is not SearchKind.baseline
    left = _open_part(facts, folder, _grid(model, settings, pairs)) if folder is not None else facts
    if done := len(facts.relations) - len(left.relations):
        console.print(f"{done} of {len(facts.relations)} relations are done already and left out.", highlight=False)
    moved, unknown = projection if pairs else None, ""
    others: list[Part] = []
    if shard is None:
        chosen = _grid(model, settings, pairs).pairs
        others, unknown = beside(model, checkpoint, settings, facts, moved, chosen, make_corpus, folder)
    seconds = sum((part.seconds for part in others), 0.0)
    if not left.relations and not left.pivot_relations:
        for part in others:
            console.print(f"Left to do beside hits: {part.what}, {part.seconds:,.0f} s.", highlight=False)
        return seconds
    left, has_baselines = _without_known(left, baselines_for(settings, checkpoint, model), settings, console)
    found = forecast(model, facts, settings, moved, left, baseline=not has_baselines)
    console.print(forecast_table(found, others))
    if unknown:
        console.print(unknown, highlight=False, soft_wrap=True)
    if shard is not None and pairs:
        console.print("Not counted: language vectors, and what the last shard does (alignment, damage, random draws).")
    if settings.search.strength_range is not None:
        console.print("Strengths of search.strength_range are not counted: this is the grid at one of them.")
    if settings.search.kind is SearchKind.racing and settings.search.budget is not None:
        console.print(
            f"search=racing takes about {100 * settings.search.budget:g} % of the seconds of hits (search.budget)."
        )
    elif settings.search.kind not in (SearchKind.grid, SearchKind.pairs, SearchKind.baseline):
        console.print(
            f"search={settings.search.kind.value} takes a part of the seconds of hits, which its hits decide."
        )
    return found.likely.seconds + seconds


def _open_part(facts: ParallelFacts, folder: Path, plan: GridPlan) -> ParallelFacts:
    """The relations that a job would still evaluate in ``folder``, of either side."""
    if not holds_hits(folder):
        return facts
    store = HitsStore(folder)

    def is_open(side: Side, relation: Relation, wanted: Sequence[Setting]) -> bool:
        return NOT_EVALUATED in store.load(side, relation.name, relation.facts, wanted)

    return replace(
        facts,
        relations=tuple(each for each in facts.relations if is_open("language", each, plan.settings)),
        pivot_relations=tuple(each for each in facts.pivot_relations if is_open("pivot", each, (None,))),
    )


def _without_known(
    left: ParallelFacts, known: Baselines | None, settings: SearchCommand, console: Console
) -> tuple[ParallelFacts, bool]:
    """What is left where earlier runs have baselines, and whether they have those of all that is left to be moved.
    Searches that choose their pairs take the pivot's alone."""
    if known is None:
        return left, False

    def unknown(language: str, relations: Sequence[Relation]) -> tuple[Relation, ...]:
        return tuple(each for each in relations if known.load(language, each) is None)

    has_baselines, kind = False, settings.search.kind
    if left.language != left.pivot:
        left = replace(left, pivot_relations=unknown(left.pivot, left.pivot_relations))
    if kind is SearchKind.baseline:
        left = replace(left, relations=unknown(left.language, left.relations))
    elif kind not in CHOOSING:
        has_baselines = not unknown(left.language, left.relations)
    if known.recalled:
        told = f"Relations whose baseline an earlier run has kept: {len(known.recalled)} (of either language)."
        console.print(told, highlight=False)
    return left, has_baselines


def _grid(
    model: LayeredModel, settings: SearchCommand, pairs: bool, edit: Edit | None = None, baseline: bool = True
) -> GridPlan:
    chosen = intervention(settings.projection)
    asked = what_is_asked(settings, chosen).pairs(chosen, model.blocks) if pairs else ()
    uses_back = edit is not None and edit.before_leaving_uses_back
    return plan_grid(model.blocks, asked, baseline=baseline, uses_back=uses_back)


def _memory_ahead(checkpoint: Checkpoint, settings: SearchCommand) -> str:
    """What is known of the memory before the weights are read; loading them refuses those that do not fit."""
    device = choose_device(settings.model.device)
    (kept, weights), *others = weights_ahead(checkpoint, settings.model).items()
    free = free_bytes(device)
    states = allowed_bytes(device, free - weights, settings.grid)
    instead = ", ".join(f"{size / _GIB:.2f} in {way}" for way, size in others)
    told = f"Weights in {kept} take {weights / _GIB:.2f} GiB{f' ({instead})' if instead else ''}"
    if weights + states <= free:
        return f"{told}, states up to {states / _GIB:.2f} GiB; free on {device}: {free / _GIB:.2f} GiB."
    return (
        f"{told}, which with states of up to {max(states, 0) / _GIB:.2f} GiB is more than is free on {device}: "
        f"{free / _GIB:.2f} GiB."
    )


def forecast(
    model: LayeredModel,
    facts: ParallelFacts,
    settings: SearchCommand,
    projection: Projection | None,
    left: ParallelFacts | None = None,
    *,
    baseline: bool = True,
) -> Forecast:
    """Tokenizes every query and runs a few. Without a ``projection`` the baseline alone; ``left``: the part of
    ``facts`` that is still to be asked; ``baseline``: whether it is too."""
    left = left or facts
    edit = stand_in_edit(projection, settings, model, facts) if projection is not None else None
    grid = _grid(model, settings, projection is not None, edit, baseline)
    log_partition = build_log_partition(model, settings.grid)
    sides: list[tuple[GridPlan, Sequence[Relation]]] = [(grid, left.relations)]
    if facts.language != facts.pivot:
        sides.append((plan_grid(model.blocks, ()), left.pivot_relations))
    counted, estimates, building = [], [], 0.0
    for plan, relations in sides:
        start = clock(model.device)
        probes = [probe_of(model, relation, settings, log_partition) for relation in relations]
        building += clock(model.device) - start  # which the job does again
        limits = limits_for(model, plan, settings.grid)
        estimates.append(estimate(probes, plan, edit, limits, settings.seed))
        counted.append(_count(model_shape(model), probes, plan, limits))
    limits = limits_for(model, grid, settings.grid)
    shape = model_shape(model)
    here = (each for each in (*model.model.parameters(), *model.model.buffers()) if each.device == model.device)
    weights = sum(each.numel() * each.element_size() for each in here)
    memory = Memory(
        weights,
        limits.query_tokens * len(grid.settings) * limits.cell_bytes * 2,
        int(limits.step_tokens * shape.token_bytes),
        free_bytes(model.device) + weights,
    )
    return Forecast(
        shape=model_shape(model),
        plan=grid,
        limits=limits,
        facts=sum(len(relation.facts) for relation in left.relations),
        certain=sum((side.certain for side in counted), Cost()),
        possible=sum((side.possible for side in counted), Cost()),
        naive=sum((side.naive for side in counted), Cost()),
        log_partitions=sum(side.log_partitions for side in counted),
        block_rate=block_rate(model, model_shape(model), limits),
        log_partition_rate=log_partition_rate(model, log_partition),
        likely=Estimate(
            building + sum(part.seconds for part in estimates),
            sum(part.error**2 for part in estimates) ** 0.5,
            sum(part.facts for part in estimates),
            sum(part.relations for part in estimates),
            sum(part.rows for part in estimates),
            sum(part.partial_rows for part in estimates),
        ),
        memory=memory,
        threads=_threads(torch.get_num_threads()) if model.device.type == "cpu" else f"on {model.device}",
    )


@dataclass(frozen=True)
class _Counts:
    """What one side's queries cost, as in :class:`Forecast`."""

    certain: Cost
    possible: Cost
    naive: Cost
    log_partitions: int


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"


def _count(shape: ModelShape, probes: Sequence[Probe], plan: GridPlan, limits: Limits) -> _Counts:
    work = [probe.workload(limits.query_tokens) for probe in probes]
    parts = [part for each in work for part in (*each.certain, *each.possible)]
    return _Counts(
        sum((grid_cost(shape, plan, each.certain) for each in work), Cost()),
        sum((grid_cost(shape, plan, each.possible) for each in work), Cost()),
        sum((naive_cost(shape, plan, each.certain + each.possible) for each in work), Cost()),
        sum(len(plan.settings) * part.log_partitions * part.queries for part in parts),
    )
