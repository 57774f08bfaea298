"""Configurations and overrides as they may be written to files or pickled: without credentials, yet equivalent to run.

Overrides that hold one name a variable of the environment instead, which jobs inherit from the command that starts
them; Slurm passes the environment on unless it is told not to.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.base import Container, Node

from lrp2_bench.core.files import make_folder
from lrp2_bench.core.quoting import quoted
from lrp2_bench.core.secrets import carry, masked


def carried(override: str) -> str:
    """``key=${oc.env:NAME}`` for an override with a credential; any other as it is."""
    value = OverridesParser.create().parse_override(override).value()
    key = override.partition("=")[0]
    return override if masked({key: value}) == {key: value} else f"{key}={_text(value, key)}"


def cleaned(config: Any) -> Any:
    """A copy of an OmegaConf configuration with its credentials masked.

    Overrides of Hydra's own settings, by which every job is composed again, are :func:`carried`.
    """
    clean = copy.deepcopy(config)
    again = OmegaConf.select(clean, "hydra.overrides.hydra") if isinstance(clean, DictConfig) else None
    if again is not None:
        for number, override in enumerate(again):
            if (hidden := carried(override)) != override:
                again._get_node(number)._set_flag("readonly", False)
                again._get_node(number)._set_value(hidden)
    _mask_below(clean)
    return clean


def save_cleaned(cfg: Any, filename: str, output_dir: Path) -> None:
    """In the place of Hydra's own function, which writes ``.hydra/`` where hydra.output_subdir asks for it."""
    make_folder(output_dir)
    (output_dir / filename).write_text(OmegaConf.to_yaml(cleaned(cfg)), encoding="utf-8")


def _mask_below(container: Container) -> None:
    if container._is_none() or container._is_missing() or container._is_interpolation():
        return
    keys: Any = range(len(container)) if isinstance(container, ListConfig) else list(container.keys())  # type: ignore[attr-defined]
    is_again = container._get_full_key(None) == "hydra.overrides.hydra"
    for key in keys:
        node: Any = container._get_node(key)
        if isinstance(node, Container):
            _mask_below(node)
        elif isinstance(node, Node) and not is_again:
            value = node._value()
            shown = masked({key: value})[key]
            if shown != value:
                node._set_flag("readonly", False)
                node._set_value(shown)


def _text(value: Any, key: str = "") -> str:
    """The value of ``key`` as an override writes it, its strings with credentials carried."""
    if isinstance(value, str):
        return quoted(value) if masked({key: value}) == {key: value} else carry(value)
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{_text(inner, name)}" for name, inner in value.items()) + "}"
    return json.dumps(value)
