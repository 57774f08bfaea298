"""Submitting to Slurm: what it has taken is known to the next command, whenever this one is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from lrp2_bench.config.compose import conf_dir
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.files import read_json_lines
from lrp2_bench.launchers import slurm
from lrp2_bench.launchers.job import Job, Outcome, State
from lrp2_bench.launchers.running import prepared_hydra
from tests.support.sweeps import setup_and_jobs

submitit = pytest.importorskip("submitit")

FINISHED = Outcome(State.finished)


class FakeSlurm:
    """Its queue, and what happens once sbatch has answered."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.then = then
        self.queue: list[str] = []

    def executor(self, **settings: object) -> FakeSlurm:
        return self

    def update_parameters(self, **parameters: object) -> None:
        """Whatever they are."""

    def map_array(self, task: object, jobs: list[Job]) -> list[Any]:
        first = 7 + len(self.queue)
        made = [type("Made", (), {"job_id": f"{first}_{number}"}) for number in range(len(jobs))]
        self.queue += [one.job_id for one in made]
        self.then()
        return made


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(slurm, "say", said.append)
    monkeypatch.setattr(slurm, "check", lambda *given, **more: None)
    monkeypatch.setattr(slurm, "largest_array", lambda: 1001)
    monkeypatch.setattr(slurm, "_wait", lambda running, logs, tell: None)
    return said


def _run(cluster: FakeSlurm, outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitit, "AutoExecutor", cluster.executor)
    monkeypatch.setattr(slurm, "queued", lambda: dict.fromkeys(cluster.queue, "PENDING"))
    setup, jobs = setup_and_jobs(outputs, "de", "fr", "ga")
    launcher = slurm.SlurmLauncher(1, True, timeout_min=10, signal_delay_s=60)
    launcher.run(setup, jobs, outputs / "default", lambda job, outcome: None)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_slurm_answers_the_command_notes_the_jobs_first_and_says_how_to_cancel_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], stop: signal.Signals
) -> None:
    commands: list[int] = []

    def interrupt() -> None:
        os.kill(os.getpid(), stop)
        commands.append(subprocess.run(["sh", "-c", f"kill -{int(stop)} $$"], check=False).returncode)

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    cluster = FakeSlurm(interrupt)
    with pytest.raises(KeyboardInterrupt):
        _run(cluster, tmp_path, monkeypatch)
    assert commands == [0], "nor is sbatch stopped by the terminal's Ctrl-C"
    assert "\n  scancel 7\n" in said[-1]
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())

    _run(cluster, tmp_path, monkeypatch)
    assert cluster.queue == ["7_0", "7_1", "7_2"], "sent once"
    assert said[-1].startswith("Still queued from an earlier command") and said[-1].endswith("3 jobs.")


def test_the_ids_come_in_one_write_after_a_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    noted = tmp_path / "default" / ".submitit" / "jobs.jsonl"
    noted.parent.mkdir(parents=True)
    noted.write_text('{"id": "1", "job": "a", "asked": "b"}\n{"id": "2", "jo')
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(len(read_json_lines(noted))))
    _run(FakeSlurm(lambda: None), tmp_path, monkeypatch)
    assert [line["id"] for line in read_json_lines(noted)] == ["1", "7_0", "7_1", "7_2"] and synced == [4]


def test_more_jobs_than_an_array_may_have_go_as_several_arrays_each_job_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(slurm, "largest_array", lambda: 2)
    cluster = FakeSlurm(lambda: None)
    _run(cluster, tmp_path, monkeypatch)
    assert cluster.queue == ["7_0", "7_1", "9_0"]
    assert "MaxArraySize=2" in said[0] and "2 arrays" in said[0]
    noted = read_json_lines(tmp_path / "default" / ".submitit" / "jobs.jsonl")
    assert len({line["asked"] for line in noted}) == 3


def test_an_option_of_sbatch_is_advised_where_it_works() -> None:
    with pytest.raises(BenchError) as caught:
        slurm.SlurmLauncher(1, True, timeout_min=10, wckey="x")
    advice = str(caught.value).rpartition(": ")[2]
    assert advice == "+hydra.launcher.additional_parameters.wckey=x"
    config = compose_launcher("hydra/launcher=submitit_slurm", advice)
    launcher = slurm.SlurmLauncher(**{key: value for key, value in config.items() if key != "_target_"})
    assert "#SBATCH --wckey=x" in sbatch_text(launcher._parameters).splitlines()


def test_the_settings_known_are_those_of_the_launchers_file() -> None:
    config = compose_launcher("hydra/launcher=submitit_slurm")
    assert set(config) - {"_target_", "max_num_timeout", "requeue"} == slurm._SETTINGS


def compose_launcher(*overrides: str) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with prepared_hydra(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("search", ["language=de", *overrides], return_hydra_config=True)
    return dict(OmegaConf.to_container(config.hydra.launcher, resolve=True))  # type: ignore[arg-type]


def sbatch_text(parameters: dict[str, Any]) -> str:
    """What submitit would hand to sbatch."""
    from submitit.slurm.slurm import _make_sbatch_string

    more = parameters["additional_parameters"]
    return str(_make_sbatch_string("true", Path("/tmp"), additional_parameters=more))


def test_only_results_from_before_are_forgotten_whatever_this_machines_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    logs = tmp_path / "default" / ".submitit"

    def result(number: str) -> Path:
        path = Path(slurm._paths(logs.absolute(), number).result_pickle)
        path.parent.mkdir(parents=True, exist_ok=True)
        submitit.core.utils.cloudpickle_dump(("success", FINISHED), path)
        return path

    old, clock = result("7_0"), time.time
    os.utime(old, (clock() - 60, clock() - 60))
    monkeypatch.setattr(slurm.time, "time", lambda: clock() + 120)  # ahead of the file server's
    _run(FakeSlurm(lambda: result("7_1")), tmp_path, monkeypatch)
    assert slurm._result(logs, "7_1") == FINISHED and not old.exists()
