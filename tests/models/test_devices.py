"""Numbers of CPU threads that PyTorch cannot have are refused by the setting's name."""

from __future__ import annotations

import pytest
import torch

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.devices import set_threads


@pytest.mark.parametrize("threads", [0, -1, 2**40])
def test_what_is_no_number_of_threads_is_refused_before_pytorch_sees_it(threads: int) -> None:
    before = torch.get_num_threads()
    with pytest.raises(BenchError, match=f"model.threads={threads} is no number of CPU threads.\nGive 1 to"):
        set_threads(threads)
    set_threads(None)
    assert torch.get_num_threads() == before
