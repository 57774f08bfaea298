"""A head without the rest of its model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import torch
from torch import Tensor

from lrp2_bench.models.layered import LayeredModel, Vocabulary


def head_of(
    weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32, cap: float | None = None
) -> LayeredModel:
    head = Vocabulary(weight, bias, cap)
    width = weight.shape[1]
    namespace = SimpleNamespace(vocabulary=head, dtype=dtype, device=torch.device("cpu"), hidden_size=width)
    return cast(LayeredModel, namespace)


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
