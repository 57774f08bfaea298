"""Weights & Biases as a mirror: one run per finished job and report, written offline, then synced where possible."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lrp2_bench.core.errors import BenchError
from lrp2_bench.tracking.base import AnalysisRecord, JobRecord, ReportRecord, StartedJob, Tracker
from lrp2_bench.tracking.client import is_installed
from lrp2_bench.tracking.connection import check_mode, requested_mode
from lrp2_bench.tracking.project import entity_of, log_target, project_of
from lrp2_bench.tracking.upload import UploadError
from lrp2_bench.tracking.wandb_job import job_content, log_progress, started_content
from lrp2_bench.tracking.wandb_report import analysis_content, report_content
from lrp2_bench.tracking.wandb_run import Content, CutShortError, OpenRun, Target, mirror, open_run

log = logging.getLogger(__name__)


def _require(tags: object, timeout: object, live: object) -> None:
    """Raise :class:`BenchError` for what W&B would take as another thing, or not at all."""
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise BenchError(f"tracking.tags={tags}: give a list of texts, such as [paper].")
    for name, seconds in (("timeout", timeout), ("live", live)):
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise BenchError(f"tracking.{name}={seconds}: give a number of seconds from 0.")


class WandbTracker(Tracker):
    """Mirrors a job to a W&B run of its own: the tables, the alignment by layer, heatmaps and a summary; and a report
    or an analysis: its tables, figures and page.

    ``mode``: ``auto`` honours ``WANDB_MODE``, else goes online if there is an API key and the host answers within two
    seconds, else offline; ``online``, ``offline`` and ``disabled`` say so outright. ``timeout`` bounds the upload, in
    seconds. ``live`` are the seconds between two rows of a search's progress, at least; 0 for none. ``project`` and
    ``entity`` are WANDB_PROJECT and WANDB_ENTITY where they are None. A mode that does not exist and a project that
    W&B refuses raise BenchError; nothing else ever does.

    Every run is first written offline, to ``FOLDER/wandb``, and going online means to sync it at once: whatever the
    network does, the run is whole on disk, and the log says how to sync it later. Every attempt at a job is a run
    with a fresh id, in the group of its experiment: W&B overwrites runs that were made offline under one id.
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        mode: str = "auto",
        timeout: float = 30.0,
        tags: Sequence[str] = (),
        live: float = 30.0,
    ) -> None:
        check_mode(mode)
        _require(tags, timeout, live)
        self.live_seconds = live
        self._open: OpenRun | None = None
        self.target = Target(project_of(project), entity_of(entity), mode, timeout, tuple(tags))
        with suppress(BenchError):  # a WANDB_MODE that does not exist is a warning, once there is something to mirror
            if requested_mode(mode) == "disabled":
                self.live_seconds = 0.0
                return
        if not is_installed():
            log.warning("W&B is not installed, so nothing will be tracked: pip install wandb wandb-workspaces.")
        else:
            log_target(self.target.project, self.target.entity)

    def log_job(self, record: JobRecord) -> bool:
        """Mirror ``record``; whatever fails is a warning."""
        opened, self._open = self._open, None
        return self._log(record.name, record.folder, lambda: job_content(record), opened)

    def log_progress(self, job: StartedJob, progress: Mapping[str, float]) -> None:
        """A row of the history of ``job``'s run, which the first one opens; after a failure there are no more."""
        if not self.live_seconds:
            return
        try:
            self._open = self._open or open_run(started_content(job), self.target, live=True)
            if self._open is None:
                self.live_seconds = 0.0
            else:
                log_progress(self._open, progress)
        except Exception as error:  # as below
            self.live_seconds = 0.0
            log.warning("W&B does not show the progress of %s (%s: %s).", job.name, type(error).__name__, error)

    def stop(self, *, failed: bool) -> None:
        """End the run that :meth:`log_progress` opened."""
        opened, self._open = self._open, None
        if opened is None:
            return
        with suppress(Exception):
            opened.finish(int(failed))
        if opened.sync is not None:
            with suppress(UploadError):
                opened.sync.wait(self.target.timeout)

    def log_report(self, record: ReportRecord) -> None:
        """Mirror ``record``; whatever fails is a warning."""
        self._log(record.name, record.folder, lambda: report_content(record))

    def log_analysis(self, record: AnalysisRecord) -> None:
        """Mirror ``record``; whatever fails is a warning."""
        self._log(record.name, record.folder, lambda: analysis_content(record))

    def _log(self, name: str, folder: Path, content: Callable[[], Content], opened: OpenRun | None = None) -> bool:
        try:
            mirror(content(), self.target, opened)
            return True
        except CutShortError as error:
            log.warning(
                "W&B's run of %s was cut short in %s, as on a full disk. What it mirrors is complete without it; once "
                "there is space, the same command writes another.",
                name,
                error,
            )
        except Exception as error:  # any failure of a mirror, of whatever kind, costs the mirror only
            log.warning(
                "W&B did not take %s (%s: %s). The results in %s are complete without it.",
                name,
                type(error).__name__,
                error,
                folder,
            )
        return False
