"""What a GPU would be told is counted without one: kernels, and whatever makes the host wait."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lrp2_bench.bench.stand_in import DEVICE, StandIn, put
from lrp2_bench.models.devices import send

Act = Callable[[Tensor], object]

#: What is done with a 3 x 4 matrix of the stand-in's, the kernels that it launches, and how often the host waits.
ACTS: list[tuple[str, Act, int, int]] = [
    ("views", lambda x: x[1:].transpose(0, 1).unsqueeze(0).flatten(0, 1).split(2), 0, 0),
    ("empty", lambda x: torch.empty(3, device=DEVICE), 0, 0),
    ("a product", lambda x: nn.functional.linear(x, x), 1, 0),
    ("a copy of a transposed one", lambda x: x.T.contiguous(), 1, 0),
    ("a contiguous one copied", lambda x: x.contiguous(), 0, 0),
    ("attention", lambda x: nn.functional.scaled_dot_product_attention(*[x.view(1, 1, 3, 4)] * 3), 1, 0),
    ("rows by an index there", lambda x: x.index_select(0, torch.arange(2, device=DEVICE)), 2, 0),
    ("rows written in place", lambda x: x.index_copy_(0, torch.arange(3, device=DEVICE), x + 1), 3, 0),
    ("rows by a mask", lambda x: x[x[:, 0] > 0], 2, 1),
    ("what a mask marks, filled", lambda x: x.masked_fill(x > 0, 1.0), 2, 0),
    ("places of a mask", lambda x: (x > 0).nonzero(), 2, 1),
    ("distinct values", lambda x: x.unique(), 1, 1),
    ("rows by a list", lambda x: x[[0, 2]], 2, 1),
    ("a number read", lambda x: float(x.sum()), 2, 1),
    ("a condition", lambda x: bool(x.any()), 2, 1),
    ("a list read", lambda x: x.tolist(), 1, 1),
    ("an array read", lambda x: x.cpu().numpy(), 1, 1),
    ("a tensor made there of a list", lambda x: torch.tensor([1, 2], device=DEVICE), 1, 1),
    ("a tensor sent and seen through", lambda x: torch.ones(3).to(DEVICE), 1, 1),
    ("a tensor sent", lambda x: send(torch.ones(3), DEVICE), 1, 0),
    ("rows repeated, so many in all", lambda x: x.repeat_interleave(2, dim=0), 1, 0),
    ("rows repeated as a tensor says", lambda x: x.repeat_interleave(torch.arange(3, device=DEVICE), dim=0), 3, 1),
]


@pytest.mark.parametrize(("act", "launches", "waits"), [act[1:] for act in ACTS], ids=[act[0] for act in ACTS])
def test_each_operator_counts_as_on_a_gpu(act: Act, launches: int, waits: int) -> None:
    stand_in = StandIn()
    with torch.inference_mode(), stand_in.counting():
        matrix = send(torch.arange(12.0).view(3, 4), DEVICE)
        stand_in.launches.clear()
        act(matrix)
    assert (stand_in.launches.total(), stand_in.waits.total()) == (launches, waits), stand_in.launches


def test_the_numbers_are_those_of_the_cpu() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.GELU(), nn.LayerNorm(3))
    states, places = torch.randn(5, 4), [4, 0]
    with torch.inference_mode():
        expected = module(states)[places]
        put(module)
        stand_in = StandIn()
        with stand_in.counting(), stand_in.phase("blocks"):
            found = module(states.to(DEVICE))
            assert found.device == DEVICE
            found[1] = 0.0
            found = found[places].cpu()
    assert np.array_equal(found.numpy(), expected.numpy())
    assert {phase for phase, _ in stand_in.launches} == {"blocks"}


def test_nothing_runs_on_the_stand_in_uncounted() -> None:
    with StandIn().counting():
        made = torch.zeros(2, device=DEVICE)
    with pytest.raises(RuntimeError, match="while nobody counted"):
        made + 1
