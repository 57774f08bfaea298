"""Hydra's sweeper for our commands: it names the jobs, leaves out the finished ones, and reports the end of all.

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
from omegaconf import DictConfig, OmegaConf

from lrp2_bench.config.arguments import expand_groups
from lrp2_bench.config.group_members import groups_in
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import make_folder
from lrp2_bench.launchers.batch import Batch, make_batch
from lrp2_bench.launchers.hidden import cleaned
from lrp2_bench.launchers.job import Job, Outcome, State, jobs_of
from lrp2_bench.launchers.launcher import ForeignLauncher, InlineLauncher, JobLauncher, Outcomes, say
from lrp2_bench.launchers.running import Setup, task_name
from lrp2_bench.launchers.summary import UnfinishedError, all_finished, summary

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
        batch = self._batch(arguments)
        jobs = batch.jobs
        folder = Path(str(self._setup.config.hydra.sweep.dir))
        make_folder(folder)
        OmegaConf.save(self._setup.config, folder / "multirun.yaml")
        outcomes = Outcomes(len(jobs), aloud=not isinstance(self._jobs_launcher, InlineLauncher))
        open_jobs = batch.open_jobs()
        _add_finished(batch, open_jobs, outcomes)
        try:
            if open_jobs:
                self._jobs_launcher.run(self._setup, open_jobs, folder, outcomes)
        except BenchError:
            raise  # nothing could be started
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt):
                say(f"The launcher broke off: {error}")
            say(summary(jobs, outcomes.outcomes))
            raise
        text = summary(jobs, outcomes.outcomes)
        if not all_finished(jobs, outcomes.outcomes):
            raise UnfinishedError(text)
        print(text, file=sys.stderr)
        return [outcomes.outcomes[job.number] for job in jobs]

    def _batch(self, arguments: Sequence[str]) -> Batch:
        """A job for each combination of values, as Hydra's own sweeper splits them."""
        own = [
            expand_groups(f"{key}={values}", lambda: groups_in(self._setup.config))
            for key, values in self._params.items()
        ]
        parser = OverridesParser.create(config_loader=self._setup.context.config_loader)
        (overrides,) = BasicSweeper.split_arguments(parser.parse_overrides([*own, *arguments]), None)
        return make_batch(self._setup, overrides)


def _add_finished(batch: Batch, open_jobs: Sequence[Job], outcomes: Outcomes) -> None:
    done = [job for job in batch.jobs if job not in open_jobs]
    outcomes.outcomes |= {job.number: Outcome(State.finished, before=True) for job in done}
    if done:
        say(f"Finished before, with nothing changed since: {len(done)} of {jobs_of(len(batch.jobs))}.")


def _launcher(context: HydraContext, task: TaskFunction, config: DictConfig, clean: DictConfig) -> JobLauncher:
    target = str(config.hydra.launcher.get("_target_"))
    if target == _BASIC:
        return InlineLauncher()
    if target.startswith("lrp2_bench."):
        launcher: Any = instantiate(config.hydra.launcher, _convert_="all")
        if not isinstance(launcher, JobLauncher):
            raise BenchError(
                f"hydra.launcher._target_={target} is not a launcher. Choose one with hydra/launcher=local."
            )
        return launcher
    plugins = Plugins.instance()
    foreign = plugins.instantiate_launcher(hydra_context=context, task_function=task, config=config)
    foreign.setup(hydra_context=context, task_function=task, config=clean)
    return ForeignLauncher(foreign)
