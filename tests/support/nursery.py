"""Commands in processes of their own that need not import torch each: forked from one process that has done so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.support.paths import REPOSITORY

# Answers each line: the process it started, or how one of them ended (null: it has not yet).
_PROGRAM = """
import json, os, signal, sys
from transformers import AutoModelForMaskedLM, AutoTokenizer
from lrp2_bench.cli import main
from lrp2_bench.commands.search import job
for line in sys.stdin:
    told = json.loads(line)
    if "pid" in told:
        pid, status = os.waitpid(told["pid"], os.WNOHANG)
        print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have background jobs ignore it
        log = os.open(told["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        if told["environment"] is not None:
            os.environ.clear()
            os.environ.update(told["environment"])
        sys.exit(main(told["arguments"]))
    print(json.dumps(pid), flush=True)
"""


class Process(Protocol):
    """The part of ``subprocess.Popen`` that both kinds of process have."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Nursery:
    """Starts ``lrp2-bench`` in process groups of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Child:
        """Both of its outputs go to ``log``'s end; ``environment``: the first process's, unless one is given."""
        told = {"arguments": list(arguments), "log": str(log), "environment": environment and dict(environment)}
        return Child(int(self._ask(told)), self)

    def ended(self, pid: int) -> int | None:
        """The exit code of a process, which is asked for once; None while it runs."""
        code: int | None = self._ask({"pid": pid})
        return code

    def _ask(self, told: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass
class Child:
    """A process that was started."""

    pid: int
    _nursery: Nursery
    _code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.ended(self.pid)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + timeout if timeout is not None else None
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.005)
        return code


@contextmanager
def nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield Nursery(process)
