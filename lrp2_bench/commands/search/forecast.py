"""What ``plan=true`` has found, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from lrp2_bench.commands.search.beside import Part
from lrp2_bench.grid.cost import Cost, ModelShape, log_partition_flops, partial_log_partition_flops
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.pilot import Estimate
from lrp2_bench.grid.plan import GridPlan

_GIB = 2**30


@dataclass(frozen=True)
class Memory:
    """Bytes: of the weights where states live, of a batch's states in all configurations, of a block at its widest, and
    what was free there before the model was loaded."""

    weights: int
    states: int
    widest: int
    free: int

    @property
    def needed(self) -> int:
        return self.weights + self.states + self.widest


@dataclass(frozen=True)
class Forecast:
    """What a job runs at least, at most, and what one pass per setting would; log-partition rows likewise."""

    shape: ModelShape
    plan: GridPlan
    limits: Limits
    facts: int
    certain: Cost
    possible: Cost
    naive: Cost
    log_partitions: int
    block_rate: float  # operations per second
    log_partition_rate: float
    likely: Estimate
    memory: Memory
    threads: str  # that seconds are of

    def seconds(self, *, most: bool) -> float:
        """Seconds of what is certain alone, or of all that is possible too."""
        if not most:
            return self.certain.flops / self.block_rate
        blocks = (self.certain.flops + self.possible.flops) / self.block_rate
        return blocks + self.log_partitions / self.log_partition_rate


def forecast_table(forecast: Forecast, beside: Sequence[Part] = ()) -> Table:
    """For the terminal; ``beside`` are the parts of the job that are no hits."""
    plan, certain, possible = forecast.plan, forecast.certain, forecast.possible
    most = certain + possible
    count = len(plan.settings)
    of = "1 configuration" if count == 1 else f"{count} configurations"
    table = Table(title=f"{forecast.facts:,} facts in {of}", min_width=60)
    table.add_column("", no_wrap=True)
    for column in ("at least", "at most", "one pass per configuration"):
        table.add_column(column, justify="right")
    table.add_row("blocks a query", str(plan.block_runs), str(plan.block_runs), str(plan.naive_block_runs))
    naive = forecast.naive
    table.add_row("block runs", *(f"{cost.rows + cost.finals:,}" for cost in (certain, most, naive)))
    table.add_row("tokens through blocks", *(f"{cost.tokens:,}" for cost in (certain, most, naive)))
    table.add_row("TFLOP in blocks", *(f"{cost.flops / 1e12:,.2f}" for cost in (certain, most)), "")
    table.add_row("log-partition rows", "0", f"{forecast.log_partitions:,}", "")
    likely, shape = forecast.likely, forecast.shape
    if likely.rows:
        heads = log_partition_flops(shape, round(likely.rows))
        heads += partial_log_partition_flops(shape, round(likely.partial_rows))
        table.add_row("likely log-partition rows", f"{likely.rows:,.0f}", "", "")
        table.add_row("  and partial ones", f"{likely.partial_rows:,.0f}", "", "")
        table.add_row("likely TFLOP in heads", f"{heads / 1e12:,.2f}", "", "")
    table.add_row("TFLOP in all", "", "", f"{naive.flops / 1e12:,.2f}")
    full = (f"{forecast.seconds(most=most):,.0f}" for most in (False, True))
    table.add_row("seconds in full batches", *full, "")
    table.caption = f"Seconds on this machine with nothing else running, {forecast.threads}."
    table.add_row("likely seconds of hits", f"{likely.seconds:,.0f} ± {likely.error:,.0f}", "", "")
    for part in beside:
        table.add_row(f"  {part.what}", f"{part.seconds:,.0f}", "", "")
    table.add_row("likely seconds in all", f"{likely.seconds + sum(part.seconds for part in beside):,.0f}", "", "")
    memory = forecast.memory
    for what, size in (
        ("memory of weights", memory.weights),
        ("memory of states", memory.states),
        ("memory of a block", memory.widest),
        ("memory in all", memory.needed),
        ("free of it" if memory.needed <= memory.free else "free, which is less", memory.free),
    ):
        table.add_row(what, "", f"{size / _GIB:.2f} GiB", "")
    return table
