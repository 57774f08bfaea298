"""Leases: one job at a time has a name, the dead lose theirs, and no clock is compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from lrp2_bench.core.processes import is_alive, this_process
from lrp2_bench.results import leases as leases_module
from lrp2_bench.results.leases import Leases
from tests.support.claims import lease_of_a_dead_process, lease_of_another_machine


def test_a_name_is_one_jobs_until_it_lets_go(tmp_path: Path) -> None:
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.take("P36") and second.take("P30")
        assert not second.take("P36") and not first.take("P30")
        first.release("P36")
        assert second.take("P36")
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_what_is_held_is_let_go_of_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Leases(tmp_path) as leases:
        assert leases.take("P36")
        _ = 1 / 0
    with Leases(tmp_path) as leases:
        assert leases.take("P36")


def test_many_who_grab_at_once_are_one(tmp_path: Path) -> None:
    jobs = [Leases(tmp_path) for _ in range(8)]
    for _ in range(20):
        barrier = threading.Barrier(len(jobs))
        with ThreadPoolExecutor(len(jobs)) as pool:
            took = list(pool.map(partial(_grab, barrier), jobs))
        assert sum(took) == 1
        jobs[took.index(True)].release("P36")


def _grab(barrier: threading.Barrier, job: Leases) -> bool:
    barrier.wait()
    return job.take("P36")


def test_a_dead_process_of_this_machine_loses_its_lease_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lease_of_a_dead_process(tmp_path)
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.take("P36") and not second.take("P36")
    assert "is gone" in caplog.text and "P36" in caplog.text
    assert not (tmp_path / "claims").exists(), "with it goes what the dead left"


def test_a_number_that_another_process_has_by_now_is_not_the_dead_one(tmp_path: Path) -> None:
    path = lease_of_another_machine(tmp_path)
    path.write_text(json.dumps({**this_process(), "started": "0"}))
    with Leases(tmp_path) as leases:
        assert leases.take("P36")
    assert is_alive(this_process()) is True
    assert is_alive({**this_process(), "pid": 2**22 + 1}) is False
    assert is_alive({**this_process(), "machine": "another"}) is None, "of others nothing is known"
    assert is_alive({}) is None and is_alive({**this_process(), "pid": "x"}) is None


def test_a_number_that_another_users_process_has_by_now_is_not_the_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refused)
    assert is_alive(this_process()) is True
    assert is_alive({**this_process(), "started": "0"}) is False
    assert is_alive({**this_process(), "pid": 2**22 + 1}) is True, "its start is not told"


def test_a_process_that_ended_and_waits_to_be_collected_is_gone() -> None:
    script = "import json, sys; from lrp2_bench.core.processes import this_process; print(json.dumps(this_process()))"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(told) is False
    process.communicate()
    assert is_alive(told) is False


def test_a_lease_elsewhere_is_stale_once_it_has_not_changed_for_long(tmp_path: Path, clock: list[float]) -> None:
    path = lease_of_another_machine(tmp_path)
    with Leases(tmp_path, stale=100) as leases:
        for passed in (0.0, 90.0, 9.0):
            clock[0] += passed
            assert not leases.take("P36")
        os.utime(path)  # a sign of life
        for passed in (2.0, 99.0):
            clock[0] += passed
            assert not leases.take("P36")
        clock[0] += 2
        assert leases.take("P36")


@pytest.mark.parametrize("skew", [-1e9, -3600.0, 3600.0])
def test_clocks_that_differ_or_go_backwards_change_nothing(tmp_path: Path, clock: list[float], skew: float) -> None:
    path = lease_of_another_machine(tmp_path)
    with Leases(tmp_path, stale=100) as leases:
        stamp = path.stat().st_mtime + skew
        for step in range(5):
            os.utime(path, (stamp - step, stamp - step))  # each sign of life is earlier than the one before
            assert not leases.take("P36")
            clock[0] += 99
        clock[0] += 2
        assert leases.take("P36")


def test_a_living_job_gives_signs_of_life(tmp_path: Path) -> None:
    with Leases(tmp_path, beat=0.01) as owner:
        assert owner.take("P36")
        path = tmp_path / "claims" / "P36.1"
        os.utime(path, (1, 1))
        for _ in range(500):
            if path.stat().st_mtime > 1:
                break
            threading.Event().wait(0.01)
        assert path.stat().st_mtime > 1


def test_an_empty_lease_of_one_that_died_in_making_it_is_taken_over(tmp_path: Path, clock: list[float]) -> None:
    lease_of_another_machine(tmp_path).write_text("")
    with Leases(tmp_path, stale=100) as leases:
        assert not leases.take("P36")
        clock[0] += 101
        assert leases.take("P36")


def test_a_job_that_was_suspended_harms_no_lease_made_after_its_own(tmp_path: Path, clock: list[float]) -> None:
    with Leases(tmp_path, stale=100) as suspended, Leases(tmp_path, stale=100) as second:
        assert suspended.take("P36") and not second.take("P36")
        clock[0] += 101
        assert not second.take("P36"), "on this machine it is known to live"
        lease_of_another_machine(tmp_path)
        assert not second.take("P36")
        clock[0] += 101
        assert second.take("P36")
        suspended.release("P36")
        with Leases(tmp_path) as third:
            assert not third.take("P36"), "still the second's"
        second.release("P36")
    with Leases(tmp_path, stale=100) as suspended, Leases(tmp_path, stale=100) as second:
        assert suspended.take("P36")
        second.forget(["P36"])
        assert second.take("P36")
        suspended.release("P36")
        assert (tmp_path / "claims" / "P36.1").exists(), "of the same name, but not its own"


def test_what_others_hold_comes_last_and_what_they_finish_is_left_out(tmp_path: Path) -> None:
    done, stored = [], set()
    path = lease_of_another_machine(tmp_path, "P17.1")

    def work(name: str) -> None:
        done.append(name)
        stored.add(name)
        if name == "P36":  # meanwhile another job finishes one and lets go of it
            path.unlink()
            stored.add("P17")

    with Leases(tmp_path, poll=0) as leases:
        leases.in_turns(["P17", "P30", "P36"], lambda name: name not in stored, work)
    assert done == ["P30", "P36"]


def test_what_another_job_gives_up_is_done_after_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    path, done, slept = lease_of_another_machine(tmp_path, "P17.1"), [], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            path.unlink()

    monkeypatch.setattr(leases_module.time, "sleep", sleep)
    with Leases(tmp_path, poll=0.25) as leases:
        leases.in_turns(["P17"], lambda name: name not in done, done.append)
    assert done == ["P17"] and slept == [0.25] * 3
    assert caplog.text.count("Waiting for another job with P17 (host node7, process 1") == 1, "said once"


def test_names_that_begin_alike_are_different(tmp_path: Path) -> None:
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.take("P3") and second.take("P36") and second.take("P3.6")


def test_a_lease_has_its_owners_name_from_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, seen = os.link, []

    def looked_at(draft: Path, path: Path) -> None:
        seen.append((path.exists(), json.loads(draft.read_bytes())["pid"]))
        link(draft, path)

    monkeypatch.setattr(leases_module.os, "link", looked_at)
    with Leases(tmp_path) as leases:
        assert leases.take("P36")
        assert [path.name for path in (tmp_path / "claims").iterdir()] == ["P36.1"], "no draft is left"
    assert seen == [(False, os.getpid())]


def test_a_file_system_without_links_has_leases_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(draft: Path, path: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(leases_module.os, "link", refused)
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.take("P36") and not second.take("P36")
        first.release("P36")
        assert second.take("P36")
    assert list(tmp_path.iterdir()) == []
