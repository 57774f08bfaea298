"""The W&B mirror, offline and against servers on the loopback: what it holds, and that it can do no harm."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.errors import UnknownNameError
from lrp2_bench.tracking import JobRecord, NoTracker, WandbTracker, connection, wandb_job, wandb_run
from lrp2_bench.tracking.whole import ends_with_a_record, is_whole
from tests.support.fake_wandb import KEY, FakeWandb, serving
from tests.support.paths import REPOSITORY
from tests.support.read_wandb import OfflineRun, offline_runs
from tests.tracking.conftest import BLOCKS


def the_run(record: JobRecord) -> OfflineRun:
    (run,) = offline_runs(record.folder)
    return run


def test_every_number_in_wandb_equals_the_one_on_disk(record: JobRecord) -> None:
    WandbTracker(mode="offline", tags=["nightly"]).log_job(record)
    run = the_run(record)

    table = run.media("pairs")
    lines = (record.folder / "pairs.csv").read_text().splitlines()
    assert table["columns"] == lines[0].split(",")
    assert table["data"] == [[float(cell) if cell else None for cell in line.split(",")] for line in lines[1:]]
    assert len(table["data"]) == 1 + BLOCKS * (BLOCKS - 1) // 2

    lines = (record.folder / "alignment.csv").read_text().splitlines()[1:]
    columns = list(zip(*(map(float, line.split(",")) for line in lines), strict=True))
    for key, column in zip(("layer", "alignment/baseline", "alignment/lrp2"), columns, strict=False):
        assert run.logged(key) == list(column)
    assert run.metrics["alignment/*"]["step"] == "layer"

    best, baseline = record.best, record.baseline
    assert best is not None
    assert {key: value for key, value in run.summary.items() if key in ("baseline", "best", "gain")} == {
        "baseline": {"accuracy": baseline.accuracy, "transferability": baseline.transferability},
        "best": {
            "lirp": best.lirp,
            "lsrp": best.lsrp,
            "accuracy": best.accuracy,
            "transferability": best.transferability,
        },
        "gain": {
            "accuracy": pytest.approx(best.accuracy - baseline.accuracy, abs=1e-9),
            "transferability": pytest.approx(best.transferability - baseline.transferability, abs=1e-9),
        },
    }
    assert (run.summary["facts"], run.summary["shared"], run.summary["seconds"]) == (1000, 800, 12.5)
    assert "alignment/baseline" not in run.summary, "the last layer's alignment is no summary of a job"
    assert run.exit_code == 0


@pytest.mark.parametrize("metric", ["accuracy", "transferability"])
def test_heatmaps_hold_each_pair_in_its_cell_and_mark_the_best(record: JobRecord, metric: str) -> None:
    WandbTracker(mode="offline").log_job(record)
    heatmap, mark = the_run(record).media(f"heatmap/{metric}")["data"]
    assert heatmap["x"] == heatmap["y"] == [1, 2, 3, 4, 5]
    cells = {(i, j): heatmap["z"][i - 1][j - 1] for i in heatmap["y"] for j in heatmap["x"]}
    wanted = {(row.lirp, row.lsrp): getattr(row, metric) for row in record.pairs[1:]}
    assert {cell: value for cell, value in cells.items() if value is not None} == wanted
    assert record.best is not None
    assert (mark["x"], mark["y"]) == ([record.best.lsrp], [record.best.lirp])


def test_runs_are_named_grouped_and_configured_for_the_dashboard(record: JobRecord) -> None:
    WandbTracker(project="mine", entity="team", mode="offline", tags=["nightly", "t" * 99]).log_job(record)
    run = the_run(record)
    assert {key: value for key, value in run.run.items() if key != "run_id"} == {
        "project": "mine",
        "entity": "team",
        "run_group": "paper",
        "job_type": "mbert/mlama",
        "display_name": "mbert-mlama-de",
    }
    assert run.tags == ["nightly", "t" * 64]
    assert run.config["model"] == {"path": "models/mbert"} and run.config["probing"] == {"pool_size": None}
    assert run.config["job"]["language"] == "de" and run.config["job"]["select_by"] == "transferability"


def test_further_measures_are_nested_in_the_summary(record: JobRecord) -> None:
    measures = {"exposure": {"seen": {"facts": 3, "baseline": 66.7, "best": 100.0}}, "transfer": {"baseline": 12.5}}
    WandbTracker(mode="offline").log_job(replace(record, measures=measures))
    summary = the_run(record).summary
    assert {key: summary[key] for key in measures} == measures
    assert summary["facts"] == 1000


def test_two_attempts_are_two_runs_of_one_group(record: JobRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "always-the-same")
    WandbTracker(mode="offline").log_job(record)
    WandbTracker(mode="offline").log_job(record)
    first, second = offline_runs(record.folder)
    assert first.run["run_id"] != second.run["run_id"]
    assert first.run["run_group"] == second.run["run_group"] == "paper"
    assert first.media("pairs") == second.media("pairs")


def test_a_baseline_alone_has_no_best_and_no_heatmap(record: JobRecord) -> None:
    alignment = [replace(row, lrp2=None) for row in record.alignment]
    WandbTracker(mode="offline").log_job(replace(record, pairs=record.pairs[:1], best=None, alignment=alignment))
    run = the_run(record)
    assert run.exit_code == 0 and len(run.media("pairs")["data"]) == 1
    assert "best" not in run.summary and "gain" not in run.summary
    assert not [key for row in run.history for key in row if "heatmap" in key or "lrp2" in key]


def test_the_console_stays_quiet_and_the_log_tells_how_to_sync(
    record: JobRecord, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    WandbTracker().log_job(record)
    said = capfd.readouterr()
    assert "wandb:" not in said.out + said.err
    assert f"wandb sync {the_run(record).folder}" in caplog.text
    assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]


def test_with_a_key_and_no_network_a_run_is_kept_offline_within_seconds(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    start = time.monotonic()
    WandbTracker().log_job(record)
    assert time.monotonic() - start < 8
    assert the_run(record).exit_code == 0
    assert f"http://127.0.0.1:{port} does not answer" in caplog.text


def test_online_without_a_key_never_asks(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def ask(*_: object) -> str:
        raise AssertionError("a prompt")

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setenv("WANDB_MODE", "online")
    WandbTracker().log_job(record)
    assert the_run(record).exit_code == 0
    assert "no API key was found" in caplog.text


def test_a_server_that_answers_gets_every_number_and_the_key_stays_off_the_disk(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with serving(FakeWandb()) as server:
        (tmp_path / "netrc").write_text(f"machine {server.url.removeprefix('http://')} login user password {KEY}\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        WandbTracker(timeout=60).log_job(record)
    assert f"W&B took mbert-mlama-de: {server.url}/me/lrp2-bench/runs/{the_run(record).run['run_id']}" in caplog.text
    history = server.lines("wandb-history.jsonl")
    assert [row["alignment/lrp2"] for row in history if "layer" in row] == [row.lrp2 for row in record.alignment]
    assert record.best is not None
    assert server.lines("wandb-summary.json")[-1]["best"]["accuracy"] == record.best.accuracy
    (table,) = [json.loads(body) for path, body in server.sent if path.endswith(".table.json")]
    assert table == the_run(record).media("pairs")
    for path in record.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), f"the API key is in {path}"


def test_a_server_that_refuses_is_a_warning_and_the_run_stays_on_disk(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(FakeWandb(status=401)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        WandbTracker(timeout=60).log_job(record)
    assert f"Sync it later: wandb sync {the_run(record).folder}" in caplog.text
    assert "W&B took" not in caplog.text
    assert the_run(record).exit_code == 0


def test_a_server_that_stops_answering_costs_no_more_than_the_timeout(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # connections open, then nothing
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        start = time.monotonic()
        WandbTracker(timeout=1.5).log_job(record)
        assert time.monotonic() - start < 9
    assert "took longer than 1.5 seconds" in caplog.text
    assert the_run(record).exit_code == 0


@pytest.mark.parametrize(("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")])
def test_disabled_in_the_environment_leaves_no_trace(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    WandbTracker().log_job(record)
    assert not (record.folder / "wandb").exists()
    WandbTracker(mode="offline").log_job(record)
    assert the_run(record).exit_code == 0, "a mode in the config outranks the environment"


@pytest.mark.parametrize("stored", ["offline", "disabled"])
def test_what_wandb_was_told_by_its_own_command_is_honoured(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stored: str
) -> None:
    Path(os.environ["WANDB_CONFIG_DIR"], "settings").write_text(f"[default]\nmode = {stored}\n")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    WandbTracker().log_job(record)
    assert "W&B's own settings say so" in caplog.text
    assert len(offline_runs(record.folder)) == (1 if stored == "offline" else 0)


def test_a_mode_that_does_not_exist_is_refused_at_once_in_the_config_and_a_warning_in_the_environment(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'offline'"):
        WandbTracker(mode="ofline")
    monkeypatch.setenv("WANDB_MODE", "onlin")
    WandbTracker().log_job(record)
    assert "Did you mean 'online'" in caplog.text


def test_a_failure_inside_is_a_warning_and_the_run_ends_as_failed(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("of all things")

    with monkeypatch.context() as patch:
        patch.setattr(wandb_job, "_summary", fail)
        WandbTracker(mode="offline").log_job(record)
    assert "RuntimeError: of all things" in caplog.text
    assert the_run(record).exit_code == 1
    WandbTracker(mode="offline").log_job(record)
    assert sorted(run.exit_code or 0 for run in offline_runs(record.folder)) == [0, 1], "the next job is not harmed"


def test_a_ctrl_c_inside_is_not_swallowed_and_finishes_the_run(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wandb_job, "_summary", interrupt)
    with pytest.raises(KeyboardInterrupt):
        WandbTracker(mode="offline").log_job(record)
    assert the_run(record).exit_code == 1


@pytest.mark.parametrize("fault", ["CommError", "UsageError"])
def test_wandbs_own_errors_are_warnings(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    import wandb

    def fail(**_: object) -> None:
        raise getattr(wandb.errors, fault)("no")

    monkeypatch.setattr(wandb, "init", fail)
    WandbTracker(mode="offline").log_job(record)
    assert f"{fault}: no" in caplog.text


def test_a_folder_that_cannot_be_written_is_a_warning(record: JobRecord, caplog: pytest.LogCaptureFixture) -> None:
    (record.folder / "wandb").write_text("in the way")
    WandbTracker(mode="offline").log_job(record)
    assert "W&B did not take mbert-mlama-de (FileExistsError" in caplog.text


def test_a_run_cut_at_any_byte_is_not_taken_for_whole(record: JobRecord) -> None:
    WandbTracker(mode="offline").log_job(record)
    folder = the_run(record).folder
    (path,) = folder.glob("*.wandb")
    data = path.read_bytes()
    assert is_whole(folder)
    whole = [cut for cut in range(len(data)) if ends_with_a_record(data[:cut])]
    assert len(whole) < 100 < len(data) / 50, "only between two records"
    assert ends_with_a_record(b"another make of file")
    path.write_bytes(data[:-1])
    assert not is_whole(folder)
    path.unlink()
    assert not is_whole(folder)


def test_a_run_cut_short_is_told_and_left_to_the_same_command(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = wandb_run._write

    def cut(wandb: Any, content: wandb_run.Content, target: wandb_run.Target) -> Path:
        run = write(wandb, content, target)
        (path,) = run.glob("*.wandb")
        path.write_bytes(path.read_bytes()[:-1])
        return run

    tracker = WandbTracker(mode="offline")
    with monkeypatch.context() as patch:
        patch.setattr(wandb_run, "_write", cut)
        assert not tracker.log_job(record)
    assert "was cut short in" in caplog.text and "wandb sync" not in caplog.text
    assert tracker.log_job(record) and "wandb sync" in caplog.text


@pytest.mark.parametrize(("module", "runs"), [("wandb", 0), ("plotly", 1)])
def test_a_missing_package_is_one_line_that_names_the_extra(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: str, runs: int
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    WandbTracker(mode="offline").log_job(record)
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert len(warnings) == 1 and "lrp2-bench[wandb]" in warnings[0]
    monkeypatch.undo()
    assert len(offline_runs(record.folder)) == runs


def test_a_run_of_the_callers_own_lives_on(record: JobRecord, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import wandb

    own = wandb.init(dir=tmp_path, mode="offline", settings=wandb.Settings(silent=True))
    WandbTracker(mode="offline").log_job(record)
    assert "another W&B run is open" in caplog.text
    own.log({"mine": 1})
    own.finish()
    wandb.teardown()
    assert the_run(record).exit_code == 0
    (run,) = offline_runs(tmp_path)
    assert run.logged("mine") == [1]


def test_an_offline_job_ends_at_once_where_a_firewall_swallows_packets(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from lrp2_bench.tracking import *; from lrp2_bench.records import PairRow\n"
        f"row = PairRow(None, None, 1, 1, 2, 2); folder = Path({str(tmp_path)!r})\n"
        "job = JobRecord('e', 'm', 'd', 'de', 'en', folder, {}, [row], None, row, [], 'accuracy', 1)\n"
        "WandbTracker(mode='offline').log_job(job)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = {**os.environ, "WANDB_BASE_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}
        environment.pop("WANDB_ERROR_REPORTING", None)
        start = time.monotonic()
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, check=True, timeout=60)
        assert time.monotonic() - start < 9, "W&B's reports about itself hold up the exit"
    (run,) = offline_runs(tmp_path)
    assert run.exit_code == 0


def test_neither_tracker_imports_wandb_before_it_is_needed() -> None:
    code = (
        "import sys; from lrp2_bench.tracking import NoTracker, WandbTracker\n"
        "NoTracker().log_job(None); WandbTracker()\n"
        "loaded = {'wandb', 'plotly', 'torch', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'imported: {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_tracker_writes_nothing(record: JobRecord) -> None:
    before = sorted(record.folder.rglob("*"))
    NoTracker().log_job(record)
    assert sorted(record.folder.rglob("*")) == before


class Settings:
    """What W&B's settings files would say."""

    mode: str = "online"
    base_url: str = "https://api.wandb.ai"
    api_key: str | None = None
    http_proxy: str | None = None
    https_proxy: str | None = None


def test_a_netrc_default_entry_is_not_sent_to_wandb_but_its_other_host_name_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(path))
    monkeypatch.setattr(connection, "_answers", lambda *_: True)
    path.write_text("default login me password of-another-service\n")
    assert connection.choose("auto", Settings()).mode == "offline"
    path.write_text(f"machine api.forge.coreweave.com login user password {KEY}\n")
    chosen = connection.choose("auto", Settings())
    assert (chosen.mode, chosen.api_key) == ("online", KEY)
    assert KEY not in repr(chosen)


def test_a_netrc_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machina nonsense")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    chosen = connection.choose("auto", Settings())
    assert chosen.mode == "offline" and chosen.wanted and "netrc" in chosen.reason


def test_behind_a_proxy_the_proxy_is_what_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert connection.choose("auto", Settings()).mode == "online"
    assert connection.choose("auto", Settings()).mode == "offline", "the proxy is gone"


def test_a_name_that_takes_for_ever_to_look_up_costs_the_probe_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    def look_up(*_: object, **__: object) -> None:
        given_up.wait(30)
        raise OSError("no such name")

    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr(connection, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(socket, "create_connection", look_up)
    start = time.monotonic()
    assert connection.choose("auto", Settings()).mode == "offline"
    assert time.monotonic() - start < 2
    given_up.set()
