"""W&B's client as this package uses it: found, imported and set up so that it prompts, prints and leaks nothing."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lrp2_bench.core.secrets import masked


def is_installed() -> bool:
    """Whether :func:`import_wandb` will find it; imports nothing."""
    if "wandb" in sys.modules:
        return hasattr(sys.modules["wandb"], "init")
    spec = importlib.util.find_spec("wandb")
    return spec is not None and spec.origin is not None


def import_wandb() -> Any | None:
    """The wandb module, or None. A folder of that name in the working directory would import as an empty package."""
    # Even offline W&B reports its own health to its host, and where a firewall swallows that, the process takes ten
    # seconds longer to exit. Read at import and nowhere else; a user's own value stands.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        import wandb
    except ImportError:
        return None
    return wandb if hasattr(wandb, "init") else None


def quiet_settings(wandb: Any, timeout: float) -> Any:
    """``wandb.Settings`` of every run."""
    settings = {
        "silent": True,
        "console": "off",
        "init_timeout": timeout,
        "finish_timeout": timeout,
        "finish_timeout_raises": True,
        "use_dot_wandb": False,
        "symlink": False,  # a link to the latest run is one more thing that races between jobs
        # manifest.json has the commit; the difference to it, and the code, are nobody else's business.
        "disable_git": True,
        "disable_code": True,
        "save_code": False,
        "label_disable": True,
        "x_disable_stats": True,  # the run lasts a second, long after the job's own load
    }
    known = wandb.Settings.model_fields  # W&B's settings come and go; one that has gone must not stop a run
    return wandb.Settings(**{key: value for key, value in settings.items() if key in known})


@contextmanager
def masked_command_line() -> Iterator[None]:
    """W&B keeps the arguments of the process with each run, and takes no setting to leave them out."""
    before = sys.argv
    sys.argv = masked(before)
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """Files of artifacts wait for their upload in the run's ``folder``, not in the home directory, which the machine
    that syncs may not share and whose owner does not look for them there."""
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["WANDB_DATA_DIR"]
        else:
            os.environ["WANDB_DATA_DIR"] = before


@contextmanager
def no_word_of_its_log() -> Iterator[None]:
    """W&B logs into the run's folder; where that disk is full, Python would print a traceback for every line of it."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def flush(wandb: Any) -> None:
    """End W&B's service, which alone makes sure that the run is on disk: ``finish`` returns before it is.

    Runs of a caller's own in this process would end with it; where there are any, the service lives on, and what it
    has not yet written is not fit to be synced.
    """
    if wandb.run is None:
        with suppress(SystemExit):  # its way of saying that the service had crashed
            wandb.teardown()
