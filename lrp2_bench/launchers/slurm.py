"""``hydra/launcher=submitit_slurm``: the jobs of a multirun as a job array.

submitit makes and submits the array. Waiting is done here, since submitit waits for ever for a cancelled job where the
cluster keeps no accounts, and Hydra's launcher for it gives all results up at the first job that died.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrp2_bench.core.errors import BenchError, nearest
from lrp2_bench.core.files import cut_torn_tail, make_folder, read_json_lines, sha256_json
from lrp2_bench.core.streams import safe_output
from lrp2_bench.launchers.job import Job, Outcome, State, jobs_of
from lrp2_bench.launchers.launcher import JobLauncher, Tell, say
from lrp2_bench.launchers.preflight import check
from lrp2_bench.launchers.queue import QueueError, ending, largest_array, queued
from lrp2_bench.launchers.running import STOPPED, Setup, run_one
from lrp2_bench.launchers.signals import signals_held
from lrp2_bench.results.status import sigterm_interrupts, state_of

#: Looks at the queue that must miss a job before it is over: Slurm may be between two states.
_MISSED = 2

_SLOWEST = 30.0  # seconds between two looks
_RESULT = 10.0  # seconds that a shared file system may take to show a result


#: submitit's word for a job that reached its limit once more than max_num_timeout, and ours.
_OFTEN = "timed-out too many times"
_TIME = (
    "Its time limit came more often than hydra.launcher.max_num_timeout; it resumes when it runs again.\n"
    "Raise that, or hydra.launcher.timeout_min."
)

#: Those of conf/hydra/launcher/submitit_slurm.yaml, beside max_num_timeout and requeue.
_SETTINGS = {
    "name", "timeout_min", "signal_delay_s", "array_parallelism", "cpus_per_task", "mem_gb", "gpus_per_node", "nodes",
    "tasks_per_node", "partition", "account", "qos", "constraint", "exclude", "nodelist", "gres", "cpus_per_gpu",
    "mem_per_cpu", "mem_per_gpu", "comment", "additional_parameters", "setup", "stderr_to_stdout",
}  # fmt: skip

#: submitit's settings that are not Slurm's own.
_ANY_CLUSTERS = {
    "name", "timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "stderr_to_stdout",
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What is pickled and run on a node; submitit calls :meth:`checkpoint` when time is up and queues it again."""

    setup: Setup

    def __call__(self, job: Job) -> Outcome:
        # submitit passes SIGTERM over; a cancelled job should leave a word.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with safe_output():
            outcome = run_one(self.setup, job)
        if outcome.state is State.failed and _OFTEN in outcome.cause:
            return Outcome(State.interrupted, _TIME)
        return outcome

    def checkpoint(self, job: Job) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, job)


class SlurmLauncher(JobLauncher):
    """Settings are submitit's, explained in ``conf/hydra/launcher/submitit_slurm.yaml``; null leaves one out."""

    def __init__(self, max_num_timeout: int, requeue: bool, **parameters: Any) -> None:
        _refuse_unknown(parameters)
        self._max_num_timeout = max_num_timeout
        more = dict(parameters.pop("additional_parameters", None) or {})
        self._parameters = {name: value for name, value in parameters.items() if value is not None}
        self._parameters["additional_parameters"] = {"requeue" if requeue else "no-requeue": True, **more}

    def run(self, setup: Setup, jobs: Sequence[Job], folder: Path, tell: Tell) -> None:
        parameters = self._parameters
        check(folder, timeout_min=parameters["timeout_min"], signal_delay_s=parameters["signal_delay_s"])
        logs = (folder / ".submitit").absolute()
        running = _still_queued(jobs, logs)
        if running:
            say(f"Still queued from an earlier command, so waited for and not sent again: {jobs_of(len(running))}.")
        left = [job for job in jobs if job.number not in {other.number for other in running.values()}]
        with sigterm_interrupts():
            try:
                for part in _arrays(left):
                    with signals_held():  # until the ids are noted: who does not know of a job would send it again
                        running |= self._submit(setup, part, logs)
                _wait(running, logs, tell)
            except KeyboardInterrupt:
                if running:
                    ids = " ".join(sorted({number.split("_")[0] for number in running}))
                    say(f"Jobs that are queued or running continue without this command. It waits for them when given "
                        f"again;\n  scancel {ids}\nstops them.")  # fmt: skip
                raise

    def _submit(self, setup: Setup, jobs: Sequence[Job], logs: Path) -> dict[str, Job]:
        """Slurm's id of each job. Raises :class:`BenchError` in Slurm's words where it refuses."""
        from submitit import AutoExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        make_folder(logs)
        start = _now(logs)
        executor = AutoExecutor(folder=logs / "%j", cluster="slurm", slurm_max_num_timeout=self._max_num_timeout)
        try:
            executor.update_parameters(**{_submitits(name): value for name, value in self._parameters.items()})
            with contextlib.redirect_stderr(io.StringIO()):  # Slurm's words are in the error as well
                submitted = executor.map_array(Task(setup), jobs)
        except (ValueError, TypeError) as error:
            raise BenchError(
                f"hydra.launcher has a value that submitit does not take: {error}\n"
                f"They are {_asked(self._parameters)}. Change one with hydra.launcher.NAME=VALUE."
            ) from error
        except (FailedJobError, FailedSubmissionError) as error:
            raise BenchError(
                f"Slurm refuses the jobs:\n  {str(error).strip()}\n"
                f"They asked for {_asked(self._parameters)}. Change it with hydra.launcher.NAME=VALUE; further "
                "options of sbatch are given as +hydra.launcher.additional_parameters.NAME=VALUE."
            ) from error
        ids = {str(made.job_id): job for made, job in zip(submitted, jobs, strict=True)}
        for number in ids:
            _forget(logs, number, start)
        _note(logs / "jobs.jsonl", ids)
        first = next(iter(ids)).split("_")[0]
        say(f"Submitted {jobs_of(len(ids))} to Slurm as {first}; what they print: {logs}/{first}*/*.out")
        return ids


def _arrays(jobs: Sequence[Job]) -> list[Sequence[Job]]:
    """``jobs`` in as many arrays as MaxArraySize makes of them; array_parallelism is then each array's."""
    if not jobs:
        return []
    try:
        most = largest_array()
    except QueueError:
        most = None
    if not most or len(jobs) <= most:
        return [jobs]
    parts = [jobs[start : start + most] for start in range(0, len(jobs), most)]
    say(
        f"{jobs_of(len(jobs))} are more than an array of this cluster may have (MaxArraySize={most}): submitted as "
        f"{len(parts)} arrays. hydra.launcher.array_parallelism holds for each of them."
    )
    return parts


def _refuse_unknown(parameters: Mapping[str, Any]) -> None:
    """Raises :class:`BenchError` for a setting that ``+`` added beside those of the launcher's file."""
    for name, value in parameters.items():
        if name not in _SETTINGS:
            given = f"+hydra.launcher.additional_parameters.{name}={value}"
            close = nearest(name, _SETTINGS)
            hint = f" Did you mean hydra.launcher.{close}?" if close else ""
            raise BenchError(
                f"hydra.launcher.{name} is not a setting of hydra/launcher=submitit_slurm.{hint}\n"
                f"Known: {', '.join(sorted(_SETTINGS))}.\nIf it is an option of sbatch (--{name}): {given}"
            )


def _wait(running: dict[str, Job], logs: Path, tell: Tell) -> None:
    """Until every job has left the queue or brought a result; ``running`` is emptied on the way."""
    missed = dict.fromkeys(running, 0)
    silent, pause = False, 1.0
    while running:
        try:
            states: dict[str, str] | None = queued()
            silent = False
        except QueueError as error:
            if not silent:
                say(f"Slurm does not answer ({error}). Results are still looked for.")
            states, silent = None, True
        for number, job in list(running.items()):
            outcome = _result(logs, number)
            if states is not None:
                missed[number] = 0 if number in states else missed[number] + 1
            over = missed[number] >= _MISSED
            if outcome is None and over:
                outcome = _lost(logs, number, job)
            # A job that was interrupted and is queued again has not ended yet.
            if outcome is not None and (over or outcome.state is not State.interrupted):
                if outcome.state is State.interrupted and outcome.cause == STOPPED:
                    outcome = Outcome(State.interrupted, f"{STOPPED} Slurm says: {ending(number) or 'nothing'}.")
                del running[number]
                tell(job, outcome)
        if running:
            time.sleep(pause)
            pause = min(_SLOWEST, pause * 1.2)


def _paths(logs: Path, number: str) -> Any:
    from submitit.core.utils import JobPaths

    return JobPaths(logs / "%j", job_id=number, task_id=0)


def _note(path: Path, ids: dict[str, Job]) -> None:
    """Append a line for each job, all of them at once."""
    cut_torn_tail(path)
    lines = [json.dumps({"id": number, "job": job.label, "asked": _key(job)}) + "\n" for number, job in ids.items()]
    with path.open("ab") as file:
        file.write("".join(lines).encode("utf-8"))
        file.flush()
        os.fsync(file.fileno())


def _now(folder: Path) -> float:
    """The time of the file system of ``folder``, whose clock may be another machine's: seconds since the epoch."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def _forget(logs: Path, number: str, before: float) -> None:
    """Remove an older result of this id: a cluster that was set up again counts from 1 again.

    ``before`` is the time of their file system.
    """
    path = _paths(logs, number).result_pickle
    if path.exists() and path.stat().st_mtime < before:
        path.unlink()


def _result(logs: Path, number: str) -> Outcome | None:
    """What the job returned; None while there is nothing."""
    from submitit.core.utils import pickle_load

    try:
        ended, value = pickle_load(_paths(logs, number).result_pickle)
    except (OSError, EOFError):
        return None
    if ended == "success" and isinstance(value, Outcome):
        return value
    return Outcome(State.failed, str(value).strip().splitlines()[-1])


def _lost(logs: Path, number: str, job: Job) -> Outcome:
    """The outcome of a job that is over without a result: cancelled, killed, or its node is gone."""
    deadline = time.monotonic() + (_RESULT if state_of(job.folder) == "finished" else 1.0)
    while time.monotonic() < deadline:
        if (late := _result(logs, number)) is not None:
            return late
        time.sleep(0.5)
    message = f"Slurm's job {number} ended without a result: {ending(number) or 'Slurm does not know why'}."
    stdout = _paths(logs, number).stdout
    if not stdout.exists():
        message += f"\nIt left no log '{stdout}'. If it ever started, that folder is not shared with its node."
    return Outcome(State.interrupted, message)


def _still_queued(jobs: Sequence[Job], logs: Path) -> dict[str, Job]:
    """Jobs of ``jobs`` that an earlier command submitted and that may still run, by Slurm's id."""
    by_key = {_key(job): job for job in jobs}
    states = queued()
    found: dict[str, Job] = {}
    for line in read_json_lines(logs / "jobs.jsonl"):
        if line["id"] in states and line["asked"] in by_key:
            found[line["id"]] = by_key[line["asked"]]
    return found


def _key(job: Job) -> str:
    return sha256_json(list(job.overrides))


def _submitits(name: str) -> str:
    """submitit's name of a setting: those that all its clusters have are plain."""
    return name if name in _ANY_CLUSTERS else f"slurm_{name}"


def _asked(parameters: dict[str, Any]) -> str:
    shown = {name: value for name, value in parameters.items() if name not in {"setup", "additional_parameters"}}
    return ", ".join(f"{name}={value}" for name, value in shown.items())
