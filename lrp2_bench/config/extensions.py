"""What is registered, as Hydra's options: a class without a YAML of ours is chosen as if it had one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from omegaconf import DictConfig, OmegaConf

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.registry import Registry
from lrp2_bench.data.registry import CORPORA, DATASETS, SELECTION
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.metrics.registry import METRICS

if TYPE_CHECKING:  # the command line knows the names without NumPy
    from lrp2_bench.data.dataset import Dataset

#: Groups whose options are registered classes.
GROUPS: Mapping[str, Registry[Any]] = {"dataset": DATASETS, "corpus": CORPORA, "projection": INTERVENTIONS}
#: Settings that take registered names.
NAMES: Mapping[str, Registry[Any]] = {"select_by": METRICS, "metrics": METRICS, "projection.kind": INTERVENTIONS}

_PLAIN = (str, int, float, bool, type(None))


def nodes(group: str, written: Path) -> dict[str, dict[str, Any]]:
    """The options of ``group`` that have no YAML in the folder ``written``, by name."""
    if group not in GROUPS:
        return {}
    names = [name for name in GROUPS[group].names() if not (written / f"{name}.yaml").exists()]
    if group == "projection":
        return {name: {"kind": name} for name in names}
    return {name: _node(GROUPS[group], name) for name in names}


def require_registered(config: DictConfig) -> None:
    """Raises :class:`UnknownNameError` for a setting's value that is not registered."""
    for key, registry in NAMES.items():
        known = registry.names()
        value = OmegaConf.select(config, key)
        for name in [value] if isinstance(value, str) else value or ():
            if name not in known:
                raise UnknownNameError(f"value of {key}:", str(name), known, "--help lists groups and settings.")


def list_metrics() -> str:
    """For the help: their names, which are known without NumPy; the classes say what each measures."""
    return ", ".join(METRICS.names())


def takes(target: str, name: str) -> bool:
    """Whether the class at ``target`` (dotted) is made with a parameter of that name."""
    from hydra.utils import get_object

    parameters = inspect.signature(get_object(target)).parameters.values()
    return any(each.name == name or each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)


def selected(made: Dataset, config: DictConfig, chosen: Mapping[str, Any]) -> Dataset:
    """The dataset with its facts picked as ``chosen`` of its ``config`` says; itself where that picks none."""
    from lrp2_bench.data.selection import SelectedDataset, Selection

    selection = Selection.of(
        **{key: OmegaConf.to_object(value) if OmegaConf.is_config(value) else value for key, value in chosen.items()}
    )
    others = {key: config.get(key) for key in ("limit", "relations")}
    return SelectedDataset(made, selection, others["limit"], others["relations"]) if selection.picks else made


def refuse(error: str, **others: Any) -> NoReturn:
    """Stands for a class that cannot be loaded, which is reported when it is chosen and not before."""
    raise BenchError(error)


def _node(registry: Registry[Any], name: str) -> dict[str, Any]:
    """A dataset's or corpus's options are the parameters of its class with their defaults; those without one are to be
    given. ``cache`` follows ``paths.cache``."""
    named = {"name": name, **SELECTION} if registry is DATASETS else {}
    try:
        made = registry.get(name)
    except BenchError as error:
        return {"_target_": f"{__name__}.refuse", "error": str(error).replace("${", "$ {"), **named}
    node: dict[str, Any] = {"_target_": f"{made.__module__}.{made.__qualname__}", **named}
    for parameter in inspect.signature(made).parameters.values():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        default = parameter.default
        if parameter.name == "cache":
            node["cache"] = "${paths.cache}"
        elif parameter.name == "name":
            continue
        elif default is inspect.Parameter.empty:
            node[parameter.name] = "???"
        elif isinstance(default, Path):
            node[parameter.name] = str(default)
        elif isinstance(default, tuple | list) and all(isinstance(each, _PLAIN) for each in default):
            node[parameter.name] = list(default)
        elif isinstance(default, _PLAIN):  # what no command line can say keeps its default in Python
            node[parameter.name] = default
    return node
