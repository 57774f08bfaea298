"""From files to a Hugging Face model, each weight converted by itself to what it is kept in."""

from __future__ import annotations

import logging
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import ModelSettings, Precision
from lrp2_bench.models.device_map import Placement, place
from lrp2_bench.models.half import HalfMatrix, halve, halved_names
from lrp2_bench.models.memory import WeightBytes, empty_model, require_room, weight_bytes
from lrp2_bench.models.quantised import UnpackedLinear, quantisation, quantising, unpack_products

log = logging.getLogger(__name__)

#: Share of the blocks' matrices that may stay as they are without a word: routers and other small ones do.
_FEW = 0.02

_TALKATIVE = (
    "transformers.modeling_utils", "transformers.distributed.tensor_parallel", "accelerate.big_modeling",
    "bitsandbytes.backends.cpu.ops",
)  # fmt: skip


def load_weights(
    family: Any, folder: Path, config: Mapping[str, Any], settings: ModelSettings, device: torch.device
) -> tuple[Any, Mapping[str, Any]]:
    """A model by one of transformers' ``AutoModel`` classes, and what transformers says of its keys.

    In half precision it is ready to multiply in it; packed matrices are ready to be unpacked. Raises
    :class:`BenchError` where its weights do not fit, before they are read where its configuration tells; and whatever
    transformers raises on files that are damaged.
    """
    packed = quantisation(config, settings.quantization, str(folder))
    dtype: torch.dtype = getattr(torch, settings.precision.value)
    empty = empty_model(family, folder)
    sizes = weight_bytes(empty, dtype, packed)
    placement = place(settings.device_map, empty, sizes, device, packed)
    _require_room(sizes, placement, device, folder)
    how: dict[str, Any] = {}
    if packed:
        head = empty.get_output_embeddings()
        names = (name for name, module in empty.named_modules() if module is head)
        how["quantization_config"] = quantising(packed, config, next(names, None))
        how["device_map"] = {"": device}
    elif device.type != "cpu" and find_spec("accelerate"):
        how["device_map"] = {"": device}  # straight there, not by way of this machine's memory
    offload = None
    if placement is not None:
        how["device_map"] = placement.for_accelerate
        if "disk" in placement.modules.values():
            offload = tempfile.TemporaryDirectory(prefix="lrp2_bench_offload_")
            how["offload_folder"] = offload.name
    try:
        with _quiet(), _halved_as_read(dtype if settings.precision is not Precision.float32 else None):
            model, loading = family.from_pretrained(
                folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                **{key: value for key, value in how.items() if value is not None},
            )
        if settings.precision is not Precision.float32:
            halve(model, dtype)
        if packed:
            unpack_products(model, dtype)
        _say_what_is_left(model, settings, packed)
        if "device_map" not in how:
            model = model.to(device)
    except (MemoryError, torch.OutOfMemoryError) as error:
        try:
            require_room(sizes.total, device, f"Loading '{folder}'", now=False)
        except BenchError as told:
            raise told from error
        raise
    model._offloaded_to = offload  # the folder lives as long as the model
    return model, loading


def _require_room(sizes: WeightBytes, placement: Placement | None, device: torch.device, folder: Path) -> None:
    if placement is None:
        require_room(sizes.total, device, f"'{folder}'")
        return
    for each in {found for found in placement.modules.values() if found != "disk"}:
        there = sum(sizes.of(path) for path, found in placement.modules.items() if found == each)
        require_room(there, torch.device(each), f"What model.device_map puts of '{folder}' on {each}")


def _say_what_is_left(model: nn.Module, settings: ModelSettings, packed: str | None) -> None:
    """Count the blocks' matrices that are larger than was asked for, and say so where they are more than a few."""
    if settings.precision is Precision.float32 and not packed:
        return
    left: Counter[str] = Counter()
    total = 0
    for path, module in model.named_modules():
        if isinstance(module, nn.Embedding) or not re.search(r"\.\d+(\.|$)", path):
            continue
        if isinstance(module, UnpackedLinear):
            total += module.in_features * module.out_features
            continue
        for parameter in module.parameters(recurse=False):
            size = parameter.numel() if parameter.squeeze().dim() >= 2 else 0
            total += size
            if packed or not isinstance(parameter, HalfMatrix):
                left[type(module).__name__] += size
    if left.total() > _FEW * total:
        kinds = ", ".join(f"{kind} ({size:,})" for kind, size in left.most_common(3) if size)
        how = f"quantization={packed}" if packed else f"precision={settings.precision.value}"
        log.warning(
            "model.%s does not reach %s of the blocks' %s matrix elements (%.0f %%), which stay in %s: %s.",
            how, f"{left.total():,}", f"{total:,}", 100 * left.total() / total,
            settings.precision.value if packed else "float32", kinds,
        )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, libraries do not tell what is told here (weights that are missing, a device map that was asked for), or
    needs no telling (kernels that are not used)."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _halved_as_read(dtype: torch.dtype | None) -> Iterator[None]:
    """Inside, transformers converts the matrices that will be in ``dtype`` to it one by one, as it reads them.

    Without the hook that this needs of transformers, they are read in float32 and converted afterwards, in the same
    numbers and more memory.
    """
    from transformers import PreTrainedModel

    library: Any = PreTrainedModel
    plan = getattr(library, "_get_dtype_plan", None)
    if dtype is None or plan is None:
        yield
        return

    def with_matrices(model: Any, asked: torch.dtype) -> dict[str, torch.dtype]:
        own: dict[str, torch.dtype] = plan(model, asked)
        return {**own, **{f"^{re.escape(name)}$": dtype for name in halved_names(model, dtype)}}

    library._get_dtype_plan = with_matrices
    try:
        yield
    finally:
        library._get_dtype_plan = plan
