"""What a run costs before it runs: rows, tokens and floating-point operations, as pure arithmetic over what a model's
own blocks are counted to do (:mod:`lrp2_bench.grid.dry_count`).

A multiplication and an addition are two operations; norms, activations and softmaxes are left out, as is usual.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lrp2_bench.grid.dry_count import ModelShape, model_shape
from lrp2_bench.grid.plan import GridPlan
from lrp2_bench.probing.log_partition import leading_tokens
from lrp2_bench.probing.probe import Shape

__all__ = ["Cost", "ModelShape", "block_flops", "final_block_flops", "floor", "grid_cost", "log_partition_flops",
           "model_shape", "naive_cost"]  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """``rows``: (query, block) pairs run in full; ``tokens``: tokens of those; ``finals``: rows of the last
    block, run at scored positions alone; ``flops``: operations of all of it, heads included."""

    rows: int = 0
    tokens: int = 0
    finals: int = 0
    flops: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.rows + other.rows,
            self.tokens + other.tokens,
            self.finals + other.finals,
            self.flops + other.flops,
        )


def block_flops(model: ModelShape, tokens: int) -> float:
    """One block over one sequence."""
    return model.token * tokens + model.pair * tokens * tokens


def final_block_flops(model: ModelShape, tokens: int, scored: int) -> float:
    """The last block: keys and values of all tokens, everything else at the scored ones, where a block can do so."""
    everywhere = model.keys * tokens + model.keys_pair * tokens * tokens
    return everywhere + model.scored * scored + model.scored_pair * scored * tokens


def decoder_flops(model: ModelShape, tokens: int, targets: int, row: int) -> float:
    """An encoder-decoder's decoder over ``targets`` tokens in rows of ``row``, each beside ``tokens`` of the encoder.

    Beside a block's own parts, queries and outputs at the targets look at the keys and values of the encoder's tokens.
    """
    if not targets:
        return 0.0
    h, rows = model.hidden, targets / row
    across = 2.0 * targets * 2 * h * h + 2.0 * rows * tokens * 2 * h * h + 4.0 * targets * tokens * h
    return model.decoder_blocks * (rows * block_flops(model, row) + across)


def log_partition_flops(model: ModelShape, rows: int) -> float:
    """Rows of the whole head."""
    return 2.0 * rows * model.hidden * model.vocab


def partial_log_partition_flops(model: ModelShape, rows: int) -> float:
    """Rows of the head at the tokens that lead alone."""
    return 2.0 * rows * model.hidden * leading_tokens(model.vocab)


def grid_cost(model: ModelShape, plan: GridPlan, shapes: Iterable[Shape]) -> Cost:
    """Queries of these shapes through every setting of the plan, log-partitions not counted."""
    finals, settings = plan.final_runs, len(plan.settings)
    runs = plan.block_runs - finals
    total = Cost()
    for shape in shapes:
        flops = shape.queries * settings * 2.0 * model.hidden * shape.candidate_tokens
        for tokens in shape.lengths:
            flops += runs * block_flops(model, tokens) + finals * final_block_flops(model, tokens, shape.scored)
            flops += settings * decoder_flops(model, tokens, shape.decoder_tokens, shape.decoder_row)
        total += Cost(shape.queries * runs, sum(shape.lengths) * runs, shape.queries * finals, flops)
    return total


def naive_cost(model: ModelShape, plan: GridPlan, shapes: Iterable[Shape]) -> Cost:
    """The same by one full pass per setting, its logits at every token."""
    settings = len(plan.settings)
    total = Cost()
    for shape in shapes:
        rows = shape.sentences * settings * model.blocks
        flops = rows * block_flops(model, shape.sentence_tokens)
        passes, targets = shape.sentences * settings, shape.target_tokens
        flops += passes * decoder_flops(model, shape.sentence_tokens, targets, targets)
        flops += passes * log_partition_flops(model, targets or shape.sentence_tokens)
        total += Cost(rows * shape.queries, rows * shape.sentence_tokens * shape.queries, 0, flops * shape.queries)
    return total


def floor(model: ModelShape, plan: GridPlan, shapes: Iterable[Shape]) -> float:
    """Operations that no method which runs the model's own blocks in each setting can do without.

    Every setting's states differ from every other's from its first projection on, so each of the plan's block runs
    must happen for the queries that decide a cell at the least: a masked fact's own length, a causal fact's prefix
    tree, an encoder-decoder's query with its candidates' tree. The last block is needed at the scored positions,
    candidates' logits once each; a log-partition never certainly. ``shapes`` are a workload's certain ones.
    """
    return grid_cost(model, plan, shapes).flops
