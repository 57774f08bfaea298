"""Settings of a few projections that a multirun gives to all of its jobs.

``search -m projection=lrp2,subspace projection.rank=3`` says once how many directions, for the projection that has any.
The jobs of the others are asked without it, as they have to be by themselves; where no job reads the setting, all keep
it and refuse it.
"""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from lrp2_bench.core.settings import ProjectionSettings
from lrp2_bench.interventions.registry import INTERVENTIONS


def read_by_others(configs: Sequence[DictConfig]) -> list[tuple[str, ...]]:
    """Of each job's configuration, the settings of its projection that another job's reads and its own does not."""
    found = [_unread_and_used(config) for config in configs]
    read = {name for _, used in found for name in used}
    return [tuple(name for name in unread if name in read) for unread, _ in found]


def at_defaults(overrides: Sequence[str], names: Sequence[str]) -> list[str]:
    """``overrides`` with these settings of the projection at their defaults, whoever set them."""
    keys = {f"projection.{name}": getattr(ProjectionSettings(), name) for name in names}
    kept = [each for each in overrides if each.partition("=")[0].lstrip("+") not in keys]
    return [*kept, *(f"{key}={'null' if value is None else str(value).lower()}" for key, value in keys.items())]


def _unread_and_used(config: DictConfig) -> tuple[list[str], frozenset[str]]:
    """Nothing of commands that have no projection."""
    node = OmegaConf.select(config, "projection")
    settings = OmegaConf.to_object(node) if OmegaConf.is_config(node) else None
    if not isinstance(settings, ProjectionSettings):
        return [], frozenset()
    kind = INTERVENTIONS.get(settings.kind)
    return kind.unread(settings), kind.uses
