"""Imports point down the tiers of the design, and only the top imports Hydra."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "lrp2_bench"

# A module imports from lower tiers, or its own folder.
TIERS = {
    "supported": -3, "secrets": -2, "streams": -1,
    "errors": 0, "files": 0, "filenames": 0.5, "notices": 0, "types": 0, "languages": 0.5, "settings": 0,
    "batching": 0, "progress": 0,
    "joblog": 0, "process": 0, "metrics": 1, "records": 1, "data": 1, "models": 1, "ablations": 1,
    "language_table": 1.2, "testbed": 1.5,
    "vectors": 2, "projection": 2, "moves": 2.5, "probing": 2, "grid": 3, "search": 4, "tracking": 4, "analysis": 5,
    "report": 5.5, "bench": 5, "jobs": 6, "hydra_asserts": 6.5, "config": 7, "group_members": 7.2, "arguments": 7.3,
    "quoting": 0, "config_errors": 7.5, "config_files": 7.5, "rerun": 7.5,
    "multirun": 7.7, "command_line": 7, "completion": 7.8, "cli": 8, "__main__": 9,
}  # fmt: skip


def _modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


def _part(name: str) -> str:
    return name.split(".")[1]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "lrp2_bench":
                yield from (f"lrp2_bench.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_module_has_a_tier() -> None:
    unknown = {_part(_name(path)) for path in _modules()} - set(TIERS)
    assert not unknown


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_imports_point_down(path: Path) -> None:
    here = _part(_name(path))
    for imported in _imports(path):
        if imported.startswith("lrp2_bench."):
            there = _part(imported)
            assert there == here or TIERS[there] < TIERS[here], f"{_name(path)} imports {imported}"


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_only_the_top_imports_hydra(path: Path) -> None:
    roots = {name.split(".")[0] for name in _imports(path)}
    if TIERS[_part(_name(path))] < 7:
        assert not roots & {"hydra", "omegaconf"}


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 300
