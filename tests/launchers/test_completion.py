"""Shell completion: what is offered for a line, and a real bash that completes with the script it is given."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.commands import lrp2_bench

Capture = pytest.CaptureFixture[str]

#: Seconds after which a shell that has not answered is given up.
_PATIENCE = 60.0


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("lrp2-bench ", {"search", "report", "--version"}, {"model="}),
        ("lrp2-bench sea", {"search"}, {"model="}),
        ("lrp2-bench search model=tiny", {"model=tiny_mbert", "model=tiny_bloom"}, {"model=mbert"}),
        ("/a/b/lrp2-bench search language=de mod", {"model=", "model."}, set()),
        ("~/bin/lrp2-bench search model.pre", {"model.precision="}, set()),
        ("lrp2-bench search -m language=de,f", {"language=de,fr", "language=de,low"}, set()),
        ("lrp2-bench search -m +sweep=pa", {"+sweep=paper_mbert"}, set()),
        ("lrp2-bench search select_by=", {"select_by=accuracy", "select_by=transferability"}, set()),
        ("lrp2-bench search model.precision=", {"model.precision=bfloat16"}, set()),
        ("lrp2-bench search plan=", {"plan=true", "plan=false"}, set()),
        ("lrp2-bench report pl", {"places/"}, {"plain"}),
        ("lrp2-bench search pl", {"plan="}, {"places/"}),
        ("lrp2-bench report 'se", set(), {"'select_by="}),
    ],
)
def test_a_line_is_completed_by_what_its_command_takes(
    line: str,
    offered: set[str],
    not_offered: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    (tmp_path / "places").mkdir()
    (tmp_path / "plain").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMP_LINE", line)
    assert lrp2_bench("-sc", "query=bash") == 0
    printed = capsys.readouterr()
    assert offered <= set(printed.out.split()) and not not_offered & set(printed.out.split()) and not printed.err


@pytest.mark.parametrize(
    "line", ["", "lrp2-bench serch mo", "lrp2-bench search a=b=c mo", "lrp2-bench search --wrong "]
)
def test_a_line_that_cannot_be_completed_is_no_error(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    assert lrp2_bench("-sc", "query=bash") == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-sc", "-sc takes one of install=SHELL"),
        ("search -sc install=ksh", "Unknown shell 'ksh'."),
        ("-sc installed=bash", "-sc takes one of install=SHELL"),
    ],
)
def test_what_completion_does_not_know_is_told_with_what_works(arguments: str, said: str, capsys: Capture) -> None:
    assert lrp2_bench(*arguments.split()) == 1
    error = capsys.readouterr().err
    assert said in error and 'eval "$(lrp2-bench -sc install=bash)"' in error


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_a_real_bash_completes_what_is_typed_and_forgets_it_when_asked_to() -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with _Terminal({**os.environ, "PATH": path, "PS1": "READY> ", "TERM": "dumb"}) as bash:
        bash.type('eval "$(lrp2-bench search -sc install=bash)"\n', until="READY> ")
        bash.type("lrp2-bench search model=tiny_mbert_\t", until="model=tiny_mbert_twin")
        bash.type('\x15eval "$(lrp2-bench -sc uninstall=bash)"; complete -p lrp2-bench\n', until="no completion spec")


class _Terminal:
    """An interactive bash, its own settings alone."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        command = ["bash", "--norc", "--noprofile", "-i"]
        self._shell = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> _Terminal:
        self._read("READY> ")
        return self

    def type(self, text: str, until: str) -> None:
        os.write(self._ours, text.encode())
        self._read(until)

    def _read(self, until: str) -> None:
        seen, deadline = "", time.monotonic() + _PATIENCE
        while until not in re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\x07", "", seen):
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"bash never showed '{until}', but: {seen!r}"
            seen += os.read(self._ours, 4096).decode(errors="replace")

    def __exit__(self, *exc: object) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._ours)
