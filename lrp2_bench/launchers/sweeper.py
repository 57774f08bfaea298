"""Hydra's sweeper for our commands: it names the jobs, leaves out the finished ones, and tells what became of all.

Hydra's own starts everything, stops reading results at the first failure, and says nothing in the end.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from lrp2_bench.config.arguments import expand_groups
from lrp2_bench.config.extensions import require_registered
from lrp2_bench.config.group_members import groups_in
from lrp2_bench.core.errors import BenchError
from lrp2_bench.launchers.finished import is_finished, remembering
from lrp2_bench.launchers.hidden import carried, cleaned
from lrp2_bench.launchers.job import Job, Outcome, State, jobs_of, with_labels
from lrp2_bench.launchers.launcher import ForeignLauncher, InlineLauncher, JobLauncher, Told, say
from lrp2_bench.launchers.running import Setup, task_name
from lrp2_bench.launchers.summary import UnfinishedError, all_finished, summary
from lrp2_bench.results.layout import COMPLETION

_BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class JobSweeper(Sweeper):
    """Raises :class:`UnfinishedError` with the summary where a job is not finished in the end.

    ``params``: settings and their values, as Hydra's own sweeper has them, which also splits them here.
    """

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self._params = dict(params or {})

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        # Launchers write and pickle the one they get; their own settings are read from the other.
        self._setup = Setup(hydra_context, cleaned(config), task_name(task_function))
        self._jobs_launcher = _launcher(hydra_context, task_function, config, self._setup.config)

    def sweep(self, arguments: list[str]) -> list[Outcome]:
        jobs, configs = self._jobs(arguments)
        folder = Path(str(self._setup.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self._setup.config, folder / "multirun.yaml")
        told = Told(len(jobs), aloud=not isinstance(self._jobs_launcher, InlineLauncher))
        open_jobs = self._open(jobs, configs, told)
        try:
            if open_jobs:
                self._jobs_launcher.run(self._setup, open_jobs, folder, told)
        except BenchError:
            raise  # nothing could be started
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt):
                say(f"The launcher broke off: {error}")
            say(summary(jobs, told.outcomes))
            raise
        text = summary(jobs, told.outcomes)
        if not all_finished(jobs, told.outcomes):
            raise UnfinishedError(text)
        print(text, file=sys.stderr)
        return [told.outcomes[job.number] for job in jobs]

    def _jobs(self, arguments: Sequence[str]) -> tuple[list[Job], list[DictConfig]]:
        """Every job and its configuration; composing all of them finds what is wrong before anything starts."""
        loader, command = self._setup.context.config_loader, self._setup.task[1]
        own = [
            expand_groups(f"{key}={values}", lambda: groups_in(self._setup.config))
            for key, values in self._params.items()
        ]
        parsed = OverridesParser.create(config_loader=loader).parse_overrides([*own, *arguments])
        (batch,) = BasicSweeper.split_arguments(parsed, None)
        jobs, configs = [], []
        for number, given in enumerate(batch):
            overrides = [carried(override) for override in given]
            config = loader.load_sweep_config(self._setup.config, overrides)
            require_registered(config)
            subdir = str(config.hydra.sweep.subdir)
            folder = Path(str(config.hydra.sweep.dir)) / subdir
            log_name = str(config.hydra.job.name)  # of a shard: its own
            with open_dict(config):
                del config["hydra"]
            jobs.append(Job(command, number, tuple(overrides), folder, subdir, log_name))
            configs.append(config)
        return with_labels(jobs), configs

    def _open(self, jobs: Sequence[Job], configs: Sequence[DictConfig], told: Told) -> list[Job]:
        """The jobs that have something to do; the others are told of as finished."""
        if not any((job.folder / COMPLETION).is_file() for job in jobs):
            return list(jobs)
        # With PyTorch, which most starts need not wait for.
        from lrp2_bench.models.loading import find_checkpoint

        find = remembering(find_checkpoint)
        left = []
        for job, config in zip(jobs, configs, strict=True):
            if is_finished(job, config, find):
                told.outcomes[job.number] = Outcome(State.finished, before=True)
            else:
                left.append(job)
        if done := len(jobs) - len(left):
            say(f"Finished before, with nothing changed since: {done} of {jobs_of(len(jobs))}.")
        return left


def _launcher(context: HydraContext, task: TaskFunction, config: DictConfig, clean: DictConfig) -> JobLauncher:
    target = str(config.hydra.launcher.get("_target_"))
    if target == _BASIC:
        return InlineLauncher()
    if target.startswith("lrp2_bench."):
        launcher: Any = instantiate(config.hydra.launcher, _convert_="all")
        if not isinstance(launcher, JobLauncher):
            raise BenchError(f"hydra.launcher._target_={target} is no launcher. Choose one with hydra/launcher=local.")
        return launcher
    plugins = Plugins.instance()
    foreign = plugins.instantiate_launcher(hydra_context=context, task_function=task, config=config)
    foreign.setup(hydra_context=context, task_function=task, config=clean)
    return ForeignLauncher(foreign)
