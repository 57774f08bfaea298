"""Slurm's queue, asked by its own commands; accounting is used where there is some and never needed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

#: Seconds a controller has to answer.
_PATIENCE = 60


class QueueError(Exception):
    """Slurm's own words about why it does not answer."""


def queued() -> dict[str, str]:
    """State by id (``12``, ``12_3``) of every job of this user that may still run. Raises :class:`QueueError`.

    What is not there is over: it ended, was cancelled, or was lost. sacct is not asked, since without accounting it
    never says so.
    """
    lines = _ask(["squeue", "--noheader", "--array", "--user", str(os.getuid()), "--format", "%i|%T|%r"])
    states = {}
    for line in lines:
        number, state, reason = line.split("|", 2)
        states[number.strip()] = f"{state} ({reason})" if reason not in ("None", "") else state
    return states


def ending(number: str) -> str:
    """How Slurm says that a job ended, such as ``CANCELLED by 0`` or ``NODE_FAIL``; empty where nothing knows."""
    for command, read in (
        (["sacct", "-n", "-X", "-P", "-o", "State", "-j", number], _from_sacct),
        (["scontrol", "-o", "show", "job", number], _from_scontrol),
    ):
        try:
            answer = read(_ask(command))
        except QueueError:
            continue
        if answer:
            return answer
    return ""


def largest_array() -> int | None:
    """How many jobs an array may have; None where the cluster does not say.

    MaxArraySize is one more than the highest index, and arrays here begin with 0: so many have a place in one.
    """
    for line in _ask(["scontrol", "show", "config"]):
        if found := re.match(r"MaxArraySize\s*=\s*(\d+)", line.strip()):
            return int(found[1])
    return None


def hosts() -> set[str]:
    """The machines of the cluster."""
    return {line.strip() for line in _ask(["sinfo", "--noheader", "--Format", "nodehost:200"]) if line.strip()}


def _from_sacct(lines: Sequence[str]) -> str:
    return lines[-1].strip() if lines else ""


def _from_scontrol(lines: Sequence[str]) -> str:
    """From the controller's memory, which keeps a job for some minutes (MinJobAge) after its end."""
    fields: dict[str, str] = dict(re.findall(r"(\w+)=(\S*)", lines[0])) if lines else {}
    reason = fields.get("Reason", "None")
    return fields.get("JobState", "") + (f" ({reason})" if reason != "None" else "")


def _ask(command: Sequence[str]) -> list[str]:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except FileNotFoundError:
        raise QueueError(f"there is no `{command[0]}` here") from None
    except subprocess.TimeoutExpired:
        raise QueueError(f"`{command[0]}` has not answered for {_PATIENCE} s") from None
    if answer.returncode:
        raise QueueError((answer.stderr or answer.stdout).strip() or f"`{command[0]}` exited with {answer.returncode}")
    return answer.stdout.splitlines()
