"""What a submission to Slurm needs, looked at before anything is submitted."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import uuid
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import make_folder
from lrp2_bench.launchers.launcher import say
from lrp2_bench.launchers.queue import QueueError, hosts, queued

_PROGRAMS = ("sbatch", "srun", "squeue", "scontrol")

#: Slurm may signal a job this many seconds early.
_EARLY = 60

#: File systems of one machine, though another may mount them by network.
_LOCAL = {"tmpfs", "ramfs", "overlay", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs"}

_HERE = "hydra/launcher=local runs the jobs on this machine."


def check(folder: Path, *, timeout_min: int, signal_delay_s: int) -> None:
    """Raises :class:`BenchError` naming all that is missing; warns of what may be wrong."""
    wrong = []
    if importlib.util.find_spec("submitit") is None:
        wrong.append("submitit is not installed: pip install submitit.")
    absent = [program for program in _PROGRAMS if shutil.which(program) is None]
    if absent:
        wrong.append(f"There is no {', '.join(f'`{name}`' for name in absent)} here: run this where Slurm's are.")
    else:
        try:
            queued()
        except QueueError as error:
            wrong.append(f"Slurm does not answer: {error}")
    if signal_delay_s >= timeout_min * 60:
        wrong.append(
            f"hydra.launcher.signal_delay_s={signal_delay_s} is not shorter than the time limit of "
            f"{timeout_min * 60} s (hydra.launcher.timeout_min={timeout_min}): every job would be stopped as it starts."
        )
    elif signal_delay_s + _EARLY >= timeout_min * 60:
        say(
            f"With hydra.launcher.timeout_min={timeout_min} and hydra.launcher.signal_delay_s={signal_delay_s} a job "
            f"may be stopped soon after its start: Slurm's signal can come {_EARLY} s early."
        )
    if "%" in str(folder.absolute()):
        wrong.append(
            f"'{folder}' has a % in its path, which Slurm takes for a placeholder. Choose another paths.outputs and an "
            "experiment.name of letters, digits, _ and -."
        )
    if (unwritable := _unwritable(folder)) is not None:
        wrong.append(f"'{folder}' cannot be written ({unwritable}). Set paths.outputs to a folder all nodes share.")
    if wrong:
        raise BenchError("\n".join(["Nothing was submitted to Slurm.", *(f"  {line}" for line in wrong), _HERE]))
    if (kind := file_system(folder)) in _LOCAL and _others():
        say(
            f"'{folder}' is on a file system of this machine ({kind}), as far as can be seen here. Jobs on other nodes "
            "need the same folder; if they end without a log, set paths.outputs to one that is shared."
        )


def file_system(folder: Path) -> str:
    """The type of the file system that ``folder`` lies on; empty where this system does not say."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    except OSError:
        return ""
    best = ("", "")
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = before.split()[4]
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best[0]):
            best = mount, after.split()[0]
    return best[1]


def _unwritable(folder: Path) -> str | None:
    probe = folder / f".{uuid.uuid4().hex}"
    try:
        make_folder(folder)
        probe.touch()
        probe.unlink()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return None


def _others() -> set[str]:
    """Nodes that are not this machine."""
    try:
        return {host.split(".")[0] for host in hosts()} - {socket.gethostname().split(".")[0], "localhost"}
    except QueueError:
        return set()
