"""Seeds that a generator cannot take are refused by the setting's name."""

from __future__ import annotations

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.seeds import require_seed


def test_a_seed_that_a_generator_cannot_take_is_refused_with_those_that_it_can() -> None:
    require_seed("search.seed", 0)
    require_seed("search.seed", 2**80)
    require_seed("search.seed", 9, below=10)
    with pytest.raises(BenchError, match="search.seed=-1 is no seed.\nGive a whole number from 0 on"):
        require_seed("search.seed", -1)
    with pytest.raises(BenchError, match="search.seed=10 is no seed.\nGive a whole number from 0 to 9"):
        require_seed("search.seed", 10, below=10)
