"""Half precision: products in it, states and the head in float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from lrp2_bench.core.settings import Precision
from lrp2_bench.models.half import HalfLinear, product
from tests.support.models import ARCHITECTURES
from tests.support.probing import load


@pytest.mark.parametrize("precision", [Precision.bfloat16, Precision.float16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_blocks_linear_maps_are_halved_and_the_head_is_not(
    architecture: str, precision: Precision, model_folder: Callable[[str], Path]
) -> None:
    whole, half = load(model_folder(architecture)), load(model_folder(architecture), precision)
    dtype = getattr(torch, precision.value)
    assert (whole.precision, half.precision) == ("float32", precision.value)
    maps = [module for module in half.model.modules() if isinstance(module, HalfLinear)]
    assert len(maps) >= 4 * half.blocks
    assert {parameter.dtype for module in maps for parameter in module.parameters()} == {dtype}
    others = [module for module in half.model.modules() if isinstance(module, nn.LayerNorm | nn.Embedding)]
    assert {parameter.dtype for module in others for parameter in module.parameters()} == {torch.float32}
    assert torch.equal(half.vocabulary.weight, whole.vocabulary.weight)
    batch = half.batch([[5, 6, 7]])
    assert half.block(1, half.embed(batch), half.context(batch)).dtype is torch.float32


def test_a_product_rounds_its_factors_and_keeps_the_states_type() -> None:
    generator = torch.Generator().manual_seed(0)
    states, weight = torch.randn(4, 32, generator=generator), torch.randn(8, 32, generator=generator)
    found = product(states, weight.bfloat16(), None)
    assert found.dtype is torch.float32
    assert torch.equal(found, (states.bfloat16() @ weight.bfloat16().T).float())
    assert not torch.equal(found, states @ weight.T)
    assert torch.equal(product(states, weight, None), states @ weight.T)
