"""One W&B run from nothing to disk, and to its server where that is possible; what is in it is the caller's."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrp2_bench.core.files import make_folder
from lrp2_bench.core.secrets import masked
from lrp2_bench.tracking.client import (
    flush,
    import_wandb,
    masked_command_line,
    no_word_of_its_log,
    quiet_settings,
    staged_in,
)
from lrp2_bench.tracking.connection import Connection, choose, requested_mode
from lrp2_bench.tracking.upload import LiveSync, UploadError, upload
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


@dataclass(frozen=True)
class OpenRun:
    """A run that is written to ``folder``, as an offline one whatever ``connection`` says; ``sync`` brings it to its
    server meanwhile."""

    wandb: Any
    run: Any
    folder: Path
    connection: Connection
    sync: LiveSync | None = None

    def log(self, values: Mapping[str, float]) -> None:
        """A row of the run's history; it waits for no network."""
        with no_word_of_its_log():
            self.run.log(dict(values))

    def finish(self, exit_code: int) -> None:
        """End the run's file, which is whole afterwards."""
        with no_word_of_its_log():
            try:
                self.run.finish(exit_code=exit_code)
            finally:
                flush(self.wandb)


def mirror(content: Content, target: Target, opened: OpenRun | None = None) -> None:
    """Write ``content`` as an offline run, or into the one ``opened`` for it, and sync it where ``target`` wishes so;
    the log says which.

    Raises what W&B and the file system raise, and CutShortError where the run's file ends in the middle of a record.
    """
    opened = opened or open_run(content, target)
    if opened is None:
        return
    try:
        _fill(opened, content)
        if opened.wandb.run is None and not is_whole(opened.folder):
            raise CutShortError(str(opened.folder))
        _deliver(opened, content.name, target.timeout)
    finally:
        if opened.sync is not None:
            opened.sync.stop()


def open_run(content: Content, target: Target, *, live: bool = False) -> OpenRun | None:
    """Begin the run of ``content``, with nothing in it yet, and, if it is ``live``, to sync it while it is written;
    None where W&B is disabled or not installed."""
    mode = requested_mode(target.mode)
    if mode == "disabled":
        log.info("W&B is disabled, so %s is not tracked.", content.name)
        return None
    wandb = import_wandb()
    if wandb is None:  # of which the tracker has warned when it was made
        return None
    folder = content.folder / "wandb"
    make_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):  # W&B itself would write to the temporary folder instead
        raise PermissionError(f"{folder} is not writable")
    with masked_command_line():
        connection = choose(mode, wandb.setup(settings=wandb.Settings(silent=True)).settings)
        if connection.mode == "disabled":
            log.info("W&B is disabled (%s), so %s is not tracked.", connection.reason, content.name)
            return None
        if connection.wanted:
            log.warning("W&B stays offline: %s.", connection.reason)
        if wandb.run is not None:
            connection = replace(connection, mode="offline", reason="another W&B run is open in this process")
        with no_word_of_its_log():
            run = _init(wandb, content, target)
    written = Path(run.dir).parent
    sync = LiveSync(written, connection) if live and connection.mode == "online" else None
    return OpenRun(wandb, run, written, connection, sync)


def _deliver(opened: OpenRun, name: str, timeout: float) -> None:
    """Sync a run that is whole on disk, or say how to."""
    run, connection = opened.folder, opened.connection
    if connection.mode == "offline":
        log.info("W&B kept %s offline (%s). Sync it later: wandb sync %s", name, connection.reason, run)
        return
    try:
        live = opened.sync is not None and opened.sync.goes_on
        address = opened.sync.wait(timeout) if opened.sync and live else upload(run, connection, timeout)
        log.info("W&B took %s: %s", name, address)
    except UploadError as error:
        log.warning("W&B did not take %s (%s). Sync it later: wandb sync %s", name, error, run)
    except KeyboardInterrupt:
        log.warning("Stopped while W&B took %s, which is kept. Sync it later: wandb sync %s", name, run)
        raise


def _fill(opened: OpenRun, content: Content) -> None:
    """Log ``content`` and end the run, in any case."""
    try:
        with no_word_of_its_log(), staged_in(opened.folder):
            content.describe(opened.wandb, opened.run)
    except BaseException:
        with suppress(Exception):  # the first error is the one to report; `with run` would print it as well
            opened.finish(1)
        raise
    opened.finish(0)


def _init(wandb: Any, content: Content, target: Target) -> Any:
    return wandb.init(
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
        settings=quiet_settings(wandb, target.timeout),
    )


def _tags(content: Content, target: Target) -> list[str]:
    """The run's own, the configuration's and those of WANDB_TAGS, which W&B itself reads only where none are given."""
    environment = os.environ.get("WANDB_TAGS", "").split(",")
    every = (tag.strip()[:_TAG] for tag in (*content.tags, *target.tags, *environment))
    return list(dict.fromkeys(tag for tag in every if tag))
