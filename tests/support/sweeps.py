"""Jobs of a multirun that load no model: what they do stands in their language."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.initialize import initialize_config_dir
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from lrp2_bench.config.compose import conf_dir
from lrp2_bench.core.errors import UnknownNameError
from lrp2_bench.launchers.job import Job
from lrp2_bench.launchers.running import Setup, prepared_hydra
from lrp2_bench.results.status import job_status

MODEL = "m"


def act(config: DictConfig) -> None:
    """Leaves its process id, working folder and GPUs as ``LANGUAGE.pid``, ``.cwd`` and ``.gpu``; then what its language
    says."""
    folder = Path(config.paths.outputs) / config.experiment.name / MODEL / config.dataset.name / config.language
    with job_status(folder):
        folder.with_suffix(".cwd").write_text(str(Path.cwd()))
        folder.with_suffix(".pid").write_text(str(os.getpid()))
        folder.with_suffix(".gpu").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        actions: dict[str, Any] = {
            "dies": lambda: os.kill(os.getpid(), signal.SIGKILL),
            "fails": lambda: _fail(config.language),
            "stops": lambda: (os.kill(os.getppid(), signal.SIGTERM), time.sleep(60)),
            "waits": lambda: _wait_for(folder.with_suffix(".go")),
        }
        if config.language in actions:
            actions[config.language]()


def _fail(language: str) -> None:
    raise UnknownNameError("language", language, ["de"])  # which cannot be unpickled


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.02)


def setup_and_jobs(outputs: Path, *languages: str) -> tuple[Setup, list[Job]]:
    """As the sweeper makes them of ``search -m language=...``."""
    GlobalHydra.instance().clear()
    fixed = (f"model.name={MODEL}", "tracking=none", f"paths.outputs={outputs}")
    with prepared_hydra(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.compose_config("search", list(fixed), run_mode=RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks())
    setup = Setup(context, config, ("tests.support.sweeps", "act"))
    jobs = [
        Job("search", number, (*fixed, f"language={code}"), outputs / "default" / MODEL / "mlama" / code, code)
        for number, code in enumerate(languages)
    ]
    (outputs / "default").mkdir(parents=True, exist_ok=True)
    return setup, jobs
