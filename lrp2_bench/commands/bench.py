"""``lrp2-bench bench``: the engine against what users write by hand, on one machine in one run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from lrp2_bench.bench.leading import with_share_leading
from lrp2_bench.bench.measure import (
    Naive,
    Ours,
    agreement,
    hit_rate,
    in_bfloat16,
    matrix_peak,
    run_naive,
    run_ours,
    spread_sample,
)
from lrp2_bench.bench.models import Subject, known_models, subject
from lrp2_bench.bench.naive import hooked_forward
from lrp2_bench.bench.nnsight import nnsight_forward, nnsight_is_here
from lrp2_bench.bench.stored import require_own
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.core.files import write_json
from lrp2_bench.core.settings import BenchCommand, GridSettings, ProbingSettings
from lrp2_bench.core.types import ParallelFacts, Relation, all_pairs
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.devices import choose_device
from lrp2_bench.models.shipped import shipped_names
from lrp2_bench.probing.build import pool_size
from lrp2_bench.probing.pools import pool_of
from lrp2_bench.results.manifest import environment, peak_memory_bytes

log = logging.getLogger(__name__)


def run_bench(settings: BenchCommand, make_dataset: Callable[[], Dataset], console: Console) -> Path:
    """Measure, print and write ``bench.json`` in the output folder; returns its path."""
    for name in settings.checkpoints:
        if name not in settings.models:
            raise UnknownNameError("model in checkpoints:", name, settings.models, "They are those of models=[...].")
    for name in settings.models:
        if name not in (known := [*known_models(), *settings.checkpoints]):
            hint = "Set models=[...], and +checkpoints.NAME=DIR for a model of your own."
            raise UnknownNameError("benchmark model", name, known, hint)
    device = choose_device(settings.device)
    facts = make_dataset().facts(settings.language, settings.pivot, DataWarnings())
    path = Path(settings.output).expanduser() / "bench.json"
    measured = {
        "models": sorted(settings.models), "checkpoints": dict(settings.checkpoints), "dataset": facts.digest,
        "language": settings.language, "pivot": settings.pivot, "seed": settings.seed,
    }  # fmt: skip
    require_own(path, measured)
    peak = matrix_peak(device)
    results = []
    for name in settings.models:
        languages = (settings.language, settings.pivot)
        checkpoint = settings.checkpoints.get(name)
        weighed = subject(name, checkpoint, languages, filled(facts), device, settings.seed)
        results += list(_cases(weighed, facts, settings, peak))
        del weighed
    console.print(_table(results, peak, device))
    for line in _remarks(results):
        console.print(line, soft_wrap=True, markup=False)
    write_json(
        path,
        {
            "environment": environment(), "device": str(device), "matrix_peak_flops": peak,
            "measured": measured, "cases": results,
        },
    )  # fmt: skip
    log.info("Measurements: %s", path)
    return path


def _cases(measured: Subject, facts: ParallelFacts, settings: BenchCommand, peak: float) -> Iterator[dict[str, Any]]:
    name, model, language, pivot = measured.name, measured.model, measured.language, measured.pivot
    plan = plan_grid(model.blocks, all_pairs(model.blocks))
    sample = spread_sample(len(plan.settings), settings.naive_settings)
    # Copied before nnsight puts its own forward into the model's modules.
    halved = in_bfloat16(model) if settings.bfloat16 else None
    # The shipped models are hundreds of times smaller than those that the paper used.
    limit = settings.facts[model.family if name not in shipped_names() else "shipped"]
    for whole in facts.relations:
        relation = replace(whole, facts=whole.facts[:limit])
        if settings.leading is not None and model.family == "masked":
            vectors = (language, pivot)
            relation = with_share_leading(model, whole, plan, vectors, settings.leading, limit, settings.seed)
        pool = pool_of(relation, pool_size(model, ProbingSettings()), settings.seed)
        log.info("%s %s: %d facts in %d configurations.", name, relation.name, len(relation.facts), len(plan.settings))
        ours = run_ours(model, relation, pool, plan, (language, pivot), GridSettings())
        log.info("ours: %.1f s; now %d of the configurations naively.", ours.seconds, len(sample))
        others = [
            run_naive(
                "hooks", hooked_forward(model, language, pivot), model, relation, pool, plan.settings, sample, ours.hits
            )
        ]
        if nnsight_is_here():
            forward = nnsight_forward(model, language, pivot)
            others.append(run_naive("nnsight", forward, model, relation, pool, plan.settings, sample, ours.hits))
        case = _case(measured, relation, len(pool.labels), len(plan.settings), ours, others, peak)
        if halved is not None:
            half = run_ours(halved, relation, pool, plan, (language, pivot), GridSettings())
            case["bfloat16"] = {
                "seconds": half.seconds,
                "ratio": others[0].seconds / half.seconds,
                "agreement": agreement(ours.hits, half.hits),
            }
        yield case


def _case(
    measured: Subject, relation: Relation, pool: int, settings: int, ours: Ours, others: list[Naive], peak: float
) -> dict[str, Any]:
    cells = len(relation.facts) * settings
    return {
        "model": measured.name,
        "weights": "trained" if measured.trained else "random",
        "relation": relation.name,
        "facts": len(relation.facts),
        "pool": pool,
        "settings": settings,
        "hit_rate": hit_rate(ours.hits),
        "q": ours.q,
        "r": ours.r,
        "exact_log_partitions": ours.exact_share,
        "rows_per_cell": ours.rows,
        "partial_rows_per_cell": ours.partial_rows,
        "seconds": ours.seconds,
        "setup_seconds": ours.setup_seconds,
        "cells_per_second": cells / ours.seconds,
        "flops_per_second": ours.flops / ours.seconds,
        "floor_flops": ours.floor_flops,
        "ceiling": ours.ceiling,
        "floor_of_peak": ours.floor_flops / ours.seconds / peak,
        "peak_memory_bytes": peak_memory_bytes(),
        "others": [asdict(other) | {"ratio": other.seconds / ours.seconds} for other in others],
    }


def _table(results: list[dict[str, Any]], peak: float, device: torch.device) -> Table:
    table = Table(title=f"float32, {device}; matrix peak {peak / 1e9:,.0f} GFLOP/s", caption_justify="left")
    names = "case", "facts", "pool", "hits", "q", "r", "rows", "seconds", "cells/s", "GFLOP/s", "floor/peak", "GiB"
    for column in (*names, "against", "ratio", "ceiling", "differ"):
        left = column in {"case", "against"}
        table.add_column(column, justify="left" if left else "right", no_wrap=left)
    for case in results:
        for number, other in enumerate(case["others"]):
            first = [
                f"{case['model']} {case['relation']}", str(case["facts"]), str(case["pool"]),
                f"{100 * case['hit_rate']:.1f}%", f"{case['q']:.2f}", f"{case['r']:.2f}",
                f"{case['rows_per_cell']:.1f}", f"{case['seconds']:.1f}",
                f"{case['cells_per_second']:,.0f}", f"{case['flops_per_second'] / 1e9:,.0f}",
                f"{case['floor_of_peak']:.2f}", f"{case['peak_memory_bytes'] / 2**30:.1f}",
            ]  # fmt: skip
            # Under the case's name stands what its weights are.
            below = [f"  {case['weights']}", *[""] * (len(first) - 1)]
            table.add_row(
                *(first if number == 0 else below if number == 1 else [""] * len(first)),
                other["name"], f"{other['ratio']:.1f}x", f"{case['ceiling']:.1f}x" if number == 0 else "",
                f"{other['differing']}/{other['cells']}",
            )  # fmt: skip
        if half := case.get("bfloat16"):
            same = f"{100 * half['agreement']:.0f}% agree"
            first = ["  in bfloat16", *[""] * 6, f"{half['seconds']:.1f}", *[""] * 4]
            table.add_row(*first, "hooks", f"{half['ratio']:.1f}x", "", same)
    return table


def _remarks(results: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "q: share of facts whose object leads its own length for some pair; r: share of log-partition rows computed; "
        "rows: those computed over the whole vocabulary for each cell, to which come partial ones over a 512th of it; "
        "floor/peak: fewest operations any exact method needs, per second, of the measured peak; ceiling: the naive "
        "method's operations for each that is certain here, and for each log-partition computed; GiB: the largest "
        "resident size so far."
    )
    if any("bfloat16" in case for case in results):
        yield "In bfloat16: of the cells hit in either precision, the share hit in both."
    sampled = results[0]["others"][0]["sampled"] if results else 0
    yield f"The others ran {sampled} of the configurations; their seconds are scaled. Their hits were compared there."
    wrong = sum(other["not_close"] for case in results for other in case["others"])
    yield f"Cells that differ though not too close to call: {wrong}."
    if not nnsight_is_here():
        yield "nnsight is not installed, so it was not measured (pip install nnsight)."


def filled(facts: ParallelFacts) -> list[str]:
    """What the stand-in tokenizer is trained on: the facts, filled, in both languages."""
    return [
        relation.fill(fact, fact.object).text
        for side in (facts.relations, facts.pivot_relations)
        for relation in side
        for fact in relation.facts
    ]
