"""A stand-in for a GPU that counts what a GPU would be told: kernels launched, and times the host waits for it.

Tensors on the stand-in claim PyTorch's ``meta`` device, which no code of ours runs on, and hold their numbers on the
CPU. Every operator on them passes a dispatch mode, which runs it there and counts it: views launch nothing, whatever
has numbers go from the device to the host, or sizes depend on them, waits, and so does a copy to the device unless it
is told not to (``non_blocking``; that its source must be pinned is not checked).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

#: Where tensors of the stand-in claim to be.
DEVICE = torch.device("meta")

#: Operators without a kernel beside those that give back a view.
_FREE = {
    "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "detach_", "lift_fresh",
    "_unsafe_view", "_reshape_alias", "alias", "sym_size", "resize_", "is_same_size",
}  # fmt: skip

#: Operators whose results the host waits for: values it reads, or sizes that depend on values.
_WAITS = {
    "_local_scalar_dense", "item", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive",
    "unique_dim_consecutive", "equal", "is_nonzero", "bincount", "histc", "argwhere",
}  # fmt: skip

#: Composite operators that a GPU runs as one kernel.
_FUSED = {"scaled_dot_product_attention"}


class _OnDevice(Tensor):
    """``held`` are its numbers, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _OnDevice:
        made: _OnDevice = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=DEVICE,
        )  # fmt: skip
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise RuntimeError(f"{func} ran on the stand-in for a GPU while nobody counted.")


class StandIn:
    """Inside ``with`` :meth:`counting`, tensors may be made on and moved to :data:`DEVICE`."""

    def __init__(self) -> None:
        self.launches: Counter[tuple[str, str]] = Counter()  # by phase and operator
        self.waits: Counter[tuple[str, str]] = Counter()
        self._phases = ["other"]

    @contextmanager
    def counting(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(_Dispatch(self))
            stack.enter_context(_Functions(self))
            yield

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Inside, operators count as of ``name``."""
        self._phases.append(name)
        try:
            yield
        finally:
            self._phases.pop()

    def launched(self, operator: str) -> None:
        self.launches[self._phases[-1], operator] += 1

    def waited(self, operator: str) -> None:
        self.waits[self._phases[-1], operator] += 1


def put(module: nn.Module) -> None:
    """Move a module's parameters and buffers to the stand-in, in place; shared ones stay shared."""
    moved: dict[int, _OnDevice] = {}
    for part in module.modules():
        for held in (part._parameters, part._buffers):
            for name, value in held.items():
                if value is not None and not isinstance(value, _OnDevice):
                    held[name] = moved.setdefault(id(value), _OnDevice(value.detach()))  # type: ignore[assignment]


class _Dispatch(TorchDispatchMode):
    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stand_in = stand_in

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled, and to say so takes seconds of imports

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = func._schema.name.removeprefix("aten::")
        if name not in _FUSED and func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd):
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        here = any(isinstance(leaf, _OnDevice) for leaf in tensors)
        to, asked = here, kwargs.get("device")
        if asked is not None:
            to = torch.device(asked).type == DEVICE.type
            kwargs["device"] = torch.device("cpu")
        if here or to:
            self._count(func, name, args, kwargs, to)
        plain_args, plain = tree_map(_held, (args, kwargs))
        found = func(*plain_args, **plain)
        if not to:
            return found
        if func._schema.name.endswith("_") and args and isinstance(args[0], _OnDevice):
            return args[0]  # in place: the same tensor
        return tree_map(lambda leaf: _OnDevice(leaf) if isinstance(leaf, Tensor) else leaf, found)

    def _count(self, func: Any, name: str, args: Any, kwargs: dict[str, Any], to: bool) -> None:
        views = [arg for arg in func._schema.returns if arg.alias_info is not None and not arg.alias_info.is_write]
        if name in _FREE or views:
            return
        self._stand_in.launched(name)
        index = args[1] if name in {"index", "index_put", "index_put_", "_index_put_impl_"} else ()
        if (
            name in _WAITS
            or not to
            or (name == "_to_copy" and not (isinstance(args[0], _OnDevice) or kwargs.get("non_blocking")))
            or any(isinstance(leaf, Tensor) and leaf.dtype in (torch.bool, torch.uint8) for leaf in index)
            or (name == "repeat_interleave" and not isinstance(args[-1], int))
        ):
            self._stand_in.waited(name)
        for leaf in index:
            if isinstance(leaf, Tensor) and not isinstance(leaf, _OnDevice):  # it is copied first
                self._stand_in.launched("_to_copy")
                self._stand_in.waited("_to_copy")


class _Functions(TorchFunctionMode):
    """What never reaches a dispatch mode: values read by the host, and tensors made of lists."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._stand_in = stand_in

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in {"tolist", "numpy", "__array__", "item", "__int__", "__bool__", "__float__", "__index__"} and (
            args and isinstance(args[0], _OnDevice)
        ):
            self._stand_in.launched(name)
            self._stand_in.waited(name)
            return getattr(args[0].held, name)(*args[1:], **kwargs)
        if name in {"__getitem__", "__setitem__"} and args and isinstance(args[0], _OnDevice):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            sent = tuple(torch.as_tensor(part).to(DEVICE) if isinstance(part, list) else part for part in index)
            return func(args[0], sent, *args[2:])
        if func in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or "cpu").type == DEVICE.type:
            made = func(*args, **{**kwargs, "device": None})
            return made.to(DEVICE)
        return func(*args, **kwargs)


def _held(leaf: Any) -> Any:
    return leaf.held if isinstance(leaf, _OnDevice) else leaf
