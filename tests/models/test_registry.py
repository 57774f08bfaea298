"""A package's architecture runs by its own adapter; one without a record by the generic one, and that is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrp2_bench.core import registry as core_registry
from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.generic.adapter import GenericCausal
from lrp2_bench.models.neurons import neuron_count
from lrp2_bench.models.registry import ARCHITECTURES, architecture_of
from lrp2_bench.models.token_embeddings import read_embeddings
from tests.contract.test_entry_points import install
from tests.support.paths import REPOSITORY
from tests.support.probing import load

Folder = Callable[[str], Path]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Installs a package of one module with one architecture, by the class that the module has for it."""

    def add(name: str, code: str) -> None:
        package = f"lrp2_{name}_package"
        (tmp_path / f"{package}.py").write_text(code, "utf-8")
        install(tmp_path, package, {"lrp2_bench.models": {name: f"{package}:Record"}})
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, package, raising=False)
        monkeypatch.delitem(ARCHITECTURES._ours, name, raising=False)
        core_registry._entry_points.cache_clear()

    monkeypatch.setattr(ARCHITECTURES, "_loaded", {})
    monkeypatch.setattr(ARCHITECTURES, "_ours", dict(ARCHITECTURES._ours))
    yield add
    monkeypatch.undo()
    core_registry._entry_points.cache_clear()


def _example() -> str:
    """The adapter of docs/extending.md, with its record under the name that these tests ask for."""
    page = (REPOSITORY / "docs" / "extending.md").read_text("utf-8")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "(Architecture)" in block)
    return str(code).replace("class Opt(", "class Record(")


def test_a_packages_architecture_runs_by_its_adapter_and_analyses_know_it(
    family_folder: Folder, site: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = family_folder("opt")
    monkeypatch.delitem(ARCHITECTURES._ours, "opt", raising=False)
    generic = load(folder)
    assert type(generic) is GenericCausal and architecture_of("opt") is None
    assert neuron_count(generic) == 64
    site("opt", _example())
    model = load(folder)
    assert type(model).__name__ == "OptModel" and "opt" in ARCHITECTURES
    assert neuron_count(model) == 64
    assert read_embeddings(folder).shape == (model.vocab_size, model.hidden_size)


def test_a_record_that_lacks_something_is_told_with_its_package(
    family_folder: Folder, site: Callable[[str, str], None]
) -> None:
    site("opt", _example().replace('    embeddings = "embed_tokens.weight"\n', ""))
    with pytest.raises(BenchError, match=r"'opt' \(package lrp2_opt_package\) lacks embeddings"):
        load(family_folder("opt"))


def test_a_class_that_is_no_record_is_no_reason_not_to_run_other_models(
    model_folder: Folder, site: Callable[[str, str], None]
) -> None:
    site("opt", "class Record: pass")
    assert load(model_folder("bert")).blocks == 4
    with pytest.raises(BenchError, match="not a subclass of .*Architecture"):
        ARCHITECTURES.get("opt")
