"""Which module lies on which device, where one does not hold them all: blocks are spread, everything else is together.

States live where the embeddings do, with the final norm and the head; a block that lies elsewhere is sent its states
and sends them back, and one that lies in memory or on disk is fetched when it runs (accelerate's hooks).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from lrp2_bench.core.errors import BenchError, nearest
from lrp2_bench.models.memory import WeightBytes, free_bytes
from lrp2_bench.models.quantised import PIP

#: Share of a device's free memory that weights may take; states and scores get the rest.
_SHARE = 0.75

#: What stands for everything that a map does not name.
_REST = "rest"

_FORMS = "model.device_map is null (one device), auto, or {MODULE: DEVICE, ...} with devices cpu, disk, cuda:N."


@dataclass(frozen=True)
class Placement:
    """``home`` is where states live, ``modules`` a map from paths to devices that covers the model."""

    home: torch.device
    modules: dict[str, torch.device | str]

    @property
    def for_accelerate(self) -> dict[str, int | str]:
        """``modules`` as accelerate names devices."""
        named: dict[str, int | str] = {path: str(device) for path, device in self.modules.items()}
        return {path: int(str(name)[5:]) if str(name).startswith("cuda:") else name for path, name in named.items()}


def place(asked: Any, model: Any, sizes: WeightBytes, device: torch.device, packed: str | None) -> Placement | None:
    """Where ``model`` (empty) goes; None where all of it goes to ``device``.

    Raises :class:`BenchError` for a map that names what there is none of, or takes apart what must be together.
    """
    if asked is None:
        return None
    if find_spec("accelerate") is None:
        raise BenchError(f"model.device_map needs accelerate, which this environment lacks.\nInstall it: {PIP}")
    path = _blocks_path(model)
    if asked == "auto":
        home, blocks = _spread(path, model, sizes, device)
    elif isinstance(asked, Mapping):
        home, blocks = _checked(path, asked, model)
    else:
        torn = isinstance(asked, str) and ":" in asked  # by the shell's own braces
        hint = "\nA shell takes braces for its own: put the whole argument in single quotes." if torn else ""
        raise BenchError(f"model.device_map={asked!r} is no map of devices. {_FORMS}{hint}")
    places = {str(home), *map(str, blocks.values())}
    if packed and len(places) > 1 and places & {"cpu", "disk"}:
        raise BenchError(
            f"Weights packed as {packed} are not kept in memory or on disk for another device (bitsandbytes cannot), "
            f"but the device map needs {', '.join(sorted(places))}.\nUse model.precision=bfloat16 with "
            "model.device_map, or a smaller model."
        )
    if places == {str(device)}:
        return None
    return Placement(home, {**dict.fromkeys(_around(path, model), home), **blocks})


def _blocks_path(model: nn.Module) -> str:
    """The list of blocks, by name: the largest of those with as many members as the configuration says."""
    config: Any = model.config
    count = config.get_text_config().num_hidden_layers
    lists = {
        path: sum(parameter.numel() for parameter in module.parameters())
        for path, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    }
    if not lists:
        raise BenchError(
            f"model.device_map spreads blocks, and {type(model).__name__} has no list of {count}.\n"
            "Leave model.device_map out."
        )
    largest: str = max(lists, key=lambda path: lists[path])
    return largest


def _around(path: str, model: nn.Module, above: str = "") -> Iterator[str]:
    """The modules, and single parameters, that are no part of the list at ``path``, whole ones by their root."""
    within = model.get_submodule(above)
    for name, _ in (*within.named_parameters(recurse=False), *within.named_buffers(recurse=False)):
        yield above + "." * bool(above) + name
    for name, _ in within.named_children():
        child = above + "." * bool(above) + name
        if path.startswith(f"{child}."):
            yield from _around(path, model, child)
        elif child != path:
            yield child


def _spread(
    path: str, model: nn.Module, sizes: WeightBytes, device: torch.device
) -> tuple[torch.device, dict[str, torch.device | str]]:
    """Everything but blocks on the first device, blocks in order wherever there is room: each GPU, memory, disk."""
    blocks = {block: sizes.of(block) for block in _members(path, model)}
    devices = [device]
    if device.type == "cuda":
        devices = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
        devices.sort(key=lambda each: each.index != (device.index or 0))
        devices.append(torch.device("cpu"))
    room = [_SHARE * free_bytes(each) for each in devices]
    room[0] -= sizes.total - sum(blocks.values())
    if sum(blocks.values()) > room[0]:
        room[0] -= max(blocks.values())  # one that is fetched needs room where it runs
    found: dict[str, torch.device | str] = {}
    turn = 0
    for block, size in blocks.items():
        while turn < len(devices) and room[turn] < size:
            turn += 1
        if turn < len(devices):
            room[turn] -= size
        found[block] = devices[turn] if turn < len(devices) else "disk"
    return devices[0], found


def _checked(
    path: str, asked: Mapping[Any, Any], model: nn.Module
) -> tuple[torch.device, dict[str, torch.device | str]]:
    modules = dict(model.named_modules())
    given: dict[str, torch.device | str] = {}
    for named, device in asked.items():
        module = "" if named == _REST else named
        if module not in modules:
            close = nearest(str(module), list(modules))
            hint = f" Did you mean '{close}'?" if close else ""
            raise BenchError(f"model.device_map names a module '{module}', which the model does not have.{hint}")
        if module.startswith(f"{path}.") and module.count(".") > path.count(".") + 1:
            raise BenchError(f"model.device_map takes a block apart ('{module}'). Place whole blocks: '{path}.0', ...")
        given[module] = _device(device)
    blocks = {block: _where(block, given) for block in _members(path, model)}
    others = {name: _where(name, given) for name in _around(path, model)}
    homes = set(map(str, others.values()))
    if len(homes) > 1 or "disk" in homes:
        said = ", ".join(f"{name} on {device}" for name, device in others.items())
        raise BenchError(
            "model.device_map must keep embeddings, final norm and head together on one device, which is not the disk "
            f"({said}).\nSpread blocks alone ('{path}.0', '{path}.1', ...), or use model.device_map=auto."
        )
    return torch.device(homes.pop()), blocks


def _members(path: str, model: nn.Module) -> list[str]:
    blocks: Any = model.get_submodule(path)
    return [f"{path}.{number}" for number in range(len(blocks))]


def _where(name: str, given: Mapping[str, torch.device | str]) -> torch.device | str:
    fitting = [path for path in given if not path or name == path or name.startswith(f"{path}.")]
    if not fitting:
        raise BenchError(
            f"model.device_map says nothing of '{name}'. Give a device for all else too: {{{_REST}: cpu, ...}}."
        )
    return given[max(fitting, key=len)]


def _device(asked: Any) -> torch.device | str:
    if asked == "disk":
        return "disk"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["cpu", "disk", *(f"cuda:{number}" for number in range(count))]
    name = f"cuda:{asked}" if type(asked) is int else "cuda:0" if asked == "cuda" else str(asked)
    if name not in known:
        raise BenchError(f"model.device_map names the device '{asked}', which is not here. Here: {', '.join(known)}.")
    return torch.device(name)
