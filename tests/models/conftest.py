"""A copy of the small BERT, which a test may break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def bert_copy(model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """Its folder."""
    return Path(shutil.copytree(model_folder("bert"), tmp_path / "bert"))
