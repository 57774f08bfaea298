"""Runs one job of a multirun in this process, whichever process that is."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core import utils
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus, run_job, setup_globals
from hydra.errors import HydraException
from hydra.types import HydraContext, TaskFunction
from hydra.version import setbase
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from lrp2_bench.config.compose import register
from lrp2_bench.config.errors import explain
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import make_folder
from lrp2_bench.core.secrets import learn_argument, learn_environment, mask
from lrp2_bench.launchers.command import task_of
from lrp2_bench.launchers.hidden import save_cleaned
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.results.status import explained_error

#: Of a job that SIGTERM or Ctrl-C ended.
STOPPED = "Stopped before its end."


@dataclass(frozen=True)
class Setup:
    """What every job of a multirun shares. It is pickled: ``task`` names the command's function, module and name."""

    context: HydraContext
    config: DictConfig
    task: tuple[str, str]


@contextmanager
def prepared_hydra() -> Iterator[None]:
    """Hydra that knows our schemas and resolvers, of which a new process knows nothing, and writes no credentials.

    What another program could miss is undone afterwards.
    """
    store: Any = ConfigStore.instance().repo
    if "search_schema.yaml" not in store:
        register()
    setbase("1.3")  # as in the command: older ones would run a job in its output folder, and relative paths break
    Plugins.instance()
    # hydra-submitit-launcher, where it is installed, has settings of this name that ours would be checked against.
    launchers = store.get("hydra", {}).get("launcher", {})
    foreign = {name: launchers.pop(name) for name in ("submitit_slurm.yaml",) if name in launchers}
    save, utils._save_config = utils._save_config, save_cleaned
    try:
        yield
    finally:
        utils._save_config = save
        launchers.update(foreign)


def task_name(function: TaskFunction) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def run_one(setup: Setup, job: Job) -> Outcome:
    """Errors and signals that stop the job become its outcome; nothing but SystemExit comes out.

    (SystemExit is how a job leaves that the cluster has queued again.)
    """
    with prepared_hydra():
        return _run(setup, job)


def _run(setup: Setup, job: Job) -> Outcome:
    setup_globals()
    learn_environment()  # this may be another process than the one that was given the settings
    for override in job.overrides:
        learn_argument(override)
    try:
        config = setup.context.config_loader.load_sweep_config(setup.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        make_folder(Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir))
        ended = run_job(
            hydra_context=setup.context,
            task_function=_task(*setup.task),
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
    except KeyboardInterrupt:
        return Outcome(State.interrupted, STOPPED)
    except Exception as error:  # of the folder or the configuration, before the command began
        return failed(job, error)
    if ended.status is JobStatus.FAILED:
        return failed(job, ended._return_value)
    seconds = ended._return_value
    return Outcome(State.finished, planned=seconds if isinstance(seconds, float) else None)


def failed(job: Job, error: object) -> Outcome:
    """The outcome of a job that raised ``error``, in words a user can act on."""
    if isinstance(error, HydraException | OmegaConfBaseException):
        return Outcome(State.failed, mask(explain(error, job.command)))
    explained = error
    if isinstance(error, Exception) and not isinstance(error, BenchError):
        explained = explained_error(error, job.folder)
    if isinstance(explained, BenchError):
        return Outcome(State.failed, str(explained))
    return Outcome(
        State.failed,
        f"{type(error).__name__}: {mask(str(error))}\nThis is a bug or a fault of the machine; the traceback is in "
        f"{job.folder / 'status.json'}.",
    )


def _task(module: str, name: str) -> TaskFunction:
    return task_of(getattr(importlib.import_module(module), name))
