"""Leases between jobs that die, are slow or go on after a pause, and on file systems that lose their answers."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from lrp2_bench.results import leases as leases_module
from lrp2_bench.results.leases import Leases
from tests.support.claims import lease_of_a_dead_process, lease_of_another_machine

# Tells which process it is, and lives until its input ends.
WAITS = """
import json, sys
from lrp2_bench.core.processes import this_process
print(json.dumps(this_process()), flush=True)
sys.stdin.read()
"""


def test_a_link_whose_first_answer_was_lost_is_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def unanswered(draft: Path, path: Path) -> None:
        link(draft, path)
        link(draft, path)  # as NFS asks again

    monkeypatch.setattr(leases_module.os, "link", unanswered)
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.take("P36") and not second.take("P36")
        first.release("P36")
        assert second.take("P36")
    assert list(tmp_path.iterdir()) == []


def test_only_what_the_dead_left_is_forgotten(tmp_path: Path, clock: list[float]) -> None:
    dead, living, unknown = (tmp_path / "claims" / name for name in ("P17.1", "P30.1", "P36.1"))
    lease_of_a_dead_process(tmp_path, dead.name)
    lease_of_another_machine(tmp_path, unknown.name)
    with subprocess.Popen([sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        living.write_bytes(owner.stdout.readline())
        leases = Leases(tmp_path, stale=100)
        leases.forget(["P17", "P30", "P36"])
        assert (dead.exists(), living.exists(), unknown.exists()) == (False, True, True)
        assert not leases.take("P30"), "still being worked on"
        clock[0] += 101
        leases.forget(["P17", "P30", "P36"])
        assert (living.exists(), unknown.exists()) == (True, False)


def test_a_job_that_was_slow_to_take_over_does_not_share_with_one_that_began_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease_of_a_dead_process(tmp_path)
    slow, quick, late = Leases(tmp_path), Leases(tmp_path), Leases(tmp_path)
    make = leases_module.make

    def paused(path: Path, content: bytes) -> FileIO:
        """With its mind made up for generation 2, while others come and go."""
        monkeypatch.setattr(leases_module, "make", make)
        assert quick.take("P36")
        quick.release("P36")
        assert late.take("P36")
        return make(path, content)

    monkeypatch.setattr(leases_module, "make", paused)
    assert not slow.take("P36")
    assert [path.name for path in (tmp_path / "claims").iterdir()] == ["P36.1"], "the late one's"
    late.release("P36")
    assert slow.take("P36")
    slow.release("P36")


def test_drafts_of_killed_jobs_go_after_an_hour(tmp_path: Path) -> None:
    draft, recent = (lease_of_a_dead_process(tmp_path, f".P36.1.{number}-1") for number in (4711, 4712))
    hour_ago = draft.stat().st_mtime - 3700
    os.utime(draft, (hour_ago, hour_ago))
    with Leases(tmp_path) as leases:
        assert leases.take("P36")
    assert not draft.exists() and recent.exists(), "it may be about to get its name"
    os.utime(recent, (hour_ago, hour_ago))
    with Leases(tmp_path) as leases:
        assert leases.take("P36")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO], ids=errno.errorcode.get)
def test_a_lease_that_the_server_has_lost_is_let_go_of(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(handle: int) -> os.stat_result:
        raise OSError(code, os.strerror(code))

    leases = Leases(tmp_path)
    assert leases.take("P36")
    with monkeypatch.context() as patch:
        patch.setattr(leases_module.os, "fstat", lost)
        leases.release("P36")
    assert (tmp_path / "claims" / "P36.1").exists(), "it may be another's by now"
