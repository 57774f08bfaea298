"""``lrp2-bench dashboard`` shows a copy of every study below a folder."""

from __future__ import annotations

import json
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from lrp2_bench.metrics.registry import metric
from lrp2_bench.results.tables import PairRow
from lrp2_bench.search.study import write_study
from tests.support.commands import lrp2_bench, snapshot
from tests.support.run_folders import write_run

PAIRS = [PairRow(None, None, 10, 10, 100, 80), PairRow(1, 2, 11, 12, 100, 80), PairRow(1, 3, 13, 9, 100, 80)]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    for language in ("de", "zh"):
        folder = write_run(tmp_path / "outputs", language, (10, 10), {(1, 2): (11, 12)})
        write_study(folder / "study.journal", f"mbert/mlama/{language}", PAIRS, 3, metric("transferability"))
    return tmp_path / "outputs"


def test_every_study_is_merged_under_its_folders_name_and_nothing_is_touched(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = outputs / "paper" / "mbert" / "mlama" / "zh" / "study.journal"
    torn.write_bytes(torn.read_bytes() + b'{"half')
    before = snapshot(outputs)
    assert lrp2_bench("dashboard", str(outputs), "open=false") == 0
    after = snapshot(outputs)
    assert set(after) - set(before) == {"report/studies.journal"}
    assert {name: after[name] for name in before} == before
    said = capsys.readouterr().out
    assert "2 studies, a copy" in said and "lrp2-bench report" in said
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(outputs / "report" / "studies.journal")))
    assert optuna.get_all_study_names(storage) == ["paper/mbert/mlama/de", "paper/mbert/mlama/zh"]
    study = optuna.load_study(study_name="paper/mbert/mlama/zh", storage=storage)
    assert [trial.value for trial in study.trials] == [12.0, 9.0] and study.user_attrs["baseline_accuracy"] == 10.0


def test_a_study_that_cannot_be_read_is_named_and_the_others_shown(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = outputs / "paper" / "mbert" / "mlama" / "de" / "study.journal"
    broken.write_bytes(b"not a journal\n" + broken.read_bytes())
    assert lrp2_bench("dashboard", str(outputs), "open=false") == 0
    said = capsys.readouterr().out
    assert f"Left out: {broken}" in said and "1 studies, a copy" in said


def test_a_folder_without_studies_and_one_that_is_not_there_are_told(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in outputs.rglob("study.journal"):
        path.unlink()
    assert lrp2_bench("dashboard", str(outputs), "open=false") == 1
    assert "There is no study below" in capsys.readouterr().err
    assert lrp2_bench("dashboard", str(outputs / "papr"), "open=false") == 1
    assert "Did you mean 'paper'?" in capsys.readouterr().err


def test_without_the_package_it_says_what_to_install(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)  # importing it raises
    assert lrp2_bench("dashboard", str(outputs)) == 1
    assert "pip install optuna-dashboard" in capsys.readouterr().err
    assert lrp2_bench("dashboard", str(outputs), "open=false") == 0


def test_a_port_that_is_taken_is_told(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna_dashboard")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert lrp2_bench("dashboard", str(outputs), f"port={port}") == 1
    assert f"Give another port=, such as port={port + 1}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("port=99999", "port=99999: give a number from 1024 to 65535"),
        ("host=no.such.host.invalid", "This machine has no such address. Give host=127.0.0.1"),
        ("host=192.0.2.1", "This machine has no such address. Give host=127.0.0.1"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_told(
    given: str, told: str, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna_dashboard")
    assert lrp2_bench("dashboard", str(outputs), given) == 1
    error = capsys.readouterr().err
    assert told in error and "Traceback" not in error


@pytest.fixture
def served(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the dashboard that the command would serve, served in a thread."""
    dashboard = pytest.importorskip("optuna_dashboard")
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    servers = []

    def serve(storage: object, host: str, port: int) -> None:
        servers.append(make_server(host, 0, dashboard.wsgi(storage), handler_class=Silent))

    monkeypatch.setattr(dashboard, "run_server", serve)
    assert lrp2_bench("dashboard", str(outputs)) == 0
    (server,) = servers
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_dashboard_shows_the_merged_studies(served: str) -> None:
    with urllib.request.urlopen(f"{served}/api/studies", timeout=30) as answer:
        names = {study["study_name"] for study in json.load(answer)["study_summaries"]}
    assert names == {"paper/mbert/mlama/de", "paper/mbert/mlama/zh"}
