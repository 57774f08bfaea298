"""Seeds as random generators take them."""

from __future__ import annotations

from lrp2_bench.core.errors import BenchError

#: Seeds of torch are below it.
MOST = 2**64


def require_seed(setting: str, seed: int, *, below: int | None = None) -> None:
    """Raises :class:`BenchError`, naming ``setting``, for a negative seed, and for one that is not ``below`` (None: any
    is)."""
    if seed < 0 or (below is not None and seed >= below):
        valid = "from 0 on" if below is None else f"from 0 to {below - 1}"
        raise BenchError(f"{setting}={seed} is no seed.\nGive a whole number {valid}, such as {setting}=0.")
