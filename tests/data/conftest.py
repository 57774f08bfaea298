"""A copy of the toy facts, which a test may break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import toy


@pytest.fixture
def toy_copy(tmp_path: Path) -> Path:
    """The folder of ``toy_mlama`` again, of the test's own."""
    return toy.build_mlama(tmp_path / "toy")
