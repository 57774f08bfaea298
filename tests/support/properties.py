"""How property tests run: the same examples every time, and no clock, since the machine may be busy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

steady = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
