"""A folder is whole or absent, whoever works on it or is killed at it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.testbed.place import whole_folder


class Killed(BaseException):
    """Nothing handles it."""


def _make(output: Path, text: str, *, overwrite: bool = False) -> None:
    with whole_folder(output, 1, overwrite=overwrite) as partial:
        assert partial.parent == output.parent and partial != output
        (partial / "manifest.json").write_text(text)


def _texts(folder: Path) -> dict[str, str]:
    """What the folders in ``folder`` hold, by the ends of their names."""
    return {path.suffix: (path / "manifest.json").read_text() for path in folder.iterdir()}


def test_a_folder_appears_whole_with_the_permissions_of_any_other(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "model"
    _make(output, "new")
    (tmp_path / "other").mkdir()
    assert _texts(output.parent) == {"": "new"}
    assert output.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    _make(tmp_path / "model", "old")
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "model", 1, overwrite=True) as partial:
        (partial / "loss.csv").write_text("half")
        raise KeyboardInterrupt
    assert _texts(tmp_path) == {"": "old"}


def test_the_old_folder_goes_when_the_new_one_has_its_place(tmp_path: Path) -> None:
    _make(tmp_path / "model", "old")
    _make(tmp_path / "model", "new", overwrite=True)
    assert _texts(tmp_path) == {"": "new"}


def test_a_kill_at_any_step_of_the_exchange_loses_neither_and_the_next_start_removes_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, rmtree, steps = Path.replace, shutil.rmtree, 0

    def dies_at(step: int) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            raise Killed

    seen = []
    for step in (1, 2, 3):
        folder = tmp_path / str(step)
        _make(folder / "model", "old")
        steps = 0
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Path, "replace", lambda path, to, step=step: (dies_at(step), replace(path, to))[1])
            patch.setattr(shutil, "rmtree", lambda path, step=step, **how: (dies_at(step), rmtree(path, **how)))
            _make(folder / "model", "new", overwrite=True)
        seen.append(_texts(folder))
        for path in folder.rglob("*"):
            os.utime(path, (0, 0))
        with whole_folder(folder / "model", 1, overwrite=True) as partial:
            (partial / "manifest.json").write_text("newest")
            left = {path.read_text() for path in folder.rglob("manifest.json")}
            assert left == {"old", "new", "newest"}
    assert seen == [{"": "old", ".partial": "new"}, {".old": "old", ".partial": "new"}, {"": "new", ".old": "old"}]


def test_two_at_once_have_folders_of_their_own_and_the_later_one_keeps_its_work(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchError, match="made by another process meanwhile"),
        whole_folder(tmp_path / "model", 1, overwrite=False) as late,
    ):
        (late / "manifest.json").write_text("late")
        _make(tmp_path / "model", "early")
    assert _texts(tmp_path) == {"": "early", ".partial": "late"}
    assert "late" in (late / "manifest.json").read_text()


def test_what_a_killed_process_left_half_done_goes_once_nobody_writes_to_it(tmp_path: Path) -> None:
    for name, age in (("model.a.partial", 7200), ("model.b.partial", 60), ("other.c.partial", 7200)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "loss.csv").write_text("step")
        before = (tmp_path / name).stat().st_mtime - age
        for path in (tmp_path / name / "loss.csv", tmp_path / name):
            os.utime(path, (before, before))
    _make(tmp_path / "model", "new")
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model.b.partial", "other.c.partial"}


def test_a_full_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(BenchError, match="1 MiB are free"), whole_folder(tmp_path / "model", 64 << 20, overwrite=False):
        raise AssertionError
    assert list(tmp_path.iterdir()) == []
