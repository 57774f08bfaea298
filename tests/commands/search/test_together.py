"""Processes at work in one folder at once: nothing is lost, nothing is done twice, the files are those of one job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import ToyJob, contents, status_of
from tests.support.paths import REPOSITORY

Build = Callable[..., ToyJob]

# Forks the jobs once everything is imported, so that they start together; each takes its time, so that they meet.
JOBS = """
import json, os, signal, sys, time
import pandas, transformers.models.bert.modeling_bert  # what each would import by itself
from lrp2_bench.cli import main
from lrp2_bench.commands.search import hits, job
folder, jobs = sys.argv[1], json.loads(sys.argv[2])
evaluate, calls, dies = hits.evaluate, 0, False
def slow(*arguments):
    global calls
    calls += 1
    if dies and calls == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    open(f"{folder}/begun", "w").close()
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
    while dies and not os.path.exists(f"{folder}/begun"):  # on a busy machine others could do all before its second
        time.sleep(0.01)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


@dataclass(frozen=True)
class Meeting:
    """What became of the jobs on one folder: their exit codes and words."""

    job: ToyJob
    told: list[tuple[int, str]]

    @property
    def records(self) -> list[dict[str, Any]]:
        journals = self.job.folder().glob("relations/journal*.jsonl")
        return [json.loads(line) for path in journals for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def meetings(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> dict[str, Meeting]:
    """``one``: four jobs of a configuration, of which one dies in its second evaluation; ``two``: a job of either seed.

    All at the same time; the first process to import torch costs more than the rest together.
    """
    root = tmp_path_factory.mktemp("together")
    one, two = (ToyJob(root / name, model_folder("bert"), toy_mlama, toy_corpus) for name in ("one", "two"))
    shard = [*one.arguments(), "shard.count=2", "shard.index=0"]
    jobs = [(True, one.arguments()), (False, shard), (False, shard), (False, one.arguments())]
    jobs += [(False, [*two.arguments(), *_seed(seed)]) for seed in (0, 1)]
    process = subprocess.run(
        [sys.executable, "-c", JOBS, str(root), json.dumps(jobs)],
        cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=250,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    codes = json.loads(process.stdout.splitlines()[-1])
    told = [(code, (root / str(number)).read_text()) for number, code in enumerate(codes)]
    return {"one": Meeting(one, told[:4]), "two": Meeting(two, told[4:])}


def _seed(seed: int) -> list[str]:
    return ["probing.pool_size=3", f"seed={seed}"]


def test_jobs_on_one_folder_share_the_work_outlive_a_killed_one_and_end_with_one_jobs_files(
    meetings: dict[str, Meeting], toy_job: Build
) -> None:
    met, alone = meetings["one"], toy_job()
    assert [code for code, _ in met.told] == [-signal.SIGKILL, 0, 0, 0], met.told
    assert alone.search() == 0 and contents(met.job.folder()) == contents(alone.folder())
    counted = Counter((record["side"], record["relation"]) for record in met.records)
    assert counted == Counter((side, name) for side in ("language", "pivot") for name in ("P17", "P30", "P36"))
    assert status_of(met.job.folder())["state"] == "finished" and status_of(met.job.folder())["missing"] == []
    assert sum("The job that worked on" in said for _, said in met.told) == 1, "the dead one's relation is taken over"
    assert not (met.job.folder() / "claims").exists()


def test_of_two_configurations_at_once_in_one_folder_one_is_refused(
    meetings: dict[str, Meeting], toy_job: Build
) -> None:
    met, alone = meetings["two"], toy_job()
    assert sorted(code for code, _ in met.told) == [0, 1], met.told
    won = 0 if met.told[0][0] == 0 else 1
    refusal = met.told[1 - won][1]
    assert "probing.seed: stored" in refusal and "another experiment.name" in refusal
    assert alone.search(*_seed(won)) == 0 and contents(met.job.folder()) == contents(alone.folder())
    assert len(met.records) == 6 and status_of(met.job.folder())["state"] == "finished"
