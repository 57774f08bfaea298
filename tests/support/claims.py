"""Leases that others left: a job of another machine, or one that died."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def lease_of_another_machine(folder: Path, name: str = "P36.1") -> Path:
    path = folder / "claims" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": "another", "pid": 1, "started": "1", "host": "node7", "since": "then"}))
    return path


def lease_of_a_dead_process(folder: Path, name: str = "P36.1") -> Path:
    script = "import json; from lrp2_bench.core.processes import this_process; print(json.dumps(this_process()))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    path = folder / "claims" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(told)
    return path
