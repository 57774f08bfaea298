"""A copy of the small BERT, which a test may break, and tiny models of every family."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.models.generic.adapter import GenericModel


@pytest.fixture
def bert_copy(model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    """Its folder."""
    return Path(shutil.copytree(model_folder("bert"), tmp_path / "bert"))


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random model of a family, over the toy texts."""
    from tests.support.families import build_family

    root = tmp_path_factory.mktemp("families")
    built: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in built:
            built[name] = build_family(root / name, name)
        return built[name]

    return build


@pytest.fixture(scope="session")
def llama(family_folder: Callable[[str], Path]) -> Path:
    """The folder of a tiny Llama, of which GGUF files are made."""
    return family_folder("llama")


@pytest.fixture(scope="session")
def family_model(family_folder: Callable[[str], Path]) -> Callable[[str], GenericModel]:
    """The generic adapter of a family's tiny model, on the CPU in float32. Tests share it and leave it as it is."""
    from tests.support.families import load_generic

    loaded: dict[str, GenericModel] = {}

    def load(name: str) -> GenericModel:
        if name not in loaded:
            loaded[name] = load_generic(family_folder(name))
        return loaded[name]

    return load
