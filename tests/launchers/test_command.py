"""Commands run as Hydra's apps: what a failed one says, and that Hydra is as it was afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_repository import CachingConfigRepository
from hydra.core import utils
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback

from tests.support.commands import lrp2_bench

pytestmark = pytest.mark.no_torch

Capture = pytest.CaptureFixture[str]


class Noted(Callback):
    """A callback of a user's."""

    noted: list[tuple[str, JobStatus]] = []  # noqa: RUF012

    def on_job_end(self, config: Any, job_return: JobReturn, **more: Any) -> None:
        self.noted.append(("job", job_return.status))

    def on_run_end(self, config: Any, job_return: JobReturn, **more: Any) -> None:
        self.noted.append(("run", job_return.status))


def test_a_failed_job_says_its_error_alone_and_a_users_callbacks_see_it_fail(tmp_path: Path, capsys: Capture) -> None:
    Noted.noted.clear()
    callback = f"+hydra.callbacks.noted._target_={__name__}.Noted"
    assert lrp2_bench("report", f"inputs=[{tmp_path}/none]", callback) == 1
    said = capsys.readouterr().err
    assert (
        said.startswith("Unknown folder")
        and "'none'" in said
        and "Error executing job" not in said
        and "Traceback" not in said
    )
    assert Noted.noted == [("job", JobStatus.FAILED), ("run", JobStatus.FAILED)]


def test_hydra_is_as_it_was_after_a_command(tmp_path: Path) -> None:
    def state() -> list[object]:
        plugins = Plugins.instance().class_name_to_class
        launchers = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})  # type: ignore[attr-defined]
        return [
            utils._save_config, JobReturn.return_value, CachingConfigRepository.__init__, sorted(plugins),
            sorted(launchers),
        ]  # fmt: skip

    before = state()
    assert lrp2_bench("report", f"inputs=[{tmp_path}/none]") == 1
    assert lrp2_bench("report", "--cfg", "job") == 0
    assert state() == before


def test_a_folder_of_own_configurations_is_searched_first(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "own.yaml").write_text(f"defaults: [report, _self_]\ninputs: [{tmp_path}/mine]\n")
    assert lrp2_bench("report", "--config-dir", str(tmp_path), "--config-name", "own") == 1
    assert "'mine'" in capsys.readouterr().err
    assert lrp2_bench("report", "--config-dir", str(tmp_path / "none")) == 1
    assert "none' not found" in capsys.readouterr().err


def test_a_job_that_cannot_have_its_folder_says_so(capsys: Capture) -> None:
    assert lrp2_bench("search", "model=tiny_bloom", "dataset=cldr", "language=de", "paths.outputs=/proc/nowhere") == 1
    said = capsys.readouterr().err
    assert "No folder can be made there" in said and "Traceback" not in said
