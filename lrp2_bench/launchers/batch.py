"""The jobs of a multirun: what each is asked, and which of them have something to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import setup_globals
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, open_dict

from lrp2_bench.config.compose import conf_dir, factory, tree, typed
from lrp2_bench.config.extensions import require_registered
from lrp2_bench.core.settings import ModelSettings, SearchCommand
from lrp2_bench.launchers.hidden import carried, cleaned
from lrp2_bench.launchers.job import Job, with_labels
from lrp2_bench.launchers.running import Setup, prepared_hydra
from lrp2_bench.launchers.shared_settings import at_defaults, read_by_others
from lrp2_bench.results.layout import COMPLETION

#: What a checkpoint is found by.
Find = Callable[[ModelSettings], Any]


@dataclass(frozen=True)
class Batch:
    """Jobs of one command; ``configs`` has each one's configuration, without Hydra's part."""

    setup: Setup
    jobs: tuple[Job, ...]
    configs: tuple[DictConfig, ...]

    def open_jobs(self) -> list[Job]:
        """The jobs of a search that have something to do, so that no other is started or submitted."""
        if not any((job.folder / COMPLETION).is_file() for job in self.jobs):
            return list(self.jobs)
        # With PyTorch, which most starts need not wait for.
        from lrp2_bench.models.loading import find_checkpoint

        find = _remembering(find_checkpoint)
        return [job for job, config in zip(self.jobs, self.configs, strict=True) if not _is_finished(job, config, find)]


def make_batch(setup: Setup, overrides: Sequence[Sequence[str]]) -> Batch:
    """A job for each of ``overrides``; composing all of them finds what is wrong before anything starts."""
    found = [_make(setup, number, given) for number, given in enumerate(overrides)]
    for number, names in enumerate(read_by_others([config for _, config in found])):
        if names:
            found[number] = _make(setup, number, at_defaults(overrides[number], names))
    return Batch(setup, tuple(with_labels([job for job, _ in found])), tuple(config for _, config in found))


def command_setup(task: tuple[str, str], name: str) -> Setup:
    """For jobs that are not asked for by a command line; ``name`` is the command's primary configuration."""
    with prepared_hydra():
        setup_globals()
        loader = ConfigLoaderImpl(create_config_search_path(f"file://{conf_dir()}"))
        config = loader.load_configuration(name, ["hydra.mode=MULTIRUN"], RunMode.MULTIRUN)
        return Setup(HydraContext(config_loader=loader, callbacks=Callbacks()), cleaned(config), task)


def _make(setup: Setup, number: int, given: Sequence[str]) -> tuple[Job, DictConfig]:
    overrides = [carried(override) for override in given]
    config = setup.context.config_loader.load_sweep_config(setup.config, overrides)
    require_registered(config)
    subdir = str(config.hydra.sweep.subdir)
    folder = Path(str(config.hydra.sweep.dir)) / subdir
    log_name = str(config.hydra.job.name)  # of a shard: its own
    with open_dict(config):
        del config["hydra"]
    return Job(setup.task[1], number, tuple(overrides), folder, subdir, log_name), config


def _is_finished(job: Job, config: DictConfig, find: Find) -> bool:
    """An error is the job's own to report, so that it is started."""
    from lrp2_bench.results.completion import nothing_left  # takes PyTorch, for which --help does not wait

    try:
        settings = typed(config, SearchCommand)
        asked = {**tree(config), "plan": False}  # what is finished need not be planned either
        return nothing_left(job.folder, settings, asked, factory(config.dataset), factory(config.corpus), find)
    except Exception:
        return False


def _remembering(find: Find) -> Find:
    """``find``, asked once a model: digests of gigabytes are the same for all of its languages."""
    found: dict[tuple[str, str | None], Any] = {}

    def once(settings: ModelSettings) -> Any:
        key = settings.path, settings.revision
        if key not in found:
            found[key] = find(settings)
        return found[key]

    return once
