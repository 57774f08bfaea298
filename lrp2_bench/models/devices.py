"""Where a model runs: a device that is here, and multiplies in the precision asked for."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Precision

#: Numbers of an intermediate result held at once: on a CPU little more than its caches hold, elsewhere half a GiB, so
#: that what is launched has something to do.
_FLOATS_CPU, _FLOATS = 16 * 2**20, 2**27


#: More than any machine has cores; PyTorch crashes where the system cannot start as many as it is told.
_MOST_THREADS = 4096


def choose_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one. Raises :class:`BenchError` for a device that is not here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BenchError(f"Unknown device '{name}'. Use auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise BenchError(f"model.device={name}, but PyTorch sees no CUDA device here. Use model.device=cpu.")
        if (count := torch.cuda.device_count()) <= (device.index or 0):
            raise BenchError(f"model.device={name}, but the CUDA devices here are 0 to {count - 1}.")
    elif device.type == "meta":
        raise BenchError("model.device=meta holds no weights. Use auto, cpu, cuda or cuda:N.")
    return device


def require_threads(threads: int | None) -> None:
    """Raises :class:`BenchError` for what is no number of CPU threads; None is PyTorch's own choice."""
    if threads is not None and not 1 <= threads <= _MOST_THREADS:
        raise BenchError(
            f"model.threads={threads} is no number of CPU threads.\n"
            f"Give 1 to {_MOST_THREADS}, or null for PyTorch's own choice."
        )


def set_threads(threads: int | None) -> None:
    """For all of PyTorch in this process. Raises as above."""
    require_threads(threads)
    if threads is not None:
        torch.set_num_threads(threads)


def require_precision(device: torch.device, precision: Precision) -> None:
    """Raise :class:`BenchError` where ``device`` does not multiply matrices of this type."""
    dtype = getattr(torch, precision.value)
    try:
        if device.type == "cuda" and dtype is torch.bfloat16 and not torch.cuda.is_bf16_supported(False):
            raise RuntimeError("it has no units for it")
        factor = torch.ones(8, 8, dtype=dtype, device=device)
        right = bool((factor @ factor == 8).all())
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        other = "float16" if precision is Precision.bfloat16 and device.type == "cuda" else "float32"
        way_out = f"Set model.precision={other}" if precision is not Precision.float32 else "Choose another device"
        raise BenchError(
            f"model.precision={precision.value} does not run on {device}: {reason}.\n{way_out}, or model.device=cpu."
        ) from error
    if not right:
        raise BenchError(f"Products of matrices in {precision.value} on {device} are wrong. Use model.device=cpu.")


def clock(device: torch.device) -> float:
    """Seconds, of which the difference of two is what the work between them takes where nothing else runs.

    On a CPU those that this thread computed: it takes part in whatever PyTorch's threads do, and other programs add
    nothing to it. Elsewhere those on the wall, once the device has done what it was given.
    """
    if device.type == "cpu":
        return time.thread_time()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def send(value: Tensor, device: torch.device) -> Tensor:
    """``value`` on ``device``, without the host waiting for what the device has still to do before."""
    if device.type == "cuda" and value.device.type == "cpu":
        value = value.pin_memory()
    return value.to(device, non_blocking=True)


def floats_at_once(device: torch.device, on_cpu: int = _FLOATS_CPU) -> int:
    """Numbers of an intermediate result that are held at once on ``device``."""
    return on_cpu if device.type == "cpu" else _FLOATS
