"""Whether W&B is asked at all: the mode in the config, the environment and W&B's settings; the key; what answers."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.tracking import JobRecord, WandbTracker, connection
from tests.support.fake_wandb import KEY
from tests.support.read_wandb import offline_runs, the_run


def test_online_without_a_key_never_asks(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def ask(*_: object) -> str:
        raise AssertionError("a prompt")

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setenv("WANDB_MODE", "online")
    WandbTracker().log_job(record)
    assert the_run(record.folder).exit_code == 0
    assert "no API key was found" in caplog.text


@pytest.mark.parametrize(("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")])
def test_disabled_in_the_environment_leaves_no_trace(
    record: JobRecord, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    WandbTracker().log_job(record)
    assert not (record.folder / "wandb").exists()
    WandbTracker(mode="offline").log_job(record)
    assert the_run(record.folder).exit_code == 0, "a mode in the config outranks the environment"


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


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tags": "paper"}, r"tracking.tags=paper: give a list of texts, such as \[paper\]"),
        ({"tags": [1]}, r"tracking.tags=\[1\]: give a list"),
        ({"timeout": -1}, "tracking.timeout=-1: give a number of seconds from 0"),
        ({"live": float("nan")}, "tracking.live=nan: give a number of seconds from 0"),
        ({"live": "abc"}, "tracking.live=abc: give a number of seconds from 0"),
    ],
)
def test_what_wandb_would_take_as_another_thing_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BenchError, match=said):
        WandbTracker(**settings)


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
