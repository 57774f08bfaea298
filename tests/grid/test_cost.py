"""What a run costs is known before it runs: the arithmetic against the engine's own counts and PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProbingSettings, SentenceScore
from lrp2_bench.core.types import LayerPair, Relation, all_pairs
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.cost import (
    Cost,
    ModelShape,
    block_flops,
    decoder_flops,
    final_block_flops,
    floor,
    grid_cost,
    log_partition_flops,
    model_shape,
    naive_cost,
)
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import GridPlan, plan_grid
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.probe import Probe, ProbeCounts, Shape, Workload
from lrp2_bench.probing.target_tree import pack, target_tree
from tests.support.models import ARCHITECTURES
from tests.support.probing import AMPLE, decide_all, load, probe_of, relation_of
from tests.support.seq2seq import build_seq2seq

#: Whole grid, a part of it, and no pairs at all.
PLANS = [plan_grid(4, all_pairs(4)), plan_grid(4, [LayerPair(1, 3), LayerPair(2, 3)], baseline=False), plan_grid(4, ())]

#: Every plan and every limit at least once: together they multiply time, and no other code runs.
CASES = pytest.mark.parametrize(
    ("plan", "limits"),
    [(PLANS[0], AMPLE), (PLANS[0], Limits(60, 20)), (PLANS[1], Limits(1, 1)), (PLANS[2], Limits(60, 20))],
    ids=["grid at once", "grid in parts", "two pairs one by one", "baseline in parts"],
)


def _sizes(model: LayeredModel) -> ModelShape:
    return ModelShape.plain(model.blocks, model.hidden_size, 4 * model.hidden_size, model.vocab_size)


def _toy(toy_mlama: Path, relation: str, language: str = "de") -> Relation:
    return MLama(toy_mlama, relations=[relation]).facts(language, "en", DataWarnings()).relations[0]


def _ran(probe: Probe, plan: GridPlan, limits: Limits) -> Cost:
    model = probe.model
    moved = torch.randn(model.blocks + 1, model.hidden_size, generator=torch.Generator().manual_seed(1))
    probe.counts = ProbeCounts()
    work = decide_all(probe, plan, (3 if model.family == "masked" else 20) * moved, limits)[0].work
    return Cost(work.rows, work.tokens, work.finals)


def _counted(model: LayeredModel, plan: GridPlan, shapes: list[Shape]) -> Cost:
    return replace(grid_cost(_sizes(model), plan, shapes), flops=0.0)


@CASES
@pytest.mark.parametrize("score", list(SentenceScore))
def test_a_causal_run_costs_exactly_what_is_certain(
    score: SentenceScore, limits: Limits, plan: GridPlan, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model = load(model_folder("bloom"))
    for relation in ("P36", "P17"):
        probe = probe_of(model, _toy(toy_mlama, relation), None, ProbingSettings(sentence_score=score))
        work = probe.workload(limits.query_tokens)
        assert not work.possible
        assert _ran(probe, plan, limits) == _counted(model, plan, work.certain)
        wanted = len(plan.settings) * sum(shape.log_partitions * shape.queries for shape in work.certain)
        assert probe.counts.log_partitions == wanted
        assert probe.counts.rough_log_partitions <= wanted
        assert probe.counts.exact_log_partitions <= wanted


@CASES
def test_a_masked_run_without_other_lengths_costs_exactly_what_is_certain(
    limits: Limits, plan: GridPlan, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder("bert"))
    cities = [("Frankreich", "Paris"), ("Deutschland", "Berlin"), ("Vereinigte Staaten", "Japan")]
    probe = probe_of(model, relation_of("Die Hauptstadt von [X] ist [Y] .", cities))
    work = probe.workload(limits.query_tokens)
    assert not work.possible
    assert sum(shape.queries for shape in work.certain) == 3
    assert _ran(probe, plan, limits) == _counted(model, plan, work.certain)
    assert probe.counts.log_partitions == probe.counts.rough_log_partitions == probe.counts.exact_log_partitions == 0


@pytest.mark.parametrize("rough", [True, False])
@CASES
def test_a_masked_run_costs_what_is_certain_at_least_and_what_is_possible_at_most(
    limits: Limits, plan: GridPlan, rough: bool, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model, more = load(model_folder("bert")), 0
    for relation in ("P36", "P17", "P30"):
        log_partition = LogPartition(model, 64, rough=rough)
        probe = probe_of(model, _toy(toy_mlama, relation), log_partition=log_partition)
        work = probe.workload(limits.query_tokens)
        least, most = (_counted(model, plan, shapes) for shapes in (work.certain, work.certain + work.possible))
        ran = _ran(probe, plan, limits)
        assert least.rows <= ran.rows <= most.rows
        assert least.tokens <= ran.tokens <= most.tokens
        assert least.finals <= ran.finals <= most.finals
        more += ran.finals - least.finals
        everything = len(plan.settings) * sum(
            shape.log_partitions * shape.queries for shape in work.certain + work.possible
        )
        assert probe.counts.log_partitions <= everything
        assert probe.counts.rough_log_partitions + probe.counts.exact_log_partitions <= 2 * probe.counts.log_partitions
    assert more > 0 or len(plan.settings) < 3, "no second stage ran"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_floor_is_what_is_certain_however_it_is_batched(
    architecture: str, model_folder: Callable[[str], Path], toy_mlama: Path
) -> None:
    model, plan = load(model_folder(architecture)), PLANS[0]
    sizes, probe = _sizes(model), probe_of(model, _toy(toy_mlama, "P36"))
    together, alone = probe.workload(4096).certain, probe.workload(1).certain
    assert sum(shape.queries for shape in together) == sum(shape.queries for shape in alone)
    assert len(alone) > len(together) or model.family == "causal"
    assert floor(sizes, plan, alone) == pytest.approx(grid_cost(sizes, plan, alone).flops)
    assert floor(sizes, plan, together) == pytest.approx(floor(sizes, plan, alone))


def test_the_naive_evaluator_costs_a_pass_a_setting_and_sentence() -> None:
    sizes, plan = ModelShape.plain(4, 32, 128, 400), PLANS[0]
    cost = naive_cost(sizes, plan, [Shape((9, 9), 2, 5, 3, 7, 4)])
    passes = 2 * 3 * 7
    assert (cost.rows, cost.tokens, cost.finals) == (passes * 4, passes * 4 * 7, 0)
    assert cost.flops == passes * (4 * block_flops(sizes, 7) + log_partition_flops(sizes, 7))


def test_sharing_saves_what_the_plan_says_at_real_sizes() -> None:
    mbert, plan = ModelShape.plain(12, 768, 3072, 119_547), plan_grid(12, all_pairs(12))
    work = Workload([Shape((12,), 1, 0, 1, 12, 1)], [])
    saved = naive_cost(mbert, plan, work.certain).rows / grid_cost(mbert, plan, work.certain).rows
    assert saved == pytest.approx(67 * 12 / (298 - 67))


def _flops(run: Callable[[], object]) -> float:
    """PyTorch's own count, with attention as plain matrix products."""
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("tokens", [3, 17])
def test_operations_are_those_that_pytorch_counts(
    tokens: int, architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load(model_folder(architecture))
    sizes, rows, scored = _sizes(model), 2, 2
    batch = model.batch([[5] * tokens] * rows)
    positions = torch.tensor([[0, tokens - 1]] * rows)
    context, hidden = model.context(batch), model.embed(batch).detach()
    assert _flops(lambda: model.block(1, hidden, context)) == rows * block_flops(sizes, tokens)
    final = _flops(lambda: model.block_at(model.blocks, hidden, context, positions))
    assert final == rows * final_block_flops(sizes, tokens, scored)


def test_a_decoders_operations_are_those_that_pytorch_counts(tmp_path: Path) -> None:
    build_seq2seq(tmp_path, "t5", d_kv=8, num_heads=4, d_ff=128)
    model, tokens = load(tmp_path), 9
    assert isinstance(model, EncoderDecoder)
    tree = target_tree(model.start, [(5, 6, 7), (5, 6, 8), (5, 9, 9, 9)], cancel=False, most=2)
    packed = pack([tree], model.padding, model.device)
    states, keep = torch.randn(len(tree.rows), tokens, 32), torch.ones(len(tree.rows), tokens, dtype=torch.bool)
    sizes = model_shape(model)
    assert sizes.decoder_blocks == 3
    counted = _flops(lambda: model.decode(states, keep, packed))
    assert counted == pytest.approx(decoder_flops(sizes, tokens, len(tree.rows) * tree.width, tree.width), rel=1e-9)


@pytest.mark.parametrize("limits", [AMPLE, Limits(30, 20), Limits(1, 1)], ids=["at once", "in parts", "one by one"])
def test_an_encoder_decoders_run_costs_exactly_what_is_certain(
    limits: Limits, seq2seq_model: Callable[[str], EncoderDecoder], toy_mlama: Path
) -> None:
    model, plan = seq2seq_model("umt5"), PLANS[0]
    probe = probe_of(model, _toy(toy_mlama, "P36"))
    work = probe.workload(limits.query_tokens)
    assert not work.possible
    assert _ran(probe, plan, limits) == _counted(model, plan, work.certain)
    assert probe.counts.log_partitions == len(plan.settings) * sum(
        shape.log_partitions * shape.queries for shape in work.certain
    )
    assert all(shape.decoder_tokens and shape.target_tokens for shape in work.certain)
    dear, cheap = (grid_cost(replace(_sizes(model), decoder_blocks=n), plan, work.certain).flops for n in (3, 0))
    each = [decoder_flops(replace(_sizes(model), decoder_blocks=3), s.lengths[0], s.decoder_tokens, s.decoder_row)
            for s in work.certain]  # fmt: skip
    assert dear - cheap == pytest.approx(len(plan.settings) * sum(each))


def test_log_partitions_cost_rows_of_the_head(model_folder: Callable[[str], Path]) -> None:
    model = load(model_folder("bert"))
    head = LogPartition(model, 4, rough=False)
    states = torch.randn(10, model.hidden_size)
    assert _flops(lambda: head.exact(states, ProbeCounts())) == log_partition_flops(_sizes(model), 10)


def test_every_part_of_a_grid_is_in_its_operations() -> None:
    sizes, plan = ModelShape.plain(4, 32, 128, 400), PLANS[0]
    shape = Shape((9, 8), 2, 5, 1, 9, 2)
    runs, finals = 4 + 3 + 2 + 1 + 4 - 7, 7
    flops = sum(
        runs * block_flops(sizes, tokens) + finals * (final_block_flops(sizes, tokens, 2) + 2 * 32 * 5)
        for tokens in (9, 8)
    )
    assert grid_cost(sizes, plan, [shape]) == Cost(2 * runs, (9 + 8) * runs, 2 * finals, flops)
    assert grid_cost(sizes, plan, [shape, shape]).flops == 2 * flops
    assert grid_cost(sizes, plan, []) == Cost()
