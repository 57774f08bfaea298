"""What tests of data share: a copy of the toy facts, which a test may break, and a server on 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import toy
from tests.support.loopback import Loopback, loopback


@pytest.fixture
def toy_copy(tmp_path: Path) -> Path:
    """The folder of ``toy_mlama`` again, of the test's own."""
    return toy.build_mlama(tmp_path / "toy")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Answers what a test gives it to answer."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with loopback() as running:
        yield running
