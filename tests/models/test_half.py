"""Half precision: products in it, states and the head in float32, whatever the modules do to multiply."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Precision
from lrp2_bench.models.generic.adapter import GenericModel
from lrp2_bench.models.half import HalfMatrix, float32_products, halve, halved_names
from tests.models.generic.test_check import _blocks_swapped, _cap_forgotten, _norm_left_out, _windows_ignored
from tests.support.families import load_generic
from tests.support.models import ARCHITECTURES
from tests.support.probing import load

Folder = Callable[[str], Path]

#: Linear maps alone, GPT-2's Conv1D, Falcon's own linear map, experts in one tensor (multiplied in groups, batched,
#: transposed), and mixers that reach for a linear map's weight.
KINDS = ["llama", "gpt2", "falcon-alibi", "mixtral", "gpt_oss", "llama4", "mamba", "jamba", "mdeberta"]


@pytest.mark.parametrize("precision", [Precision.bfloat16, Precision.float16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_blocks_matrices_are_halved_and_the_head_is_not(
    architecture: str, precision: Precision, model_folder: Folder
) -> None:
    whole, half = load(model_folder(architecture)), load(model_folder(architecture), precision)
    dtype = getattr(torch, precision.value)
    assert (whole.precision, half.precision) == ("float32", precision.value)
    maps = [module for module in half.model.modules() if isinstance(getattr(module, "weight", None), HalfMatrix)]
    assert len(maps) >= 4 * half.blocks
    assert {module.weight.element_size() for module in maps} == {2}
    assert {module.weight.rounded for module in maps} == {dtype}
    others = [module for module in half.model.modules() if isinstance(module, nn.LayerNorm | nn.Embedding)]
    assert {parameter.dtype for module in others for parameter in module.parameters()} == {torch.float32}
    assert torch.equal(half.vocabulary.weight, whole.vocabulary.weight)
    batch = half.batch([[5, 6, 7]])
    assert half.block(1, half.embed(batch), half.context(batch)).dtype is torch.float32


def test_a_product_rounds_its_factors_and_keeps_the_states_type() -> None:
    generator = torch.Generator().manual_seed(0)
    states, weight = torch.randn(4, 32, generator=generator), torch.randn(8, 32, generator=generator)
    linear = nn.Linear(32, 8)
    linear.weight.data = weight
    model = nn.ModuleDict({"map": linear})
    halve_alone = nn.functional.linear(states.bfloat16(), weight.bfloat16(), linear.bias.bfloat16()).float()
    model.get_output_embeddings = lambda: None  # type: ignore[assignment]
    halve(model, torch.bfloat16)
    assert torch.equal(linear(states), halve_alone) and linear(states).dtype is torch.float32
    rounded = nn.functional.linear(states, weight.bfloat16().float(), linear.bias)
    assert not torch.equal(linear(states), rounded)
    with float32_products():
        assert torch.equal(linear(states), rounded)
    assert not torch.equal(linear(states), rounded)


@pytest.mark.parametrize("multiply", [
    lambda x, w: x @ w.T, lambda x, w: torch.matmul(x, w.transpose(0, 1)), lambda x, w: w @ x.T,
    lambda x, w: torch.einsum("th,oh->to", x, w), lambda x, w: torch.addmm(torch.ones(8), x, w.t()),
    lambda x, w: torch.bmm(x.unsqueeze(0), w.unsqueeze(0).mT),
    lambda x, w: nn.functional.linear(x, w[2:5].contiguous()),
])  # fmt: skip
def test_matrices_multiply_in_their_type_by_every_way_to_multiply(multiply: Callable[[Any, Any], Tensor]) -> None:
    generator = torch.Generator().manual_seed(0)
    states, weight = torch.randn(4, 32, generator=generator), torch.randn(8, 32, generator=generator)
    half = nn.ModuleDict({"map": nn.Linear(32, 8, bias=False)})
    half["map"].weight.data = weight.clone()
    half.get_output_embeddings = lambda: None  # type: ignore[assignment]
    halve(half, torch.bfloat16)
    matrix: Any = half["map"].weight
    exact = multiply(states, weight.bfloat16().float())
    found = multiply(states, matrix)
    assert type(found) is Tensor and found.dtype is torch.float32
    assert 0 < (found - exact).abs().max() < 0.05 * exact.abs().max()
    with float32_products():
        assert torch.equal(multiply(states, matrix), exact)


@pytest.mark.parametrize("family", KINDS)
def test_halving_reaches_nearly_every_matrix_and_agrees_with_float32(
    family: str, family_folder: Folder, family_model: Callable[[str], GenericModel]
) -> None:
    whole, half = family_model(family), load_generic(family_folder(family), precision=Precision.bfloat16)
    kept = {name for name, weight in half.model.named_parameters() if not isinstance(weight, HalfMatrix)}
    large = {name: weight.numel() for name, weight in whole.model.named_parameters() if weight.squeeze().dim() > 1}
    tables = ("embed", "lm_head", "wte", "wpe", "router", "gate.weight", "conv1d", "A_log", "bias", "predictions")
    assert not [name for name in kept & large.keys() if not any(part in name for part in tables)]
    batch = whole.batch([list(range(5, 17))])
    ours, rounded = whole.own(batch).logits, half.own(batch).logits
    assert not torch.equal(ours, rounded)
    assert (ours.argmax(-1) == rounded.argmax(-1)).float().mean() >= 0.75
    with torch.no_grad():  # what it is: float32 with rounded weights, but for the rounding of products
        for name in halved_names(whole.model, torch.bfloat16):
            assert torch.equal(
                half.model.get_parameter(name).float(), whole.model.get_parameter(name).bfloat16().float()
            ), name


@pytest.mark.parametrize(("family", "fault"), [
    ("mistral", _windows_ignored), ("gemma2", _cap_forgotten), ("llama", _blocks_swapped), ("gpt2", _norm_left_out),
])  # fmt: skip
@pytest.mark.parametrize("precision", [Precision.bfloat16])
def test_a_model_that_is_run_wrongly_is_found_in_half_precision_as_in_float32(
    precision: Precision, family: str, fault: Callable[[pytest.MonkeyPatch], None], family_folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert load_generic(family_folder(family), precision=precision).parity.plain.size < 1e-5
    fault(monkeypatch)
    with pytest.raises(BenchError, match="Cannot run the model in"):
        load_generic(family_folder(family), precision=precision)


def test_matrices_that_stay_in_float32_are_counted_and_said(
    family_folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "lrp2_bench")
    load_generic(family_folder("llama"), precision=Precision.bfloat16)
    assert not caplog.records
    load_generic(family_folder("mamba"), precision=Precision.bfloat16)
    assert (
        "model.precision=bfloat16 does not reach 5,120 of the blocks' 38,912 matrix elements (13 %), which stay in "
        "float32: MambaMixer (4,096), Conv1d (1,024)."
    ) in caplog.text
