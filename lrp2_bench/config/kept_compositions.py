"""Compositions that this process has made before: of the same options, from files and schemas that are as they were."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import DefaultsList, Overrides
from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

_Made = TypeVar("_Made")

#: Compositions differ in options alone: settings are put in later, and cost little.
_MOST = 32


def keep_compositions() -> None:
    """Two thirds off each composition after the first of its options, of which a multirun makes two a job; safe to call
    more than once."""
    _loading.create_defaults_list = _defaults_list
    _loading.ConfigLoaderImpl._compose_config_from_defaults_list = _composed


class _Kept(Generic[_Made]):
    """What was made from files and schemas, until one of those that were read (or looked for in vain) changes."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, tuple[list[str], list[Any], _Made]] = OrderedDict()

    def get(self, repo: Any, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """To be copied before it is changed. What raises is made anew each time, and so is what comes from anywhere
        but folders, our schemas and Hydra's own."""
        sources = [(source.scheme(), source.path, source.provider) for source in repo.get_sources()]
        key = (key, tuple(sources))
        if key in self._made:
            paths, seen, made = self._made[key]
            if _same(_state(sources, paths), seen):
                self._made.move_to_end(key)
                return made
        made = make()
        if {scheme for scheme, path, _ in sources if path != "hydra.conf"} <= {"file", "structured"}:
            paths = [name.removeprefix("config_path=") for name in repo.cache]
            self._made[key] = paths, _state(sources, paths), made
            if len(self._made) > _MOST:
                self._made.popitem(last=False)
        return made


def _state(sources: Sequence[tuple[str, str, str]], paths: Sequence[str]) -> list[Any]:
    """Of every file and every node of the store by these paths: what tells it from a later one, None where it is not
    there."""
    found: list[Any] = []
    for name in (path if path.endswith((".yaml", ".yml")) else f"{path}.yaml" for path in paths):
        found.append(_node(name))
        for scheme, folder, _ in sources:
            if scheme == "file":
                try:
                    file = Path(folder, name).stat()
                except OSError:
                    found.append(None)
                else:
                    found.append((file.st_mtime_ns, file.st_size, file.st_ino))
    return found


def _node(name: str) -> Any:
    node: Any = ConfigStore.instance().repo
    for part in name.split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _same(now: list[Any], before: list[Any]) -> bool:
    """Nodes are compared by identity: what is registered again may differ."""
    return all(
        one is other or (isinstance(one, tuple) and one == other) for one, other in zip(now, before, strict=True)
    )


_LISTS: _Kept[DefaultsList] = _Kept()
_CONFIGS: _Kept[DictConfig] = _Kept()
_loading: Any = config_loader_impl
_plain_defaults_list = _loading.create_defaults_list
_plainly_composed = _loading.ConfigLoaderImpl._compose_config_from_defaults_list


def _defaults_list(
    repo: CachingConfigRepository,
    config_name: str | None,
    overrides_list: list[Override],
    prepend_hydra: bool,
    skip_missing: bool,
) -> DefaultsList:
    """Hydra's, of the overrides that choose; the others, which set values, are those at hand."""
    values = Overrides(repo, overrides_list).config_overrides
    chosen = tuple(str(each.input_line) for each in overrides_list if not any(each is value for value in values))
    kept = _LISTS.get(
        repo,
        (config_name, chosen, prepend_hydra, skip_missing),
        lambda: _plain_defaults_list(repo, config_name, overrides_list, prepend_hydra, skip_missing),
    )
    return replace(kept, config_overrides=values)


def _composed(loader: ConfigLoaderImpl, defaults: list[ResultDefault], repo: CachingConfigRepository) -> DictConfig:
    key = tuple(map(astuple, defaults))
    kept: DictConfig = _CONFIGS.get(repo, key, lambda: _plainly_composed(loader, defaults=defaults, repo=repo))
    return copy.deepcopy(kept)
