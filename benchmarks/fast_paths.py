"""Whether an architecture's own adapter is faster than the generic one: both over the same weights, turn by turn.

Models of true size with random weights; seconds of processor time on one thread, which other work on the machine
disturbs least; the ratio is the generic adapter's by the fast one's, the median of the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from typing import Any

import torch

from benchmarks.running import markdown, parser
from lrp2_bench.bench.models import RANDOM_MODELS, random_vectors, subject
from lrp2_bench.commands.bench import filled
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import GridSettings, ProbingSettings
from lrp2_bench.core.types import Hits, Relation, all_pairs
from lrp2_bench.data.cldr.dataset import CldrDataset
from lrp2_bench.grid.engine import evaluate
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.interventions.projection import shifts
from lrp2_bench.models.generic.adapter import GenericCausal, GenericMasked
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.build import build_log_partition, build_probe, pool_size
from lrp2_bench.probing.pools import pool_of

HEAD = ("model", "facts", "configurations", "fast, s", "generic, s", "ratio", "hits that differ")


def main(arguments: list[str]) -> None:
    ours = parser(str(__doc__), "bench")
    ours.add_argument("--models", nargs="+", default=sorted(RANDOM_MODELS), choices=sorted(RANDOM_MODELS))
    ours.add_argument("--facts", type=int, default=4)
    ours.add_argument("--every", type=int, default=6, help="of so many layer pairs one is evaluated")
    ours.add_argument("--rounds", type=int, default=3)
    options = ours.parse_args(arguments)
    torch.set_num_threads(1)
    text = markdown(HEAD, [measure(name, options.facts, options.every, options.rounds) for name in options.models])
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "fast_paths.md").write_text(text + "\n", "utf-8")
    print(text)


def measure(name: str, facts: int, every: int, rounds: int) -> list[str]:
    """A model's line."""
    read = CldrDataset().facts("de", "en", DataWarnings())
    fast = subject(name, None, ("de", "en"), filled(read), torch.device("cpu"), 0).model
    made: Any = GenericMasked if fast.family == "masked" else GenericCausal
    generic: LayeredModel = made(fast.model, fast.tokenizer)
    relation = replace(read.relations[0], facts=read.relations[0].facts[:facts])
    seconds: dict[str, list[float]] = {"fast": [], "generic": []}
    hits: dict[str, Hits] = {}
    for _ in range(rounds + 1):
        for adapter, model in (("fast", fast), ("generic", generic)):
            spent, hits[adapter], settings = _run(model, relation, every)
            seconds[adapter].append(spent)
    first, second = (found[1:] for found in seconds.values())  # the first of anything is slow
    ratios = [theirs / ours for ours, theirs in zip(first, second, strict=True)]
    return [
        name, str(len(relation.facts)), str(settings), f"{statistics.median(first):.1f}",
        f"{statistics.median(second):.1f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{int((hits['fast'] != hits['generic']).sum())} of {hits['fast'].size}",
    ]  # fmt: skip


def _run(model: LayeredModel, relation: Relation, every: int) -> tuple[float, Hits, int]:
    plan = plan_grid(model.blocks, all_pairs(model.blocks)[::every])
    grid = GridSettings(rough_log_partitions=False)  # by the head alone, which both share
    pool = pool_of(relation, pool_size(model, ProbingSettings()), 0)
    log_partition = build_log_partition(model, grid)
    probe = build_probe(model, relation, pool, relation.name, ProbingSettings(), log_partition, DataWarnings())
    limits, moved = limits_for(model, plan, grid), shifts(*random_vectors(model, 0))
    start = time.process_time()
    found = evaluate(probe, plan, moved, range(len(relation.facts)), limits, lambda steps=1: None)
    return time.process_time() - start, found, len(plan.settings)


if __name__ == "__main__":
    main(sys.argv[1:])
