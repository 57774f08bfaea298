"""Which process this is among all machines', and whether another still lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


def this_process() -> dict[str, Any]:
    """What :func:`is_alive` needs to know: ``machine``, ``pid`` and when it started (None where that is unknown)."""
    pid = os.getpid()
    return {"machine": _machine(), "pid": pid, "started": _started(pid)}


def is_alive(process: Mapping[str, Any]) -> bool | None:
    """Whether a process has not ended, suspended or not; None of those of other machines, of which nothing is known."""
    machine, pid = process.get("machine"), process.get("pid")
    if machine is None or machine != _machine() or not isinstance(pid, int):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    started = _started(pid)
    # The number may have gone to another process since, of whatever user.
    return started is None or started == process.get("started")


@cache
def _machine() -> str | None:
    """This boot of this machine and its namespace of process numbers; None where the system does not say.

    Host names will not do: clones share them, and containers see other processes under the same numbers.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """When a process started, in ticks since boot; ``ended`` for one that only waits to be collected."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return "ended" if state in "ZX" else fields[18]
