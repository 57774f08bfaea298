"""What a model's weights will take, counted on its configuration alone, and what is free for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.models.half import halved_names, kept_in_float32
from lrp2_bench.models.quantised import BYTES

_GIB = 2**30


def free_bytes(device: torch.device) -> int:
    """Memory that could still be taken: on a CUDA device, or of this machine (MemAvailable)."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 4 * _GIB
    fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if len(line.split()) > 1}
    return fields.get("MemAvailable", 4 * _GIB)


@dataclass(frozen=True)
class WeightBytes:
    """Bytes by the name of each parameter or buffer, one that is shared counted where it comes first."""

    each: dict[str, float]

    @property
    def total(self) -> int:
        return int(sum(self.each.values()))

    def of(self, path: str) -> int:
        """Those of the module, or the parameter, at ``path``."""
        return int(sum(size for name, size in self.each.items() if name == path or name.startswith(f"{path}.")))


def empty_model(family: Any, folder: Path) -> Any:
    """The model of ``folder``'s configuration without any weights, by one of transformers' ``AutoModel`` classes."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        return family.from_config(config, dtype=torch.float32, trust_remote_code=False)


def weight_bytes(model: nn.Module, dtype: torch.dtype, packed: str | None) -> WeightBytes:
    """What ``model`` (empty, in float32) takes with its matrices in ``dtype``, or linear maps ``packed``."""
    halved = set(halved_names(model, dtype))
    whole = kept_in_float32(model)  # never packed either
    linear = {
        f"{path}.weight"
        for path, module in model.named_modules()
        if (isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D") and whole.isdisjoint(path.split("."))
    }
    sizes: dict[str, float] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        each: float = tensor.element_size()
        if name in halved and tensor.is_floating_point():
            each = BYTES[packed] if packed and name in linear else dtype.itemsize
        sizes[name] = tensor.numel() * each
    return WeightBytes(sizes)


def require_room(needed: int, device: torch.device, what: str, *, now: bool = True) -> None:
    """Raise :class:`BenchError` where ``needed`` bytes for ``what`` are more than is free on ``device``, or where
    they were (not ``now``): taking them has failed."""
    free = free_bytes(device)
    if now and needed <= free:
        return
    where = "this machine" if device.type == "cpu" else str(device)
    raise BenchError(
        f"{what} needs {needed:,} bytes ({needed / _GIB:.1f} GiB) of {where}'s memory, and {free:,} "
        f"({free / _GIB:.1f} GiB) are free.\n"
        "Set model.precision=bfloat16 (half of float32), model.quantization=int8 or nf4 (a quarter, an eighth), or "
        "model.device_map=auto (several devices, then memory, then disk)."
    )
