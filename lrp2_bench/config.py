"""Hydra's side: where ``conf/`` is, the structured schemas, and objects made from configs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from lrp2_bench.errors import BenchError
from lrp2_bench.models.names import folder_name
from lrp2_bench.settings import ReportCommand, SearchCommand, VectorsCommand


def conf_dir() -> Path:
    """``conf/`` beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).resolve().parent
    for folder in (package / "conf", package.parent / "conf"):
        if (folder / "search.yaml").is_file():
            return folder
    raise BenchError(f"The configuration folder 'conf' is neither in '{package}' nor beside it. Install again.")


def register() -> None:
    """Make the schemas and resolvers known to Hydra; safe to call more than once."""
    store = ConfigStore.instance()
    store.store(name="search_schema", node=SearchCommand)
    store.store(name="vectors_schema", node=VectorsCommand)
    store.store(name="report_schema", node=ReportCommand)
    OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)


def typed(config: DictConfig, command: type[Any]) -> Any:
    """``config`` as an instance of its settings class; parts that are instantiated stay plain."""
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, command)
    return settings


def tree(config: DictConfig) -> dict[str, Any]:
    """``config`` resolved, as plain JSON-able values."""
    resolved = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}


def factory(config: DictConfig) -> Callable[[], Any]:
    """A function that makes the object ``config`` describes; an error the user can mend comes out as it is."""

    def make() -> Any:
        try:
            return instantiate(config, _convert_="all")
        except InstantiationException as error:
            if isinstance(error.__cause__, BenchError):
                raise error.__cause__ from None
            raise BenchError(
                f"Cannot use the configuration of '{config._target_}': {error.__cause__ or error}"
            ) from error

    return make
