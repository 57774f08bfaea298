"""Brings an offline W&B run to its server, within a bound of time that W&B itself does not keep."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lrp2_bench.core.files import make_folder
from lrp2_bench.tracking.connection import Connection


class UploadError(Exception):
    """The server did not take a run; the text says why in one line."""


def upload(run: Path, connection: Connection, timeout: float) -> str:
    """Sync the offline run in the folder ``run`` and return its address (or ``synced``, where W&B names none).

    It runs as a process of its own, killed after ``timeout`` seconds: W&B waits for ever on a server that stops
    answering in the middle of an upload. What it says goes to ``logs/sync.log``. Raises UploadError; a later
    ``wandb sync`` takes up where this one stopped.
    """
    process = _start(run, connection, ["sync", str(run)])
    return _end(run, process, connection, timeout)


class LiveSync:
    """Brings an offline run to its server while it is still written, by a process of its own; the job that writes it
    never waits for a network."""

    def __init__(self, run: Path, connection: Connection) -> None:
        self._run, self._connection = run, connection
        self._process = _start(run, connection, ["beta", "sync", "--live", str(run)])

    @property
    def goes_on(self) -> bool:
        """Whether it has not given up, as where the server refuses the run."""
        return self._process.poll() is None

    def wait(self, timeout: float) -> str:
        """As :func:`upload`, for a run that is finished now."""
        return _end(self._run, self._process, self._connection, timeout)

    def stop(self) -> None:
        """End it, whatever it has sent."""
        self._process.kill()
        self._process.wait()


#: The kernel ends a process with the one that started it: a live sync would wait for ever for the end of a run whose
#: job was killed. Other systems than Linux have no such word.
_ENDS_WITH_ITS_PARENT = (
    "import ctypes, os, sys; prctl = getattr(ctypes.CDLL(None), 'prctl', None); prctl and prctl(1, 9); "
    "os.execv(sys.executable, [sys.executable, '-m', 'wandb', *sys.argv[1:]])"
)


def _start(run: Path, connection: Connection, command: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "WANDB_BASE_URL": connection.base_url, "WANDB_MODE": "online", "NO_COLOR": "1"}
    environment.pop("WANDB_SERVICE", None)  # the service of this process, which a server's odd answer can crash
    if connection.api_key:  # handed over, W&B does not go looking for a key, and so cannot come to prompt for one
        environment["WANDB_API_KEY"] = connection.api_key
    make_folder(_log_of(run).parent)
    # A file, not a pipe: a pipe stays open, and the wait with it, as long as W&B's own service lives.
    with _log_of(run).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", _ENDS_WITH_ITS_PARENT, *command],
            cwd=run.parent.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _end(run: Path, process: subprocess.Popen[bytes], connection: Connection, timeout: float) -> str:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise UploadError(f"{connection.base_url} took longer than {timeout:g} seconds") from None
    finally:
        process.kill()  # also on Ctrl-C; nothing happens to a process that has ended
        process.wait()
    text = _log_of(run).read_text(encoding="utf-8", errors="replace")
    # The exit status is 0 even where the server refuses the run; this marker is what W&B itself goes by.
    if not any(run.glob("*.wandb.synced")):
        raise UploadError(_reason(text))
    address = re.search(r"View run\b.* at (\S+)", text)
    return address.group(1) if address else "synced"


def _log_of(run: Path) -> Path:
    return run / "logs" / "sync.log"


def _reason(text: str) -> str:
    lines = [line.removeprefix("wandb: ").strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?i)error|panic|\w+Error\b", line)]
    return errors[0] if errors else lines[-1] if lines else "no message"
