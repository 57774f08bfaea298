"""Processes at work in one folder at once: nothing is lost, nothing is done twice, the files are those of one job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.commands import ToyJob, contents
from tests.support.paths import REPOSITORY

Build = Callable[..., ToyJob]

# Forks the jobs once everything is imported, so that they start together; each takes its time, so that they meet.
JOBS = """
import json, os, signal, sys, time
from transformers import AutoModelForMaskedLM, AutoTokenizer
from lrp2_bench.cli import main
from lrp2_bench.jobs import hits, search
folder, jobs = sys.argv[1], json.loads(sys.argv[2])
evaluate, calls, dies = hits.evaluate, 0, False
def slow(*arguments):
    global calls
    calls += 1
    if dies and calls == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.5)
    return evaluate(*arguments)
hits.evaluate = slow
children = []
for number, (dies, arguments) in enumerate(jobs):
    children.append(os.fork())
    if children[-1] == 0:
        os.dup2(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY), 2)
        code = main(["search", *arguments])
        sys.stderr.flush()
        os._exit(code)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


def _run_together(folder: Path, jobs: list[tuple[bool, list[str]]]) -> list[tuple[int, str]]:
    """Exit codes and what was said; a job that is to die does so in its second evaluation."""
    folder.mkdir()
    process = subprocess.run(
        [sys.executable, "-c", JOBS, str(folder), json.dumps(jobs)],
        cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=250,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    codes = json.loads(process.stdout.splitlines()[-1])
    return [(code, (folder / str(number)).read_text()) for number, code in enumerate(codes)]


def _records(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for path in folder.glob("relations/journal*.jsonl") for line in path.read_text().splitlines()
    ]


def test_jobs_on_one_folder_share_the_work_outlive_a_killed_one_and_end_with_one_jobs_files(
    toy_job: Build, tmp_path: Path
) -> None:
    alone, job = toy_job(folder="alone"), toy_job()
    assert alone.search() == 0
    shard = [*job.arguments(), "shard.count=2", "shard.index=0"]
    told = _run_together(
        tmp_path / "said", [(True, job.arguments()), (False, shard), (False, shard), (False, job.arguments())]
    )
    assert [code for code, _ in told] == [-signal.SIGKILL, 0, 0, 0], told
    assert contents(job.folder()) == contents(alone.folder())
    records = _records(job.folder())
    counted = Counter((record["side"], record["relation"]) for record in records)
    assert counted == Counter((side, name) for side in ("language", "pivot") for name in ("P17", "P30", "P36"))
    status = json.loads((job.folder() / "status.json").read_text())
    assert status["state"] == "finished" and status["missing"] == []
    assert sum("The job that worked on" in said for _, said in told) == 1, "the killed one's relation was taken over"
    assert not (job.folder() / "claims").exists()


def test_of_two_configurations_at_once_in_one_folder_one_is_refused(toy_job: Build, tmp_path: Path) -> None:
    alone = {seed: toy_job(folder=f"alone{seed}") for seed in (0, 1)}
    for seed, job in alone.items():
        assert job.search("probing.pool_size=3", f"seed={seed}") == 0
    job = toy_job()
    jobs = [(False, [*job.arguments(), "probing.pool_size=3", f"seed={seed}"]) for seed in (0, 1)]
    told = _run_together(tmp_path / "said", jobs)
    assert sorted(code for code, _ in told) == [0, 1], told
    won = 0 if told[0][0] == 0 else 1
    assert "probing.seed: stored" in told[1 - won][1] and "another experiment.name" in told[1 - won][1]
    assert contents(job.folder()) == contents(alone[won].folder())
    assert len(_records(job.folder())) == 6
    assert json.loads((job.folder() / "status.json").read_text())["state"] == "finished"
