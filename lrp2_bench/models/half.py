"""Matrix products of the blocks in bfloat16 or float16, everything else in float32.

Rounding the hidden states themselves to half precision after every step moves far more answers than rounding the
factors of a product does (on mLAMA, 96 against 99 % of hits agreed with float32), and norms, sums and the head are not
where the time goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

#: Functions that multiply matrices, by name: ``linear``, ``__matmul__``, ``addmm``, ``bmm``, ``_grouped_mm``, ...
_PRODUCTS = re.compile(r"linear|matmul|einsum|mm($|_|\.)")

_DTYPE: Any = Tensor.dtype.__get__  # type: ignore[attr-defined]

#: Whether products are computed in float32 all the same: see :func:`float32_products`.
_exact = False


class HalfMatrix(nn.Parameter):
    """A matrix in half precision between states in float32, whatever the module does to multiply with it.

    A product rounds its other factors to the matrix's type and gives back theirs. What else is done with it (views,
    the choice of an expert) gives a :class:`HalfMatrix` again where nothing but such matrices goes in. ``dtype`` is the
    states', ``rounded`` the matrix's; whoever makes a parameter of the same class of other values has them rounded.
    """

    rounded: ClassVar[torch.dtype]

    def __new__(cls, data: Tensor, requires_grad: bool = False, **kept: Any) -> HalfMatrix:
        made: HalfMatrix = Tensor._make_subclass(cls, data.as_subclass(Tensor).to(cls.rounded), requires_grad)
        return made

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func == _DTYPE:  # whoever asks rounds states to it before a product, and gated ones after it too
            return torch.float32
        with torch._C.DisableTorchFunctionSubclass():
            if _PRODUCTS.search(getattr(func, "__name__", "")):
                return _multiplied(func, args, kwargs or {})
            found = func(*args, **(kwargs or {}))
        if any(isinstance(each, Tensor) and not isinstance(each, HalfMatrix) and each.is_floating_point()
               for each in args):  # fmt: skip
            return found
        if isinstance(found, tuple | list):
            return type(found)(_kept(each) for each in found)
        return _kept(found)


class _BFloat16Matrix(HalfMatrix):
    rounded = torch.bfloat16


class _Float16Matrix(HalfMatrix):
    rounded = torch.float16


_KINDS: dict[torch.dtype, type[HalfMatrix]] = {kind.rounded: kind for kind in (_BFloat16Matrix, _Float16Matrix)}


def _kept(found: Any) -> Any:
    return found.as_subclass(_KINDS[found.dtype]) if type(found) is Tensor and found.dtype in _KINDS else found


def _multiplied(func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """``func`` of factors in the matrix's type (float32 inside :func:`float32_products`), in the states' type."""
    tensors = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor) and each.is_floating_point()]
    matrix = next(each for each in tensors if isinstance(each, HalfMatrix))
    states = next((each for each in tensors if not isinstance(each, HalfMatrix)), matrix)
    dtype = torch.float32 if _exact else matrix.rounded

    def rounded(each: Any) -> Any:
        factor = isinstance(each, Tensor) and each.is_floating_point()
        return each.as_subclass(Tensor).to(dtype) if factor else each

    found: Tensor = func(*map(rounded, args), **{name: rounded(each) for name, each in kwargs.items()})
    return found.to(states.dtype)


@contextmanager
def float32_products() -> Iterator[None]:
    """Inside, rounded matrices multiply in float32, one converted at a time: what a model that was never loaded in
    float32 is checked by, with float32's own tolerance."""
    global _exact
    before, _exact = _exact, True
    try:
        yield
    finally:
        _exact = before


def products_are_exact() -> bool:
    """Whether this is inside :func:`float32_products`."""
    return _exact


def product_type(model: Any) -> torch.dtype:
    """The type in which a Hugging Face ``model``'s blocks multiply."""
    halved = (parameter.rounded for parameter in model.parameters() if isinstance(parameter, HalfMatrix))
    dtype: torch.dtype = next(halved, model.dtype)
    return dtype


def kept_in_float32(model: nn.Module) -> set[str]:
    """Names of the modules that the model's own loader never rounds, T5's second feed-forward map among them."""
    return set(getattr(model, "_keep_in_fp32_modules", None) or ())


def halved_names(model: nn.Module, dtype: torch.dtype) -> list[str]:
    """Names of the parameters that :func:`halve` rounds: those of linear maps (the head's last one left out), of
    GPT-2's ``Conv1D``, and experts held in one tensor. Tables, norms, convolutions and routers stay, and so do the maps
    that the model's own loader keeps in float32 beside float16: T5's second one of a feed-forward overflows."""
    whole: Any = model
    head = whole.get_output_embeddings()
    tied = {id(parameter) for parameter in head.parameters()} if isinstance(head, nn.Module) else set()
    kept = kept_in_float32(model) if dtype is torch.float16 else set()
    return [
        f"{path}.{name}" if path else name
        for path, module in model.named_modules()
        if module is not head and kept.isdisjoint(path.split("."))
        for name, parameter in module.named_parameters(recurse=False)
        if id(parameter) not in tied and _rounds(module, name, parameter)
    ]


def _rounds(module: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    if not parameter.is_floating_point() or (
        type(parameter) is not nn.Parameter and not isinstance(parameter, HalfMatrix)
    ):
        return False  # packed by a quantiser
    if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D":
        return name == "weight"
    return parameter.dim() == 3 and not isinstance(module, nn.modules.conv._ConvNd)


def halve(model: Any, dtype: torch.dtype) -> None:
    """Turn the matrices of a Hugging Face ``model`` (in place, :func:`halved_names`) to ``dtype``."""
    for path in halved_names(model, dtype):
        where, _, name = path.rpartition(".")
        module = model.get_submodule(where)
        setattr(module, name, _KINDS[dtype](module._parameters[name].detach()))
