"""Installed from a wheel, outside any checkout, the command finds its configuration."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

# The unpacked wheel stands first on the path, and the checkout's editable finder is not to answer for it.
RUN = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
from lrp2_bench import cli
from lrp2_bench.config import compose as config
print(config.conf_dir(), config.sweeps_dir(), sep="\\n", file=sys.stderr)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def _files(folder: Path, pattern: str) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_its_configuration_and_its_data(unpacked: Path) -> None:
    for name in ("conf", "sweeps"):
        assert _files(unpacked / "lrp2_bench" / name, "*.yaml") == _files(REPOSITORY / name, "*.yaml")
    shipped = {name for name in _files(unpacked / "lrp2_bench", "*") if not name.startswith(("conf/", "sweeps/"))}
    assert shipped == _files(REPOSITORY / "lrp2_bench", "*")
    tops = {path.name for path in unpacked.iterdir()}
    assert len(tops) == 2 and "lrp2_bench" in tops, "nothing else lands in site-packages"


def test_the_wheel_holds_no_mlama_and_no_test(unpacked: Path) -> None:
    names = {path.name for path in unpacked.rglob("*")}
    assert not any(name.endswith((".zip", ".jsonl")) or name.startswith("test_") for name in names)


def test_the_command_of_the_wheel_finds_its_configuration_and_sweeps(unpacked: Path, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", RUN, "search", "+sweep=paper_bloom", "--cfg", "job", "language=de"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert process.stderr.split() == [str(unpacked / "lrp2_bench" / name) for name in ("conf", "sweeps")]
    assert "path: bigscience/bloom-560m" in process.stdout and "name: paper_bloom" in process.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.system
def test_a_sweep_of_the_wheel_runs_its_shipped_model(unpacked: Path, tmp_path: Path) -> None:
    sweep = ["-m", "+sweep=testbed", "model=tiny_mbert", "language=sq,ga", "search=baseline", "tracking=none"]
    process = subprocess.run(
        [sys.executable, "-c", RUN, "search", *sweep, "dataset.limit=1", "dataset.relations=[P36]"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "2 jobs: 2 finished." in process.stderr
    assert len(list((tmp_path / "outputs" / "testbed" / "tiny_mbert" / "cldr").glob("*/pairs.csv"))) == 2
