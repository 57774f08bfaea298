"""``lrp2-bench bench launches=true``: what the host would tell a GPU for each fact, and how often it would wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrp2_bench.bench.launches import BLOCKS, GPU, PHASES, Launches, count_launches
from lrp2_bench.bench.stored import require_own
from lrp2_bench.commands.bench import filled
from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.files import write_json
from lrp2_bench.core.settings import BenchCommand
from lrp2_bench.core.types import all_pairs
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.results.manifest import environment

log = logging.getLogger(__name__)


def run_launches(settings: BenchCommand, make_dataset: Callable[[], Dataset], console: Console) -> Path:
    """Count, print and write ``launches.json`` in the output folder; returns its path."""
    facts = make_dataset().facts(settings.language, settings.pivot, DataWarnings())
    path = Path(settings.output).expanduser() / "launches.json"
    measured = {"dataset": facts.digest, "language": settings.language, "pivot": settings.pivot, "seed": settings.seed}
    require_own(path, measured)
    found = []
    for family in ("masked", "causal"):
        for relation in facts.relations:
            found.append(count_launches(family, relation, filled(facts), settings.seed))
            log.info("%s %s: %.1f operators a fact.", family, relation.name, found[-1].launched)
    console.print(_table(found))
    console.print(
        f"Counted on the CPU with batches as large as a GPU's: {GPU.query_tokens:,} tokens of queries, "
        f"{GPU.step_tokens:,} tokens pass a block at once; {BLOCKS} blocks, {len(all_pairs(BLOCKS))} pairs and the "
        "baseline. A wait is a value that the host reads, a size that depends on values, or a copy seen through.",
        soft_wrap=True,
    )  # fmt: skip
    write_json(path, {"environment": environment(), "measured": measured, "counts": [asdict(each) for each in found]})
    log.info("Counts: %s", path)
    return path


def _table(found: Sequence[Launches]) -> Table:
    table = Table(title="Operators launched for each fact, by part, and waits of the host")
    table.add_column("family")
    for name in ("relation", "facts", *PHASES, "launches", "waits"):
        table.add_column(name, justify="right")
    for each in found:
        parts = (f"{each.launches[phase]:.1f}" for phase in PHASES)
        counted = f"{each.launched:.1f}", f"{each.waited:.2f}"
        table.add_row(*map(Text, (each.family, each.relation, str(each.facts), *parts, *counted)))
    return table
