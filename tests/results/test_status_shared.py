"""``status.json`` where several jobs share a folder: shards, twins, and ones that were suspended."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.results import leases as leases
from lrp2_bench.results import status as status_module
from lrp2_bench.results.status import JobStatus, job_status


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "status.json").read_text())
    return found


def test_a_shard_tells_of_itself_and_of_the_folder(tmp_path: Path) -> None:
    with job_status(tmp_path, "0-of-2") as status:
        status.set_missing(["P30"], ["P36"])
        assert _read(tmp_path)["missing"] == ["P30", "P36"] and _read(tmp_path)["shards"] == {"0-of-2": "running"}
        status.set_missing([], ["P36"])
    assert (_read(tmp_path)["state"], _read(tmp_path)["missing"]) == ("incomplete", ["P36"])
    with pytest.raises(ValueError, match="x"), job_status(tmp_path, "1-of-2") as status:
        status.set_missing(["P36"])
        raise ValueError("x")
    assert _read(tmp_path)["message"] == "Shard 1-of-2: x"
    assert _read(tmp_path)["shards"] == {"0-of-2": "finished", "1-of-2": "failed"}
    assert json.loads((tmp_path / "shards" / "1-of-2.json").read_text())["message"] == "x"


def test_a_shard_that_others_overtake_leaves_the_folder_finished(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever moment the last one ends in: after the first has looked for the last time."""
    with job_status(tmp_path, "0-of-2") as first:
        first.set_missing([], ["P37"])
        with job_status(tmp_path, "1-of-2") as last:
            last.set_missing([])
    assert (_read(tmp_path)["state"], _read(tmp_path)["missing"]) == ("finished", [])
    assert "message" not in _read(tmp_path) and not caplog.text
    assert _read(tmp_path)["shards"] == {"0-of-2": "finished", "1-of-2": "finished"}


def test_a_shard_looks_again_before_its_last_word_and_leaves_the_tables_word_to_who_writes_them(tmp_path: Path) -> None:
    with job_status(tmp_path, "0-of-2") as first:
        first.set_missing([], ["P37"])
        first.look_again = lambda: first.note_missing([])
    assert (_read(tmp_path)["state"], _read(tmp_path)["missing"]) == ("incomplete", []), "it has written no tables"
    with pytest.raises(ValueError, match="x"), job_status(tmp_path, "1-of-2") as last:
        last.set_missing([])
        raise ValueError("x")
    assert _read(tmp_path)["state"] == "failed"


def test_a_shard_that_notes_what_others_have_left_looks_again_before_it_does_over_finished(tmp_path: Path) -> None:
    with job_status(tmp_path, "0-of-2") as first:
        first.set_missing(["P36"], ["P37"])
        with job_status(tmp_path, "1-of-2") as last:
            last.set_missing([])
        first.look_again = lambda: first.note_missing([])
        first.set_missing([], ["P37"])
        assert _read(tmp_path)["state"] == "finished", "not even for a moment is it anything else"
        first.look_again = lambda: first.note_missing(["P38"])
        first.set_missing(["P38"])
        assert (_read(tmp_path)["state"], _read(tmp_path)["missing"]) == ("running", ["P38"]), "there is more to do"


def test_a_job_that_starts_while_another_ends_does_not_write_over_its_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, read, ended = JobStatus(tmp_path / "status.json"), status_module.find_object, []
    last.write("running")

    def paused(path: Path) -> Any:
        """Read, and then do nothing until the other has ended, or cannot."""
        found = read(path)
        if not ended:
            ended.append(threading.Thread(target=last.write, args=["finished"]))
            ended[0].start()
            ended[0].join(0.3)
        return found

    monkeypatch.setattr(status_module, "find_object", paused)
    JobStatus(tmp_path / "status.json").write("running")
    ended[0].join()
    assert _read(tmp_path)["state"] == "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_job_waits_for_a_suspended_one_only_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "PATIENCE", 0.1)
    suspended = leases.Leases(tmp_path)
    assert suspended.take(leases.STATUS)
    with job_status(tmp_path):
        assert _read(tmp_path)["state"] == "running"
    assert _read(tmp_path)["state"] == "finished" and not leases.Leases(tmp_path).take(leases.STATUS)


def test_shards_that_end_together_and_miss_each_others_last_work_are_told_to_run_once_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with job_status(tmp_path, "0-of-2") as first:
        first.set_missing([], ["P37"])
        with job_status(tmp_path, "1-of-2") as last:
            last.set_missing([], ["P36"])
        assert _read(tmp_path)["message"] == "Shard 1-of-2 is done, others are not."
        assert "once more" not in caplog.text
    found = _read(tmp_path)
    assert (found["state"], found["shards"]) == ("incomplete", {"0-of-2": "finished", "1-of-2": "finished"})
    assert "run the same command once more" in found["message"] and "run the same command once more" in caplog.text
