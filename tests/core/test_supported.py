"""Which Pythons it runs on: the same in the package's metadata, its check and its words; with and without -O."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from lrp2_bench.config import hydra_asserts
from lrp2_bench.core import supported
from tests.support.commands import ToyJob, status_of
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.no_torch

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_check_and_the_metadata_name_the_same_versions() -> None:
    first, last = supported.FIRST, supported.LAST
    assert PROJECT["requires-python"] == f">=3.{first},<3.{last + 1}"
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: Python :: 3." in line]
    assert named == [f"3.{minor}" for minor in range(first, last + 1)]
    assert all(supported.refusal((3, minor)) is None for minor in range(first, last + 1))


@pytest.mark.parametrize(
    "version", [(2, 7), (3, 6), (3, supported.FIRST - 1), (3, supported.LAST + 1), (4, 0)], ids=str
)
def test_another_version_is_refused_in_a_line_that_names_it_and_those_that_work(version: tuple[int, int]) -> None:
    told = supported.refusal(version)
    assert told is not None and "\n" not in told
    assert f"this is {version[0]}.{version[1]}" in told and f"3.{supported.FIRST} to 3.{supported.LAST}" in told


def test_a_command_ends_with_the_line_alone_and_another_program_gets_an_import_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supported, "LAST", sys.version_info.minor - 1)
    for name in ("-m", "/usr/bin/lrp2-bench"):
        monkeypatch.setattr(sys, "argv", [name])
        with pytest.raises(SystemExit, match="lrp2-bench needs Python 3"):
            supported.require_python()
    monkeypatch.setattr(sys, "argv", ["notebook.py"])
    with pytest.raises(ImportError, match="lrp2-bench needs Python 3"):
        supported.require_python()


def test_the_check_can_be_read_by_the_oldest_python_3() -> None:
    """So that these see its line, not a syntax error in what comes before it."""
    for name in ("__init__.py", "core/__init__.py", "core/supported.py"):
        source = (REPOSITORY / "lrp2_bench" / name).read_text("utf-8")
        ast.parse(source, feature_version=(3, 7))
        assert "from __future__" not in source


def test_no_check_is_an_assert() -> None:
    """``python -O`` leaves them out."""
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sorted((REPOSITORY / "lrp2_bench").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_without_asserts_hydra_still_reads_functions_and_dictionaries() -> None:
    code = """
import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from lrp2_bench.config.compose import register
register()
read = OverridesParser.create().parse_overrides(["i=range(2)", "a={b:1,c:{d:2}}", "s=choice(x,y)", "l=[1,2]"])
print(list(read[0].sweep_iterator()), read[1].value(), list(read[2].sweep_iterator()), read[3].value())
"""
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[0, 1] {'b': 1, 'c': {'d': 2}} ['x', 'y'] [1, 2]", done.stderr


def test_with_asserts_hydra_is_left_as_it_is() -> None:
    before = hydra_asserts.overrides_visitor.HydraOverrideVisitor.visitFunction.__code__
    hydra_asserts.keep_asserts()
    assert hydra_asserts.overrides_visitor.HydraOverrideVisitor.visitFunction.__code__ is before


@pytest.mark.slow  # without asserts Python compiles every library again, once
def test_a_sharded_multirun_without_asserts_finishes(toy_job: Callable[..., ToyJob], tmp_path: Path) -> None:
    job = toy_job()
    command = [sys.executable, "-O", "-m", "lrp2_bench", "search", "-m", *job.arguments(), "search=baseline",
               "shard.count=2", "shard.index=range(2)"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 jobs: 2 finished." in done.stderr and status_of(job.folder())["state"] == "finished"
