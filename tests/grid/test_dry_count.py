"""What blocks are counted to do, against PyTorch's count of whole forward passes at other lengths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lrp2_bench.core.settings import GridSettings
from lrp2_bench.core.types import all_pairs
from lrp2_bench.grid.cost import block_flops, final_block_flops, log_partition_flops, model_shape
from lrp2_bench.grid.dry_count import ModelShape
from lrp2_bench.grid.limits import limits_for
from lrp2_bench.grid.plan import plan_grid
from tests.support.families import build_family, load_generic
from tests.support.loading import load_as

#: Grouped queries, experts, alternating windows and caps with a head as wide as the vocabulary, a narrow head.
SIZES = {
    "llama": {"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 8,
              "intermediate_size": 160},
    "mixtral": {"hidden_size": 64, "intermediate_size": 96, "num_local_experts": 6, "num_experts_per_tok": 2},
    "gemma2": {"head_dim": 16, "intermediate_size": 128},
    "albert": {},
}  # fmt: skip


@pytest.mark.parametrize("family", SIZES)
def test_a_models_operations_are_those_that_pytorch_counts_of_its_own_forward(family: str, tmp_path: Path) -> None:
    model = load_generic(build_family(tmp_path, family, **SIZES[family]))
    shape = model_shape(model)
    for tokens in (9, 41):
        batch = model.batch([list(range(5, 5 + tokens))])
        library = model.model
        if family == "mixtral":
            library.set_experts_implementation("eager")
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            library(input_ids=batch.ids)
        predicted = model.blocks * block_flops(shape, tokens) + log_partition_flops(shape, tokens)
        assert predicted == pytest.approx(counter.get_total_flops(), rel=0.1)
    context, states = model.context(batch), model.embed(batch)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.block_at(model.blocks, states, context, torch.tensor([[3, 7, 40]]))
    assert final_block_flops(shape, 41, 3) == pytest.approx(counter.get_total_flops(), rel=0.1)


@pytest.mark.parametrize("architecture", ["bert", "bloom"])
def test_a_plain_transformer_is_counted_as_arithmetic_says(
    architecture: str, model_folder: Callable[[str], Path]
) -> None:
    model = load_as(model_folder(architecture))
    plain, shape = ModelShape.plain(4, 32, 128, model.vocab_size), model_shape(model)
    for tokens, scored in ((3, 1), (30, 4)):
        assert block_flops(shape, tokens) == pytest.approx(block_flops(plain, tokens))
        assert final_block_flops(shape, tokens, scored) == pytest.approx(final_block_flops(plain, tokens, scored))
    assert (shape.hidden, shape.vocab) == (32, model.vocab_size)


def test_a_block_that_holds_more_runs_on_fewer_tokens(tmp_path: Path) -> None:
    plain = load_generic(build_family(tmp_path / "a", "llama", hidden_size=32, intermediate_size=64))
    gated = load_generic(build_family(tmp_path / "b", "llama", hidden_size=32, intermediate_size=1024))
    assert 3 * 4 * 1024 <= model_shape(gated).token_bytes < 3.5 * 4 * 1024
    plan = plan_grid(4, all_pairs(4))
    few, many = (limits_for(model, plan, GridSettings(memory_gb=1e-3)).step_tokens for model in (gated, plain))
    assert few < many / 3


def test_scores_that_a_block_holds_are_counted(tmp_path: Path) -> None:
    folder = build_family(tmp_path / "a", "llama")
    fused = load_generic(folder)
    eager = load_generic(folder)
    eager.model.set_attn_implementation("eager")
    assert model_shape(eager).pair_bytes >= 4 * 4  # four heads in float32
    assert model_shape(eager).pair_bytes > 2 * model_shape(fused).pair_bytes
