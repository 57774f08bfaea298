"""What Slurm's commands say, by stand-ins of them on the PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.launchers import preflight
from lrp2_bench.launchers.preflight import check, file_system
from lrp2_bench.launchers.queue import QueueError, ending, largest_array, queued


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _program(folder: Path, name: str, text: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_jobs_of_an_array_and_single_ones_are_known_by_their_ids(programs: Path) -> None:
    _program(programs, "squeue", "echo '12_3|PENDING|Resources'; echo '12_4|RUNNING|None'; echo '13|COMPLETING|None'")
    assert queued() == {"12_3": "PENDING (Resources)", "12_4": "RUNNING", "13": "COMPLETING"}


def test_a_controller_that_is_down_is_told_in_its_words(programs: Path) -> None:
    _program(programs, "squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(QueueError, match="Unable to contact"):
        queued()


def test_how_a_job_ended_is_asked_of_the_accounts_and_else_of_the_controller(programs: Path) -> None:
    assert ending("12_3") == "", "nobody knows"
    _program(programs, "scontrol", "echo 'JobId=15 ArrayJobId=12 ArrayTaskId=3 JobState=NODE_FAIL Reason=NodeDown X=1'")
    _program(programs, "sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert ending("12_3") == "NODE_FAIL (NodeDown)"
    _program(programs, "sacct", "echo 'CANCELLED by 0'")
    assert ending("12_3") == "CANCELLED by 0"


def test_the_largest_array_is_asked_of_the_cluster(programs: Path) -> None:
    with pytest.raises(QueueError):
        largest_array()
    _program(programs, "scontrol", "echo 'Configuration data'; echo 'MaxArraySize            = 1001'; echo 'X = 1'")
    assert largest_array() == 1001
    _program(programs, "scontrol", "echo 'Configuration data'")
    assert largest_array() is None


def _slurm(programs: Path) -> None:
    for name in ("sbatch", "srun", "squeue", "scontrol"):
        _program(programs, name)
    _program(programs, "sinfo", "echo node1; echo node2")


def test_all_that_is_missing_is_named_at_once(programs: Path, tmp_path: Path) -> None:
    _slurm(programs)
    (programs / "sbatch").unlink()
    (programs / "squeue").unlink()
    (tmp_path / "file").touch()
    with pytest.raises(BenchError) as caught:
        check(tmp_path / "file" / "out", timeout_min=2, signal_delay_s=120)
    said = str(caught.value)
    assert said.startswith("Nothing was submitted to Slurm.") and "no `sbatch`, `squeue` here" in said
    assert "signal_delay_s=120 is not shorter than the time limit of 120 s" in said
    assert "cannot be written" in said and "hydra/launcher=local" in said


def test_a_cluster_that_does_not_answer_is_told_before_anything_is_submitted(programs: Path, tmp_path: Path) -> None:
    _slurm(programs)
    _program(programs, "squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(BenchError, match="Slurm does not answer: Unable to contact slurm controller"):
        check(tmp_path, timeout_min=60, signal_delay_s=120)


def test_without_submitit_it_says_what_to_install(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slurm(programs)
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"pip install submitit"):
        check(tmp_path, timeout_min=60, signal_delay_s=120)


def test_what_may_be_wrong_is_a_warning(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _slurm(programs)
    said: list[str] = []
    monkeypatch.setattr(preflight, "say", said.append)
    monkeypatch.setattr(preflight, "file_system", lambda folder: "nfs4")
    check(tmp_path / "new", timeout_min=60, signal_delay_s=120)
    assert said == [] and list((tmp_path / "new").iterdir()) == []
    check(tmp_path, timeout_min=2, signal_delay_s=90)
    assert "can come 60 s early" in said[0]
    monkeypatch.setattr(preflight, "file_system", lambda folder: "ext4")
    check(tmp_path, timeout_min=60, signal_delay_s=120)
    assert "ext4" in said[1] and "shared" in said[1]
    _program(programs, "sinfo", "echo localhost")
    check(tmp_path, timeout_min=60, signal_delay_s=120)
    assert len(said) == 2, "a cluster of this machine alone shares every folder"


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert file_system(Path("/proc/self")) == "proc"
