"""Downloads: whole or not at all, from the web only, and errors that say what to do."""

from __future__ import annotations

import io
import os
import socket
import time
from pathlib import Path

import pytest

from lrp2_bench.core.errors import BenchError
from lrp2_bench.data.download import _copy, download
from tests.support.loopback import Answer, Loopback, raw_server

WHAT = "the test file"


def fails(url: str, target: Path, **options: object) -> str:
    """The error of a download that must fail and leave nothing behind."""
    with pytest.raises(BenchError) as caught:
        download(url, target, what=WHAT, pause=0.0, **options)
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    return str(caught.value)


def test_a_file_is_fetched_whole_into_a_new_folder(server: Loopback, tmp_path: Path) -> None:
    body = bytes(range(256)) * 10_000
    server.answers["/file.zip"] = Answer(body)
    target = tmp_path / "new" / "folder" / "file.zip"
    assert download(f"{server.address}/file.zip", target, what=WHAT) == target
    assert target.read_bytes() == body
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_is_there_is_not_fetched_again(server: Loopback, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"here")
    assert download(f"{server.address}/file", target, what=WHAT) == target
    assert target.read_bytes() == b"here"
    assert server.requests == []


def test_what_a_killed_download_left_goes_once_another_has_fetched_the_file(server: Loopback, tmp_path: Path) -> None:
    target, left = tmp_path / "file", tmp_path / ".file.dead.tmp"
    target.write_bytes(b"here")
    left.write_bytes(b"he")
    os.utime(left, (0, 0))
    download(f"{server.address}/file", target, what=WHAT)
    assert list(tmp_path.iterdir()) == [target]


def test_a_busy_server_is_asked_again(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = lambda earlier: Answer(status=503) if earlier < 2 else Answer(b"done")
    assert download(f"{server.address}/file", tmp_path / "file", what=WHAT, pause=0.0).read_bytes() == b"done"
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_given_up_after_the_attempts(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = Answer(status=503)
    assert "503" in fails(f"{server.address}/file", tmp_path / "x" / "file", attempts=2)
    assert len(server.requests) == 2


def test_a_missing_file_is_not_asked_for_again_and_the_error_says_what_to_do(server: Loopback, tmp_path: Path) -> None:
    target = tmp_path / "x" / "file"
    text = fails(f"{server.address}/gone", target)
    assert len(server.requests) == 1
    for part in (WHAT, f"{server.address}/gone", "404", str(target), "corpus.path"):
        assert part in text


def test_a_transfer_that_breaks_off_leaves_no_file(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = Answer(b"half", announced=8)
    assert "4 of 8 bytes" in fails(f"{server.address}/file", tmp_path / "x" / "file", attempts=2)
    assert len(server.requests) == 2


def test_a_transfer_that_breaks_off_once_is_mended(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = lambda earlier: Answer(b"half", announced=8) if earlier < 1 else Answer(b"halfhalf")
    assert download(f"{server.address}/file", tmp_path / "file", what=WHAT, pause=0.0).read_bytes() == b"halfhalf"


def test_a_file_over_the_limit_is_refused_by_its_announced_size(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = Answer(b"x" * 100)
    assert "limit of 99" in fails(f"{server.address}/file", tmp_path / "x" / "file", limit=99)


def test_a_file_over_the_limit_without_a_size_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with raw_server(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100) as address:
        assert "limit of 99" in fails(f"{address}/file", tmp_path / "x" / "file", limit=99)


def test_past_the_limit_nothing_more_is_read() -> None:
    source, written = io.BytesIO(b"x" * (4 << 20)), io.BytesIO()
    assert _copy(source, written, None, limit=99, progress=False) > 99
    assert source.tell() < 2 << 20


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "/etc/hostname", "https://"])
def test_only_the_web_is_fetched_from(url: str, tmp_path: Path) -> None:
    assert "http:// or https://" in fails(url, tmp_path / "x" / "file")


@pytest.mark.parametrize("elsewhere", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_a_redirect_does_not_leave_the_web(server: Loopback, tmp_path: Path, elsewhere: str) -> None:
    server.answers["/file"] = Answer(status=302, headers={"Location": elsewhere})
    assert elsewhere in fails(f"{server.address}/file", tmp_path / "x" / "file")


def test_a_redirect_within_the_web_is_followed(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = Answer(status=302, headers={"Location": "/there"})
    server.answers["/there"] = Answer(b"found")
    assert download(f"{server.address}/file", tmp_path / "file", what=WHAT).read_bytes() == b"found"


def test_a_host_that_cannot_be_reached_is_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        started = time.monotonic()
        text = fails(f"http://127.0.0.1:{closed.getsockname()[1]}/file", tmp_path / "x" / "file")
    assert time.monotonic() - started < 5
    assert "cannot be reached" in text


def test_a_silent_server_is_given_up_after_the_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with raw_server(None) as address:
        started = time.monotonic()
        text = fails(f"{address}/file", tmp_path / "x" / "file", timeout=0.2, attempts=2)
    assert time.monotonic() - started < 5
    assert "timed out" in text


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(server: Loopback, tmp_path: Path) -> None:
    server.answers["/file"] = Answer(b"x")
    (tmp_path / "plain").write_text("a file, not a folder")
    with pytest.raises(BenchError, match="cannot be written"):
        download(f"{server.address}/file", tmp_path / "plain" / "file", what=WHAT)
