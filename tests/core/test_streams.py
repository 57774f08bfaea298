"""An output that is closed, full or absent costs what is printed and nothing else; and no credential is printed."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lrp2_bench.core.secrets import learn, remembering
from lrp2_bench.core.streams import Output, safe_output


class Failing(io.StringIO):
    """Takes nothing, for the reason given."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.asked = error, 0

    def write(self, text: str) -> int:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize(
    "error", [BrokenPipeError(errno.EPIPE, "pipe"), OSError(errno.ENOSPC, "full"), ValueError("closed file")]
)
def test_an_output_that_fails_is_given_up_and_its_writers_go_on(error: Exception) -> None:
    stream = Failing(error)
    output = Output(stream)
    for text in ("one\n", "two\n"):
        assert output.write(text) == 4
        output.flush()
    assert stream.asked == 1 and output.lost is error


def test_a_slow_reader_gets_the_rest() -> None:
    stream = Failing(BlockingIOError())
    output = Output(stream)
    output.write("one")
    output.write("two")
    assert stream.asked == 2 and output.lost is None


def test_what_an_encoding_lacks_is_escaped_instead_of_ending_the_command() -> None:
    raw = io.BytesIO()
    output = Output(io.TextIOWrapper(raw, encoding="ascii"))
    output.write("é \udce9 ok")
    output.flush()
    assert raw.getvalue() == b"\\xe9 \\udce9 ok" and output.lost is None


def test_credentials_are_not_printed() -> None:
    stream = io.StringIO()
    with remembering():
        learn("pg://bob:Geh1im@h")
        Output(stream).write("server said Geh1im, pg://h?password=x\n")
    assert stream.getvalue() == "server said ***, pg://h?password=***\n"


def test_a_full_disk_is_told_and_a_reader_that_left_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    for error in (OSError(errno.ENOSPC, "No space left on device"), BrokenPipeError(errno.EPIPE, "pipe")):
        sys.stdout = Failing(error)
        try:
            with safe_output():
                print("lost")
        finally:
            sys.stdout = before
    assert capsys.readouterr().err == (
        "The console output is incomplete (No space left on device); nothing else was lost.\n"
    )


_PROGRAM = """
import logging, os, sys
from pathlib import Path
from rich.console import Console
from lrp2_bench.core.streams import safe_output

with safe_output():
    from lrp2_bench.core.progress import ConsoleHandler, progress
    logging.basicConfig(handlers=[ConsoleHandler()], level="INFO")
    file = open(sys.argv[1], "w")
    for number in range(200):
        Console().print(f"line {number}")
        logging.info("line %d", number)
    with progress("work", 2, "step") as advance:
        advance()
    print("warning of a library", file=sys.stderr)
    os.write(2, b"what C prints\\n")
    file.write("done")
    file.close()
    sys.exit(3)
"""


def test_the_work_is_done_and_the_exit_code_kept_whoever_reads(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_PROGRAM)
    program = f"{sys.executable} {tmp_path / 'program.py'} {tmp_path / 'work'}"
    cases = {
        "2>err | head -n 1 >out; test ${PIPESTATUS[0]} = 3": "line 0\n",
        ">/dev/full 2>/dev/full": None,
        ">&- 2>&- <&-": None,
        "2>&- | true; test ${PIPESTATUS[0]} = 3": None,
    }
    for redirection, out in cases.items():
        done = redirection.endswith("= 3")
        script = f"{program} {redirection}" + ("" if done else "; test $? = 3")
        run = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "."}
        )
        assert (run.returncode, run.stdout, run.stderr) == (0, "", ""), redirection
        assert (tmp_path / "work").read_text() == "done", "and nothing that was printed is in the file"
        if out is not None:
            assert (tmp_path / "out").read_text() == out
            assert not [line for line in (tmp_path / "err").read_text().splitlines() if "rror" in line]
        (tmp_path / "work").unlink()
