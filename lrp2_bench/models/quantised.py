"""Matrices packed by bitsandbytes: which checkpoints and settings ask for it, and how products are computed of them.

bitsandbytes's own int8 product rounds the states too, and picks the columns that it leaves out of that by everything in
the batch, so that hits would depend on what is computed together. Here a matrix is unpacked for each product and
multiplied in ``model.precision``, as nf4 is anyway: what is quantised is the weights, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import Quantization
from lrp2_bench.models.half import products_are_exact

PIP = "pip install bitsandbytes accelerate"

#: Bytes an element takes, what is kept beside it included: a float32 for each row, and for each 64 elements.
BYTES = {"int8": 1.0, "nf4": 0.5 + 4 / 64, "fp4": 0.5 + 4 / 64}


class UnpackedLinear(nn.Module):
    """What becomes of bitsandbytes's linear maps. ``kind`` is int8, nf4 or fp4, ``rounded`` its products' type."""

    in_features: int
    out_features: int
    kind: str
    rounded: torch.dtype
    weight: Any
    bias: Tensor | None

    def forward(self, states: Tensor) -> Tensor:
        dtype = torch.float32 if products_are_exact() else self.rounded
        bias = None if self.bias is None else self.bias.to(dtype)
        return nn.functional.linear(states.to(dtype), self.matrix(dtype), bias).to(states.dtype)

    def matrix(self, dtype: torch.dtype) -> Tensor:
        """``[out, in]``, unpacked."""
        if self.kind == "int8":
            unpacked: Tensor = self.weight.CB.float() * (self.weight.SCB.view(-1, 1).float() / 127)
            return unpacked.to(dtype)
        from bitsandbytes.functional import dequantize_4bit

        unpacked = dequantize_4bit(self.weight.data, self.weight.quant_state)
        return unpacked.to(dtype)


def unpack_products(model: nn.Module, dtype: torch.dtype) -> None:
    """Have the packed linear maps of ``model`` (in place) multiply in ``dtype``."""
    for module in model.modules():
        kind = type(module).__name__
        if kind in ("Linear8bitLt", "Linear4bit", "LinearNF4", "LinearFP4"):
            packed: Any = module
            packed.kind = "int8" if kind == "Linear8bitLt" else packed.weight.quant_type
            packed.rounded = dtype
            packed.__class__ = UnpackedLinear


def packed_as(model: nn.Module) -> tuple[str, torch.dtype] | None:
    """How the matrices of ``model`` are packed, and the type of their products; None where they are not."""
    found = (module for module in model.modules() if isinstance(module, UnpackedLinear))
    first = next(found, None)
    return None if first is None else (first.kind, first.rounded)


def stored_quantisation(config: Mapping[str, Any], where: str) -> str | None:
    """How ``config`` (of config.json) says that its weights are packed: None, int8, nf4 or fp4.

    Raises :class:`BenchError` for what bitsandbytes does not unpack.
    """
    stored = config.get("quantization_config")
    if stored is None:
        return None
    method = stored.get("quant_method") if isinstance(stored, Mapping) else stored
    if isinstance(stored, Mapping) and (method == "bitsandbytes" or (method is None and "load_in_4bit" in stored)):
        if stored.get("load_in_8bit"):
            return "int8"
        if stored.get("load_in_4bit"):
            return str(stored.get("bnb_4bit_quant_type", "fp4"))
    raise BenchError(
        f"'{where}' has the key quantization_config: its weights are quantised by '{method}', which only some devices "
        "and packages multiply.\nThose of bitsandbytes are run. Use the checkpoint that was quantised: "
        "model.precision=bfloat16 halves its "
        "memory, model.quantization=int8 or nf4 takes a quarter or an eighth."
    )


def quantisation(config: Mapping[str, Any], asked: Quantization | None, where: str) -> str | None:
    """How the weights will be packed: as they are stored, or as ``asked``. Raises :class:`BenchError` where the two
    differ, and where what unpacks them is not installed."""
    stored = stored_quantisation(config, where)
    if stored is not None and asked is not None and stored != asked.value:
        raise BenchError(
            f"model.quantization={asked.value}, but '{where}' is quantised already, as {stored}.\n"
            "Leave model.quantization out, or use the checkpoint that was quantised."
        )
    kind = asked.value if asked is not None else stored
    if kind is not None:
        missing = [name for name in ("bitsandbytes", "accelerate") if find_spec(name) is None]
        if missing:
            of = f"model.quantization={kind}" if asked is not None else f"'{where}' is quantised as {kind} and"
            raise BenchError(f"{of} needs {' and '.join(missing)}, which this environment lacks.\nInstall it: {PIP}")
    return kind


def quantising(kind: str, config: Mapping[str, Any], head: str | None) -> Any:
    """What transformers is to be told; None for weights that say so themselves. ``head`` is left as it is."""
    if config.get("quantization_config") is not None:
        return None
    from transformers import BitsAndBytesConfig

    if kind == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=[head] if head else None)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type=kind, llm_int8_skip_modules=[head] if head else None
    )
