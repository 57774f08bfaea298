"""The W&B project and entity that runs go to: the configuration's, else the environment's, else the default."""

from __future__ import annotations

import logging
import os

from lrp2_bench.core.errors import BenchError

log = logging.getLogger(__name__)

DEFAULT = "lrp2-bench"

#: W&B's own rules (wandb/sdk/wandb_settings.py), which it applies when a run is opened: after the work.
_REFUSED, _LONGEST = "/\\#?%:", 128


def project_of(configured: object, key: str = "tracking.project") -> str:
    """``configured``, else WANDB_PROJECT, else the default. Raises BenchError for a name that W&B refuses."""
    name, source = _first(configured, key, "WANDB_PROJECT", DEFAULT)
    wrong = sorted(set(name) & set(_REFUSED))
    if wrong:
        entity, _, project = name.rpartition("/")
        two = entity and not set(entity + project) & set(_REFUSED)
        advice = f"tracking.entity={entity} tracking.project={project}" if two else f"{key}=NAME"
        raise BenchError(
            f"{source}={name} is not a W&B project name: it holds {' '.join(wrong)}, and W&B takes none of "
            f"{' '.join(_REFUSED)}.\nGive another with {advice}."
        )
    if len(name) > _LONGEST:
        raise BenchError(
            f"{source}={name} is not a W&B project name: it has {len(name)} characters, and W&B takes {_LONGEST}.\n"
            f"Give another with {key}=NAME."
        )
    return name


def entity_of(configured: object) -> str | None:
    """``configured``, else WANDB_ENTITY; None for the user's own."""
    return _first(configured, "tracking.entity", "WANDB_ENTITY", "")[0] or None


def log_target(project: str, entity: str | None) -> None:
    """Say where runs go if the environment has a word in it: it is set once and forgotten."""
    for variable, key, used in (
        ("WANDB_PROJECT", "tracking.project", project),
        ("WANDB_ENTITY", "tracking.entity", entity),
    ):
        given = os.environ.get(variable)
        if given and given == used:
            log.info("W&B: %s is '%s', by %s.", key, used, variable)
        elif given:
            log.info("W&B: %s=%s outranks %s=%s.", key, used, variable, given)


def _first(configured: object, key: str, variable: str, default: str) -> tuple[str, str]:
    """The value, and the name of what set it."""
    given = os.environ.get(variable)
    if configured is not None and str(configured):
        return str(configured), variable if str(configured) == given else key
    return (given, variable) if given else (default, key)
