"""Brings an offline W&B run to its server, within a bound of time that W&B itself does not keep."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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
    environment = {**os.environ, "WANDB_BASE_URL": connection.base_url, "WANDB_MODE": "online", "NO_COLOR": "1"}
    environment.pop("WANDB_SERVICE", None)  # the service of this process, which a server's odd answer can crash
    if connection.api_key:  # handed over, W&B does not go looking for a key, and so cannot come to prompt for one
        environment["WANDB_API_KEY"] = connection.api_key
    said = run / "logs" / "sync.log"
    make_folder(said.parent)
    command = [sys.executable, "-m", "wandb", "sync", str(run)]
    # A file, not a pipe: a pipe stays open, and the wait with it, as long as W&B's own service lives.
    with said.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=run.parent.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise UploadError(f"{connection.base_url} took longer than {timeout:g} seconds") from None
        finally:
            process.kill()  # also on Ctrl-C; nothing happens to a process that has ended
            process.wait()
    text = said.read_text(encoding="utf-8", errors="replace")
    # The exit status is 0 even where the server refuses the run; this marker is what W&B itself goes by.
    if not any(run.glob("*.wandb.synced")):
        raise UploadError(_reason(text))
    address = re.search(r"View run\b.* at (\S+)", text)
    return address.group(1) if address else "synced"


def _reason(text: str) -> str:
    lines = [line.removeprefix("wandb: ").strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?i)error|panic|\w+Error\b", line)]
    return errors[0] if errors else lines[-1] if lines else "no message"
