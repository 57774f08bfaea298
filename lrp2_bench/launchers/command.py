"""Runs a command as Hydra's app, whose errors come out as they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra._internal.utils import (
    create_automatic_config_search_path,
    detect_calling_file_or_module_from_task_function,
    detect_task_name,
    get_args_parser,
)
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobStatus, configure_log, run_job
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from lrp2_bench.core.files import make_folder

#: Arguments of Hydra's that ask for something else than a job, or for another place of the configuration.
_OTHERS = (
    "help", "hydra_help", "cfg", "package", "resolve", "info", "shell_completion", "multirun", "experimental_rerun",
    "config_path",
)  # fmt: skip


def run_command(command: Callable[[], object], name: str, conf: str) -> None:
    """Run ``command``, which ``hydra.main`` has decorated, with the arguments of ``sys.argv``.

    A single job is run here: Hydra would announce a failed one with its settings as a Python list, and the message of
    its error says more. All else (``--help``, ``--cfg``, ``-m``) is Hydra's. ``name`` is the primary configuration in
    the folder ``conf``.
    """
    arguments = get_args_parser().parse_args()
    if any(getattr(arguments, other) for other in _OTHERS) or not _run_single(command, name, conf, arguments):
        command()


def task_of(command: Callable[[], object]) -> TaskFunction:
    """The command's function as Hydra's decorator got it."""
    undecorated: TaskFunction = vars(command).get("__wrapped__", command)
    return undecorated


def _run_single(command: Callable[[], object], name: str, conf: str, arguments: argparse.Namespace) -> bool:
    """False, with nothing done, where the configuration itself asks for a multirun, or a folder is not there."""
    if arguments.config_dir is not None and not Path(arguments.config_dir).is_dir():
        return False
    task, name = task_of(command), arguments.config_name or name
    with _hydra_of(task, conf, arguments.config_dir) as hydra:
        config = _composed(hydra, name, arguments.overrides)
        if config is None:
            return False
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        _run_job(hydra, task, name, config)
    return True


def _composed(hydra: Hydra, name: str, overrides: list[str]) -> DictConfig | None:
    """A single job's configuration; None where it says ``hydra.mode=MULTIRUN``.

    Hydra would compose it once to read the mode and once more to use it, which is most of what starting a job costs.
    """
    try:
        config = hydra.compose_config(name, overrides, RunMode.RUN)
    except Exception:
        # Of a multirun, a choice among values is no fault.
        if hydra.get_mode(config_name=name, overrides=overrides) is RunMode.MULTIRUN:
            return None
        raise
    if config.hydra.mode is RunMode.MULTIRUN:
        return None
    if config.hydra.mode is None:  # what Hydra does by one more override
        with read_write(config.hydra):
            config.hydra.mode = RunMode.RUN
            config.hydra.overrides.hydra.append("hydra.mode=RUN")
    return config


@contextmanager
def _hydra_of(task: TaskFunction, conf: str, more: str | None) -> Iterator[Hydra]:
    """Hydra with our configurations; those in the folder ``more`` come before them."""
    file, module = detect_calling_file_or_module_from_task_function(task)
    path = create_automatic_config_search_path(file, module, conf)
    if more is not None:
        folder = f"file://{Path(more).absolute()}"
        path.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    try:
        yield Hydra.create_main_hydra2(detect_task_name(file, module), path)
    finally:
        GlobalHydra.instance().clear()


def _run_job(hydra: Hydra, task: TaskFunction, name: str, config: DictConfig) -> None:
    """As ``Hydra.run``, but for its line on a failed job."""
    callbacks = Callbacks(config)
    callbacks.on_run_start(config=config, config_name=name)
    make_folder(Path(str(OmegaConf.select(config, "hydra.run.dir"))))
    ended = run_job(
        task_function=task,
        config=config,
        job_dir_key="hydra.run.dir",
        job_subdir_key=None,
        hydra_context=HydraContext(config_loader=hydra.config_loader, callbacks=callbacks),
        configure_logging=True,
    )
    callbacks.on_run_end(config=config, config_name=name, job_return=ended)
    if ended.status is JobStatus.FAILED:
        error: Any = ended._return_value
        raise error
