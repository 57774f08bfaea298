"""Configurations of ``lrp2-bench search`` made in Python: the same groups, settings and errors as on a command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from lrp2_bench.config.arguments import as_value, quoted
from lrp2_bench.config.compose import conf_dir, options, refuse_no_choice, register, tree, typed
from lrp2_bench.config.errors import explain
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.settings import SearchCommand
from lrp2_bench.models.gguf_files import is_gguf


class Composed(NamedTuple):
    """A configuration as Hydra has it, as typed settings, and resolved as a tree of plain values."""

    config: DictConfig
    settings: SearchCommand
    tree: dict[str, Any]


def composed(overrides: Sequence[str]) -> Composed:
    """The configuration of ``lrp2-bench search OVERRIDES``. A program that uses Hydra itself keeps its own.

    Raises :class:`BenchError` with what the command line would say."""
    register()
    refuse_no_choice(overrides)
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = compose(config_name="search", overrides=list(overrides))
        return Composed(config, typed(config, SearchCommand), tree(config))
    except (HydraException, OmegaConfBaseException) as error:
        raise BenchError(explain(error, "search")) from None
    finally:
        GlobalHydra.instance().hydra = before


def as_overrides(settings: Mapping[str, Any]) -> list[str]:
    """``{"dataset.limit": 5}`` as ``dataset.limit=5``; None is null, and a group's value is the name of an option."""
    return [f"{key}={value if options(key) else as_value(value)}" for key, value in settings.items()]


def model_overrides(model: str | Path) -> list[str]:
    """``model`` is a named one (:func:`lrp2_bench.models`), a folder, a GGUF file, or a hub id."""
    name = str(model)
    if name in options("model"):
        return [f"model={name}"]
    if isinstance(model, str) and "/" not in name and not is_gguf(name) and not Path(name).expanduser().is_dir():
        known = [option for option in options("model") if option != "hf"]
        raise UnknownNameError(
            "model", name, known, "Or give a checkpoint's folder or GGUF file, or OWNER/NAME on the hub."
        )
    return ["model=hf", f"model.path={quoted(name)}"]
