"""Which GPU each worker of this machine gets: one model a GPU, instead of all models on the first."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence

from omegaconf import OmegaConf

from lrp2_bench.core.errors import BenchError
from lrp2_bench.launchers.job import Job
from lrp2_bench.launchers.running import Setup

#: What CUDA reads when PyTorch first asks for it: indices or UUIDs, comma-separated.
VISIBLE = "CUDA_VISIBLE_DEVICES"
#: ``hydra.launcher.gpus`` for every GPU of this machine.
AUTO = "auto"

_SECONDS = 30  # nvidia-smi takes one or two where the driver sleeps


def shares(gpus: object) -> list[str]:
    """What each worker in turn sees, from ``hydra.launcher.gpus``; empty where all see everything (``null``, or
    ``auto`` without a GPU).

    An entry of a list is an index, a UUID or several of them (``'0,1'``), for a model that lies on more than one GPU.
    Raises :class:`BenchError` for anything else.
    """
    if gpus is None:
        return []
    if gpus == AUTO:
        return here()
    entries = gpus if isinstance(gpus, Sequence) and not isinstance(gpus, str) else None
    if not entries or not all(re.fullmatch(r"[\w-]+(,[\w-]+)*", str(entry)) for entry in entries):
        raise BenchError(
            f"hydra.launcher.gpus={gpus} is not a choice of GPUs. Give auto (each worker one of this machine's), null "
            "(every worker sees all), or a list with an entry a worker, as [0,1] or ['0,1','2,3']."
        )
    return [str(entry) for entry in entries]


def here() -> list[str]:
    """The GPUs that this process may use, by index or UUID; none where there is no NVIDIA driver.

    Asked of the driver, since PyTorch takes seconds to import and would open every one of them.
    """
    allowed = os.environ.get(VISIBLE)
    if allowed is not None:
        return [each.strip() for each in allowed.split(",") if each.strip() not in ("", "-1")]
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return listed(done.stdout)


def listed(text: str) -> list[str]:
    """UUIDs in the output of ``nvidia-smi -L``. Of a GPU that is cut into MIG instances those, since CUDA gives a
    process one of them at most."""
    found: list[str] = []
    for line in text.splitlines():
        uuid = re.search(r"UUID: ([\w-]+)\)", line)
        if uuid and uuid[1].startswith("MIG-"):
            if found and found[-1].startswith("GPU-"):
                found.pop()
            found.append(uuid[1])
        elif uuid:
            found.append(uuid[1])
    return found


def choose_themselves(setup: Setup, jobs: Sequence[Job]) -> bool:
    """Whether jobs name GPUs by themselves (``model.device=cuda:1``, a ``model.device_map``, or none at all), which
    they could not find if each saw but one."""
    named = re.compile(r"\+{0,2}model\.(device=(cuda:|cpu)|device_map=(?!null$))")
    settings = [f"model.{key}={OmegaConf.select(setup.config, f'model.{key}')}" for key in ("device", "device_map")]
    settings = [setting for setting in settings if not setting.endswith("=None")]
    return any(named.match(text) for text in (*settings, *(one for job in jobs for one in job.overrides)))
