"""One W&B run from nothing to disk, and to its server where that is possible; what is in it is the caller's."""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrp2_bench.core.files import make_folder
from lrp2_bench.core.secrets import masked
from lrp2_bench.tracking.connection import choose, requested_mode
from lrp2_bench.tracking.upload import UploadError, upload
from lrp2_bench.tracking.whole import is_whole

log = logging.getLogger(__name__)

#: W&B's own bounds on the length of names; a longer one is refused by its server only, hours after an offline run.
NAME, _JOB_TYPE, _TAG = 128, 64, 64


class CutShortError(Exception):
    """The offline run in the folder it names is incomplete."""


@dataclass(frozen=True)
class Target:
    """Where runs go and how: as :class:`~lrp2_bench.tracking.WandbTracker` says."""

    project: str
    entity: str | None
    mode: str
    timeout: float
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class Content:
    """One run: written to ``folder/wandb``; ``describe(wandb, run)`` logs what is in it. ``tags`` are its own."""

    name: str
    folder: Path
    group: str
    job_type: str
    config: Mapping[str, Any]
    tags: Sequence[str]
    describe: Callable[[Any, Any], None]


def mirror(content: Content, target: Target) -> None:
    """Write ``content`` as an offline run and sync it where ``target`` wishes so; the log says which.

    Raises what W&B and the file system raise, and CutShortError where the run's file ends in the middle of a record.
    """
    with _masked_command_line():
        _mirror(content, target)


def _mirror(content: Content, target: Target) -> None:
    mode = requested_mode(target.mode)
    if mode == "disabled":
        log.info("W&B is disabled, so %s is not tracked.", content.name)
        return
    wandb = import_wandb()
    if wandb is None:  # of which the tracker has warned when it was made
        return
    folder = content.folder / "wandb"
    make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):  # W&B itself would write to the temporary folder instead
        raise PermissionError(f"{folder} is not writable")
    connection = choose(mode, wandb.setup(settings=wandb.Settings(silent=True)).settings)
    if connection.mode == "disabled":
        log.info("W&B is disabled (%s), so %s is not tracked.", connection.reason, content.name)
        return
    if connection.wanted:
        log.warning("W&B stays offline: %s.", connection.reason)
    if wandb.run is not None:
        connection = replace(connection, mode="offline", reason="another W&B run is open in this process")
    run = _write(wandb, content, target)
    if wandb.run is None and not is_whole(run):
        raise CutShortError(str(run))
    if connection.mode == "offline":
        log.info("W&B kept %s offline (%s). Sync it later: wandb sync %s", content.name, connection.reason, run)
        return
    try:
        log.info("W&B took %s: %s", content.name, upload(run, connection, target.timeout))
    except UploadError as error:
        log.warning("W&B did not take %s (%s). Sync it later: wandb sync %s", content.name, error, run)
    except KeyboardInterrupt:
        log.warning("Stopped while W&B took %s, which is kept. Sync it later: wandb sync %s", content.name, run)
        raise


def _write(wandb: Any, content: Content, target: Target) -> Path:
    """Write ``content`` as an offline run, finished in any case, and return the run's folder."""
    with _no_word_of_its_log():
        return _write_run(wandb, content, target)


def _write_run(wandb: Any, content: Content, target: Target) -> Path:
    run = wandb.init(
        project=target.project,
        entity=target.entity,
        dir=content.folder.resolve(),
        id=secrets.token_hex(4),
        name=content.name[:NAME],
        group=content.group[:NAME],
        job_type=content.job_type[:_JOB_TYPE],
        tags=_tags(content, target),
        config=masked(content.config),
        mode="offline",
        reinit="create_new",
        settings=_settings(wandb, target.timeout),
    )
    folder = Path(run.dir).parent
    try:
        with _staged_in(folder):
            content.describe(wandb, run)
    except BaseException:
        with suppress(Exception):  # the first error is the one to report; `with run` would print it as well
            run.finish(exit_code=1)
        raise
    else:
        run.finish(exit_code=0)
    finally:
        _flush(wandb)
    return folder


def _tags(content: Content, target: Target) -> list[str]:
    """The run's own, the configuration's and those of WANDB_TAGS, which W&B itself reads only where none are given."""
    environment = os.environ.get("WANDB_TAGS", "").split(",")
    every = (tag.strip()[:_TAG] for tag in (*content.tags, *target.tags, *environment))
    return list(dict.fromkeys(tag for tag in every if tag))


@contextmanager
def _masked_command_line() -> Iterator[None]:
    """W&B keeps the arguments of the process with each run, and takes no setting to leave them out."""
    before = sys.argv
    sys.argv = masked(before)
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _staged_in(folder: Path) -> Iterator[None]:
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
def _no_word_of_its_log() -> Iterator[None]:
    """W&B logs into the run's folder; where that disk is full, Python would print a traceback for every line of it."""
    before = logging.raiseExceptions
    logging.raiseExceptions = False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def _settings(wandb: Any, timeout: float) -> Any:
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


def _flush(wandb: Any) -> None:
    """End W&B's service, which alone makes sure that the run is on disk: ``finish`` returns before it is.

    Runs of a caller's own in this process would end with it; where there are any, the service lives on, and what it
    has not yet written is not fit to be synced.
    """
    if wandb.run is None:
        with suppress(SystemExit):  # its way of saying that the service had crashed
            wandb.teardown()
