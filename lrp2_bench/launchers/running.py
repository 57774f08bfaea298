"""Runs one job of a multirun in this process, whichever process that is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hydra.core.utils
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
from lrp2_bench.core.secrets import learn_argument, learn_environment, mask
from lrp2_bench.launchers.hidden import save_cleaned
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.results.status import write_error

#: Of a job that SIGTERM or Ctrl-C ended.
STOPPED = "Stopped before its end."


@dataclass(frozen=True)
class Setup:
    """What every job of a multirun shares. It is pickled: ``task`` names the command's function, module and name."""

    context: HydraContext
    config: DictConfig
    task: tuple[str, str]


def prepare_hydra() -> None:
    """Tell Hydra of our schemas and resolvers, which a new process knows nothing of; safe to call more than once."""
    store: Any = ConfigStore.instance().repo
    if "search_schema.yaml" not in store:
        register()
    setbase("1.3")  # as in the command: older ones would run a job in its output folder, and relative paths break
    Plugins.instance()
    hydra.core.utils._save_config = save_cleaned
    # hydra-submitit-launcher, where it is installed, has settings of this name that ours would be checked against.
    store.get("hydra", {}).get("launcher", {}).pop("submitit_slurm.yaml", None)


def task_name(function: TaskFunction) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def run_one(setup: Setup, job: Job) -> Outcome:
    """Errors and signals that stop the job become its outcome; nothing but SystemExit comes out.

    (SystemExit is how a job leaves that the cluster has queued again.)
    """
    prepare_hydra()
    setup_globals()
    learn_environment()  # this may be another process than the one that was given the settings
    for override in job.overrides:
        learn_argument(override)
    try:
        config = setup.context.config_loader.load_sweep_config(setup.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number
        ended = run_job(
            hydra_context=setup.context,
            task_function=_function(*setup.task),
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
    return Outcome(State.finished)


def failed(job: Job, error: object) -> Outcome:
    """The outcome of a job that raised ``error``, in words a user can act on."""
    if isinstance(error, HydraException | OmegaConfBaseException):
        return Outcome(State.failed, mask(explain(error, job.command)))
    told = write_error(error, job.folder) if isinstance(error, OSError) else error
    if isinstance(told, BenchError):
        return Outcome(State.failed, str(told))
    return Outcome(
        State.failed,
        f"{type(error).__name__}: {mask(str(error))}\nThis is a bug or a fault of the machine; the traceback is in "
        f"{job.folder / 'status.json'}.",
    )


def _function(module: str, name: str) -> Callable[[Any], Any]:
    """The command's function as Hydra's decorator got it."""
    decorated: Any = getattr(importlib.import_module(module), name)
    undecorated: Callable[[Any], Any] = getattr(decorated, "__wrapped__", decorated)
    return undecorated
