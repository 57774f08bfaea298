"""A newer Python than the one at hand, where there is one, runs the tests that need no PyTorch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lrp2_bench.core.supported import LAST
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.system

_WITHOUT = {"torch", "transformers"}
_TOOLS = ["pytest", "pytest-timeout", "hypothesis"]


def _newer() -> str | None:
    """The newest Python beyond this one that runs; a name on the path may be a stub that finds none."""
    homes = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin"))
    where = os.pathsep.join([os.environ.get("PATH", ""), *map(str, homes)])
    for minor in range(LAST, sys.version_info.minor, -1):
        for folder in where.split(os.pathsep):
            found = shutil.which(f"python3.{minor}", path=folder)
            if found and subprocess.run([found, "-c", "import venv"], capture_output=True).returncode == 0:
                return found
    return None


def _needed() -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    names = [str(line) for line in project["dependencies"]]
    return [line for line in names if re.split(r"[<>=]", line)[0] not in _WITHOUT] + _TOOLS


def _pip(python: str, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-m", "pip", command, "-q", *arguments], capture_output=True, text=True)


@pytest.mark.timeout(1800)
def test_a_newer_python_runs_what_needs_no_torch(tmp_path: Path) -> None:
    newer = _newer()
    if newer is None:
        pytest.skip(f"no Python 3.{sys.version_info.minor + 1} to 3.{LAST} on the path")
    subprocess.run([newer, "-m", "venv", str(tmp_path)], check=True)
    python = str(tmp_path / "bin" / "python")
    probe = _pip(python, "download", "--no-deps", "--retries", "0", "-d", str(tmp_path / "probe"), "iniconfig")
    if probe.returncode != 0:
        pytest.skip(f"{newer}: nothing can be installed here: {probe.stderr.strip().splitlines()[-1]}")
    # Compiling all of it would take longer than the tests.
    installed = _pip(python, "install", "--no-compile", "-c", str(REPOSITORY / "constraints.txt"), *_needed())
    assert installed.returncode == 0, installed.stderr[-4000:]
    assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode != 0, "none is there"
    files = sorted(
        str(path) for path in (REPOSITORY / "tests").rglob("test_*.py") if "mark.no_torch" in path.read_text("utf-8")
    )
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-m", "no_torch and not system and not slow", "-p", "no:cacheprovider", *files],
        capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    print(f"{newer}: {done.stdout.strip().splitlines()[-1]}")
