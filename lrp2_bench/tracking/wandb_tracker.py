"""Weights & Biases as a mirror: one run per finished job, written offline and then synced where that is possible."""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrp2_bench.records import DECIMALS, PAIR_COLUMNS
from lrp2_bench.tracking.base import JobRecord, Tracker
from lrp2_bench.tracking.connection import check_mode, choose, requested_mode
from lrp2_bench.tracking.figures import METRICS, pair_heatmap
from lrp2_bench.tracking.upload import UploadError, upload
from lrp2_bench.tracking.whole import is_whole

log = logging.getLogger(__name__)

#: W&B's own bounds on the length of names; a longer one is refused by its server only, hours after an offline run.
_NAME, _JOB_TYPE, _TAG = 128, 64, 64


class _CutShortError(Exception):
    """The offline run in the folder it names is not whole."""


class WandbTracker(Tracker):
    """Mirrors a job to a W&B run of its own: the tables, the alignment by layer, heatmaps and a summary.

    ``mode``: ``auto`` honours ``WANDB_MODE``, else goes online if there is an API key and the host answers within two
    seconds, else offline; ``online``, ``offline`` and ``disabled`` say so outright. ``timeout`` bounds the upload, in
    seconds. A mode that does not exist raises BenchError; nothing else ever does.

    Every run is first written offline, to ``FOLDER/wandb``, and going online means to sync it at once: whatever the
    network does, the run is whole on disk, and the log tells how to sync it later. Every attempt at a job is a run
    with a fresh id, in the group of its experiment: W&B overwrites runs that were made offline under one id.
    """

    def __init__(
        self,
        project: str = "lrp2-bench",
        entity: str | None = None,
        mode: str = "auto",
        timeout: float = 30.0,
        tags: Sequence[str] = (),
    ) -> None:
        check_mode(mode)
        self.project = project
        self.entity = entity
        self.mode = mode
        self.timeout = timeout
        self.tags = tuple(tags)

    def log_job(self, record: JobRecord) -> bool:
        """Mirror ``record``; whatever fails is a warning."""
        try:
            self._log_job(record)
            return True
        except _CutShortError as error:
            log.warning(
                "W&B's run of %s was cut short in %s, as on a full disk. The results are complete without it; once "
                "there is space, the same command writes another.",
                record.name,
                error,
            )
        except Exception as error:  # any failure of a mirror, of whatever kind, costs the mirror only
            log.warning(
                "W&B did not take %s (%s: %s). The results in %s are complete without it.",
                record.name,
                type(error).__name__,
                error,
                record.folder,
            )
        return False

    def _log_job(self, record: JobRecord) -> None:
        mode = requested_mode(self.mode)
        if mode == "disabled":
            log.info("W&B is disabled, so %s is not tracked.", record.name)
            return
        wandb = _import_wandb()
        if wandb is None:
            log.warning('W&B is not installed, so nothing is tracked: pip install "lrp2-bench[wandb]".')
            return
        folder = record.folder / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):  # W&B itself would write to the temporary folder instead
            raise PermissionError(f"{folder} is not writable")
        connection = choose(mode, wandb.setup(settings=wandb.Settings(silent=True)).settings)
        if connection.mode == "disabled":
            log.info("W&B is disabled (%s), so %s is not tracked.", connection.reason, record.name)
            return
        if connection.wanted:
            log.warning("W&B stays offline: %s.", connection.reason)
        if wandb.run is not None:
            connection = replace(connection, mode="offline", reason="another W&B run is open in this process")
        run = self._write(wandb, record)
        if wandb.run is None and not is_whole(run):
            raise _CutShortError(str(run))
        if connection.mode == "offline":
            log.info("W&B kept %s offline (%s). Sync it later: wandb sync %s", record.name, connection.reason, run)
            return
        try:
            log.info("W&B took %s: %s", record.name, upload(run, connection, self.timeout))
        except UploadError as error:
            log.warning("W&B did not take %s (%s). Sync it later: wandb sync %s", record.name, error, run)
        except KeyboardInterrupt:
            log.warning("Stopped while W&B took %s, which is kept. Sync it later: wandb sync %s", record.name, run)
            raise

    def _write(self, wandb: Any, record: JobRecord) -> Path:
        """Write ``record`` as an offline run, finished in any case, and return the run's folder."""
        run = wandb.init(
            project=self.project,
            entity=self.entity,
            dir=record.folder.resolve(),
            id=secrets.token_hex(4),
            name=record.name[:_NAME],
            group=record.experiment[:_NAME],
            job_type=f"{record.model}/{record.dataset}"[:_JOB_TYPE],
            tags=[tag[:_TAG] for tag in self.tags] or None,
            config=_config(record),
            mode="offline",
            reinit="create_new",
            settings=_settings(wandb, self.timeout),
        )
        try:
            _describe(wandb, run, record)
        except BaseException:
            with suppress(Exception):  # the first error is the one to tell; `with run` would print it as well
                run.finish(exit_code=1)
            raise
        else:
            run.finish(exit_code=0)
        finally:
            _flush(wandb)
        return Path(run.dir).parent


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


def _import_wandb() -> Any | None:
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


def _describe(wandb: Any, run: Any, record: JobRecord) -> None:
    run.define_metric("layer", hidden=True, summary="none")
    run.define_metric("alignment/*", step_metric="layer", summary="none")  # the last layer's value sums up nothing
    rows = [[getattr(row, column) for column in PAIR_COLUMNS] for row in record.pairs]
    table = wandb.Table(columns=list(PAIR_COLUMNS), data=rows)
    run.log({"pairs": table, **_heatmaps(wandb, record)})
    for row in record.alignment:
        values = {"layer": row.layer, "alignment/baseline": row.baseline}
        run.log(values if row.lrp2 is None else {**values, "alignment/lrp2": row.lrp2})
    run.summary.update(_summary(record))


def _heatmaps(wandb: Any, record: JobRecord) -> dict[str, Any]:
    if record.best is None:
        return {}
    try:
        title = f"{record.model}, {record.dataset}, {record.language}"
        return {
            f"heatmap/{metric}": wandb.Plotly(
                pair_heatmap(record.pairs, metric, record.best, f"{title}: {metric} (%)", record.select_by)
            )
            for metric in METRICS
        }
    except ImportError:
        log.warning('Plotly is not installed, so W&B gets no heatmaps: pip install "lrp2-bench[wandb]".')
        return {}


def _config(record: JobRecord) -> dict[str, Any]:
    """The resolved config as plain JSON, and under ``job`` what runs are grouped and filtered by."""
    config: dict[str, Any] = json.loads(json.dumps(dict(record.config), default=str))
    words = ("experiment", "model", "dataset", "language", "pivot", "select_by")
    return {**config, "job": {word: getattr(record, word) for word in words}}


def _summary(record: JobRecord) -> dict[str, Any]:
    """Nested, since W&B takes a dot inside a key for an escaped one: its tables show ``best.accuracy`` and so on."""
    baseline = {metric: getattr(record.baseline, metric) for metric in METRICS}
    summary: dict[str, Any] = {
        "facts": record.baseline.facts,
        "shared": record.baseline.shared,
        "seconds": record.seconds,
        "baseline": baseline,
    }
    if record.best is not None:
        best = {metric: getattr(record.best, metric) for metric in METRICS}
        summary["best"] = {"lirp": record.best.lirp, "lsrp": record.best.lsrp, **best}
        summary["gain"] = {metric: round(best[metric] - baseline[metric], DECIMALS) for metric in METRICS}
    return {**record.measures, **summary}
