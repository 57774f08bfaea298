"""What tests of jobs share: a clock that passes for those who wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lrp2_bench.results import leases as leases


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that pass for those who wait, and nobody else."""
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    yield now
