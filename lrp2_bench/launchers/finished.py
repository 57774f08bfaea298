"""Which jobs of a search have nothing left to do, so that none of them is started or submitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig

from lrp2_bench.config.compose import factory, tree, typed
from lrp2_bench.core.settings import ModelSettings, SearchCommand
from lrp2_bench.launchers.job import Job

#: What a checkpoint is found by.
Find = Callable[[ModelSettings], Any]


def is_finished(job: Job, config: DictConfig, find: Find) -> bool:
    """``config`` is the job's, without Hydra's part. An error is the job's own to tell, so that it is started."""
    from lrp2_bench.results.completion import nothing_left  # takes PyTorch, for which --help does not wait

    try:
        settings = typed(config, SearchCommand)
        return nothing_left(job.folder, settings, tree(config), factory(config.dataset), factory(config.corpus), find)
    except Exception:
        return False


def remembering(find: Find) -> Find:
    """``find``, asked once a model: digests of gigabytes are the same for all of its languages."""
    found: dict[tuple[str, str | None], Any] = {}

    def once(settings: ModelSettings) -> Any:
        key = settings.path, settings.revision
        if key not in found:
            found[key] = find(settings)
        return found[key]

    return once
