"""A sweep on a real Slurm, with a job cancelled, a job at its time limit and a node lost, equals an undisturbed one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrp2_bench.core.files import read_json_lines
from tests.support.commands import contents, snapshot
from tests.support.paths import REPOSITORY
from tests.support.slurm import Cluster, missing, running_cluster

pytestmark = [
    pytest.mark.timeout(1200),  # two minutes on a machine that does nothing else
    pytest.mark.system,
    pytest.mark.skipif(bool(missing()), reason=f"no {', '.join(missing())}: `make system-packages` installs them"),
]

LANGUAGES = ["de", "sq", "ga", "fr", "tr", "el"]
RELATIONS = 8

SWEEP = [
    "search", "-m", "model=tiny_mbert", "dataset=cldr", "corpus=cldr", f"language={','.join(LANGUAGES)}",
    "dataset.limit=15", "tracking=none", "model.threads=1",
]  # fmt: skip
SLURM = [
    "hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2",
    "hydra.launcher.timeout_min=10", "hydra.launcher.max_num_timeout=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("submitit")
    root = Path(tempfile.mkdtemp(prefix="slurm"))  # short: a socket's path has 108 bytes at most
    try:
        with running_cluster(root) as cluster:
            yield cluster
            print((root / "slurmctld.log").read_text())  # shown where a test failed
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _start(arguments: list[str], outputs: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    paths = [f"paths.outputs={outputs}", f"paths.cache={outputs.parent / 'cache'}"]
    return subprocess.Popen(
        [sys.executable, "-m", "lrp2_bench", *arguments, *paths],
        cwd=REPOSITORY, env={**env, "OMP_NUM_THREADS": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _finish(process: subprocess.Popen[str], code: int) -> str:
    said = process.communicate(timeout=600)[0]
    print(said)  # the log of what a user sees; pytest -s shows it
    assert process.returncode == code, said
    return said


def _folder(outputs: Path, language: str) -> Path:
    return outputs / "default" / "tiny_mbert" / "cldr" / language


def _chunks(folder: Path) -> dict[str, tuple[str, int]]:
    """The finished relations: digest and time of each chunk that a journal names."""
    named = {entry["file"] for entry in _stored(folder)}
    return {name: seen for name, seen in snapshot(folder / "relations").items() if name in named}


def _stored(folder: Path) -> list[dict[str, str]]:
    """What the journals name: one of each job that stored something."""
    journals = (folder / "relations").glob("journal*.jsonl")
    return [json.loads(line) for journal in journals for line in journal.read_text().splitlines()]


def _number_of(outputs: Path, language: str) -> str:
    """Slurm's id of the job, once the command has noted it."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for line in read_json_lines(outputs / "default" / ".submitit" / "jobs.jsonl"):  # the whole ones
            if line["job"].endswith(f"/{language}"):
                return str(line["id"])
        time.sleep(0.1)
    raise AssertionError(f"no job in {language} was submitted")


def _report(outputs: Path, folder: Path) -> dict[str, bytes]:
    command = ["report", str(outputs / "default"), f"output={folder}"]
    _finish(_start(command, outputs, {**os.environ}), 0)
    tables = sorted([*(folder / "data").iterdir(), *(folder / "tables").iterdir()])
    return {path.name: path.read_bytes() for path in tables if path.stem != "runs"}  # which has their dates


def test_a_disturbed_sweep_ends_with_the_bytes_of_one_process(cluster: Cluster, tmp_path: Path) -> None:
    outputs, alone = tmp_path / "cluster" / "out", tmp_path / "alone" / "out"
    start = time.monotonic()
    master = _start([*SWEEP, *SLURM], outputs, cluster.env)
    seen: dict[str, dict[str, tuple[str, int]]] = {}

    # Three nodes of one CPU run the first three; each is disturbed in its middle.
    disturb: dict[str, Callable[[str], object]] = {
        "de": lambda number: cluster.call("scancel", number),
        "sq": lambda number: cluster.time_is_up(number),
        "ga": lambda number: cluster.lose(cluster.node_of(number)),
    }
    while len(seen) < len(disturb):
        assert master.poll() is None and time.monotonic() - start < 500, master.communicate()[0]
        for language in set(disturb) - set(seen):
            chunks = _chunks(_folder(outputs, language))
            if chunks:
                assert len(chunks) < 2 * RELATIONS, "too late: the job is over"
                disturb[language](_number_of(outputs, language))
                seen[language] = chunks
        time.sleep(0.1)

    said = _finish(master, 1)
    assert "6 jobs: 5 finished, 1 interrupted." in said
    assert "tiny_mbert/cldr/de: Stopped before its end. Slurm says: CANCELLED" in said
    assert "again: lrp2-bench search model=tiny_mbert" in said and "What is left, all at once: lrp2-bench" in said
    logs = "".join(path.read_text() for path in (outputs / "default" / ".submitit").glob("*/*.out"))
    starts = {one: logs.count(f"Starting with JobEnvironment(job_id={_number_of(outputs, one)},") for one in LANGUAGES}
    assert "this job is timed-out" in logs
    assert starts == {one: 2 if one in {"sq", "ga"} else 1 for one in LANGUAGES}, "queued again, and no other was"
    between = snapshot(outputs)

    said = _finish(_start([*SWEEP, *SLURM], outputs, cluster.env), 0)
    assert "nothing changed since: 5 of 6 jobs." in said and "Submitted 1 job to Slurm" in said
    print(f"Slurm: {time.monotonic() - start:.0f} s")

    # Nothing finished ran twice: not in the disturbed jobs, and nothing at all in those that needed no second command.
    after = snapshot(outputs)
    for language, chunks in seen.items():
        now = _chunks(_folder(outputs, language))
        assert {name: now[name] for name in chunks} == chunks, "a finished relation keeps digest and time"
    for language in LANGUAGES:
        folder = _folder(outputs, language)
        sides = [(entry["relation"], entry["side"]) for entry in _stored(folder)]
        assert len(sides) == len(set(sides)) == 2 * RELATIONS, "each relation once a side"
        if language != "de":
            here = str(folder.relative_to(outputs))
            assert {k: v for k, v in after.items() if k.startswith(here)} == {
                k: v for k, v in between.items() if k.startswith(here)
            }

    _finish(_start(SWEEP, alone, {**os.environ}), 0)
    for language in LANGUAGES:
        assert contents(_folder(outputs, language)) == contents(_folder(alone, language)), language
    tables = _report(outputs, tmp_path / "report of the cluster")
    assert len(tables) >= 6 and tables == _report(alone, tmp_path / "report of one process")


def test_what_slurm_refuses_is_told_in_its_words(cluster: Cluster, tmp_path: Path) -> None:
    process = _start([*SWEEP, *SLURM, "hydra.launcher.partition=gpus"], tmp_path / "out", cluster.env)
    said = _finish(process, 1)
    assert "Slurm refuses the jobs:\n  sbatch: error: invalid partition specified: gpus" in said
    assert said.count("sbatch: error: invalid partition") == 1 and "Traceback" not in said


def test_a_job_cancelled_before_it_started_does_not_hang_a_cluster_without_accounts(
    cluster: Cluster, tmp_path: Path
) -> None:
    held = [*SLURM, "+hydra.launcher.additional_parameters.hold=true"]
    master = _start([*SWEEP, *held, "language=de,sq"], tmp_path / "out", cluster.env)
    cluster.call("scancel", _number_of(tmp_path / "out", "de").split("_")[0])
    said = _finish(master, 1)
    assert "2 jobs: 0 finished, 2 interrupted." in said and said.count("CANCELLED") == 4
