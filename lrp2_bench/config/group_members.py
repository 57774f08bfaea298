"""The members of groups of languages (``language=all``): those of the dataset, or corpus, that a command line names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lrp2_bench.config.compose import conf_dir, factory, register
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.languages import ENGLISH, LANGUAGES
from lrp2_bench.data.language_table import groups_of, own_languages, own_table

Groups = Mapping[str, tuple[str, ...]]

#: Sources of a command's languages, the one that decides first.
_SOURCES = ("dataset", "corpus")
#: Settings that decide which languages there are; the others need not even be right yet.
_KEYS = ("dataset", "corpus", "paths", "languages", "languages_path", "pivot", "sweep")
_FOLDERS = ("--config-dir", "-cd")


def groups_for(command: str, arguments: Sequence[str]) -> Groups:
    """The groups of a command line, English and the pivot left out.

    Raises :class:`BenchError` where the source or the user's table of languages cannot be read, and where several
    datasets of a multirun hold different languages.
    """
    choices = [_values(argument) for argument in arguments if _key(argument).split(".")[0] in _KEYS]
    found: dict[str, Groups] = {}
    for overrides in product(*choices):
        config = _composed(command, [*overrides, *_search_path(arguments)])
        if config is None:
            continue  # Hydra says what is wrong, better, in a moment
        found[" ".join(overrides)] = groups_in(config)
    different = list(dict.fromkeys(tuple(sorted(groups.items())) for groups in found.values()))
    if len(different) > 1:
        message = "\n".join(f"  {overrides}: {', '.join(groups['all'])}" for overrides, groups in found.items())
        raise BenchError(
            f"A group of languages cannot stand for the languages of several datasets at once:\n{message}\n"
            "Give codes (language=de,zh), or run one dataset at a time."
        )
    return dict(different[0]) if different else groups_of(LANGUAGES)


def groups_in(config: DictConfig) -> Groups:
    """The groups of a composed configuration: see :func:`groups_for`."""
    table = _table(config)
    with own_languages(table):
        groups = groups_of(_held(config) or LANGUAGES)
    pivot = config.get("pivot", ENGLISH)
    return {name: tuple(code for code in codes if code != pivot) for name, codes in groups.items()}


def _table(config: DictConfig) -> Mapping[str, Any]:
    languages = config.get("languages")
    path = languages.get("path") if isinstance(languages, DictConfig) else config.get("languages_path")
    return own_table(path)


def _held(config: DictConfig) -> tuple[str, ...] | None:
    """The codes that the source holds; None where it is none that says, or would have to be downloaded first."""
    node = next((config[name] for name in _SOURCES if isinstance(config.get(name), DictConfig)), None)
    if node is None:
        return None
    if "path" in node and node.path is None:
        target = node.get("_target_")
        known = getattr(get_object(target), "published_languages", None) if target else None
        return known(node) if known is not None else None
    # Only what this node needs is resolved: other parts of the configuration may still lack a value.
    source = factory(DictConfig(OmegaConf.to_container(node, resolve=True)))()
    languages = getattr(source, "languages", None)
    return tuple(languages()) if languages is not None else None


def _composed(command: str, overrides: list[str]) -> DictConfig | None:
    register()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return compose(command, overrides)
    except (HydraException, OmegaConfBaseException):
        return None


def _key(argument: str) -> str:
    return argument.lstrip("+~").partition("=")[0]


def _values(argument: str) -> list[str]:
    """A setting of one value, for each of those that a multirun would give it."""
    key, _, value = argument.partition("=")
    if "," not in value or any(sign in value for sign in "[{('\""):
        return [argument]
    return [f"{key}={one.strip()}" for one in value.split(",")]


def _search_path(arguments: Sequence[str]) -> list[str]:
    """A folder of the user's own configs, as the override that stands for it where Hydra's flags are not read."""
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in _FOLDERS and (equals or place + 1 < len(arguments)):
            folder = Path(value if equals else arguments[place + 1]).expanduser().resolve()
            return [f"hydra.searchpath=['file://{folder}']"]
    return []
