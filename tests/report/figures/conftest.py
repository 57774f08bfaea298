"""Every test here draws as the report does: in the house style."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lrp2_bench.render.figures.style import house_style


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with house_style():
        yield


@pytest.fixture(autouse=True)
def quick_fonts() -> None:
    """Files as users get them, which carry their fonts."""
