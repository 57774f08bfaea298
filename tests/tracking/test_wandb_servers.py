"""W&B's server on the loopback: it takes every number, or it is gone, silent or refuses, and the run stays on disk."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrp2_bench.tracking import JobRecord, WandbTracker
from tests.support.fake_wandb import KEY, FakeWandb, serving
from tests.support.paths import REPOSITORY
from tests.support.read_wandb import the_run

#: Seconds. A run takes less on a machine with much else to do, too; left to itself, W&B tries for minutes to reach a
#: server that refuses connections or is silent.
HANGS = 60


def test_the_console_stays_quiet_and_the_log_tells_how_to_sync(
    record: JobRecord, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    WandbTracker().log_job(record)
    said = capfd.readouterr()
    assert "wandb:" not in said.out + said.err
    assert f"wandb sync {the_run(record.folder).folder}" in caplog.text
    assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]


def test_with_a_key_and_no_network_a_run_is_kept_offline_within_seconds(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    start = time.monotonic()
    WandbTracker(timeout=5 * HANGS).log_job(record)
    assert time.monotonic() - start < HANGS
    assert the_run(record.folder).exit_code == 0
    assert f"http://127.0.0.1:{port} does not answer" in caplog.text


def test_a_server_that_answers_gets_every_number_and_the_key_stays_off_the_disk(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with serving(FakeWandb()) as server:
        (tmp_path / "netrc").write_text(f"machine {server.url.removeprefix('http://')} login user password {KEY}\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        WandbTracker(timeout=60).log_job(record)
    run = the_run(record.folder)
    assert f"W&B took de-lrp2-mbert-mlama-paper: {server.url}/me/lrp2-bench/runs/{run.run['run_id']}" in caplog.text
    history = server.lines("wandb-history.jsonl")
    assert [row["alignment/lrp2"] for row in history if "layer" in row] == [row.lrp2 for row in record.alignment]
    assert record.best is not None
    assert server.lines("wandb-summary.json")[-1]["best"]["accuracy"] == record.best.accuracy
    (table,) = [json.loads(body) for path, body in server.sent if path.endswith(".table.json")]
    assert table == run.media("pairs")
    for path in record.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), f"the API key is in {path}"


def test_a_server_that_refuses_is_a_warning_and_the_run_stays_on_disk(
    record: JobRecord, refusing_server: FakeWandb, caplog: pytest.LogCaptureFixture
) -> None:
    WandbTracker(timeout=60).log_job(record)
    assert f"Sync it later: wandb sync {the_run(record.folder).folder}" in caplog.text
    assert "W&B took" not in caplog.text
    assert the_run(record.folder).exit_code == 0


def test_a_server_that_stops_answering_costs_no_more_than_the_timeout(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # connections open, then nothing
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        start = time.monotonic()
        WandbTracker(timeout=1.5).log_job(record)
        assert time.monotonic() - start < HANGS
    assert "took longer than 1.5 seconds" in caplog.text
    assert the_run(record.folder).exit_code == 0


def test_an_offline_job_ends_at_once_where_a_firewall_swallows_packets(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from lrp2_bench.tracking import *; from lrp2_bench.results.tables import PairRow\n"
        f"row = PairRow(None, None, 1, 1, 2, 2); folder = Path({str(tmp_path)!r})\n"
        "job = JobRecord(experiment='e', model='m', dataset='d', language='de', pivot='en', folder=folder, config={}, "
        "pairs=[row], best=None, baseline=row, alignment=[], select_by='accuracy', seconds=1)\n"
        "WandbTracker(mode='offline').log_job(job)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = {**os.environ, "WANDB_BASE_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}
        environment.pop("WANDB_ERROR_REPORTING", None)
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, check=True)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()  # a report of W&B about itself, which would wait ten seconds for an answer at the exit
    run = the_run(tmp_path)
    assert run.exit_code == 0
