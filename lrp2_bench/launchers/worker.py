"""A worker of the local launcher: a process that runs the jobs it is sent, one after another."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from lrp2_bench.core.streams import safe_output
from lrp2_bench.launchers.job import Job
from lrp2_bench.launchers.running import Setup, run_one


def work(jobs: Connection, setup: Setup, threads: int, log: Path) -> None:
    """Run jobs until there are no more, or until whoever sends them is gone: the job at hand is finished first.

    What is printed goes to ``log``. PyTorch is imported by the first job and reads its threads from the environment.
    """
    # Ctrl-C reaches every process of a terminal; the launcher alone decides who stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with log.open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with safe_output():
        while True:
            try:
                job: Job = jobs.recv()
                outcome = run_one(setup, job)
                jobs.send(outcome)
            except (EOFError, OSError):
                return
