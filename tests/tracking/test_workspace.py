"""The dashboard as code: what it draws is what runs log, without a network; and publishing it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lrp2_bench.commands.workspace import run_workspace
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import WorkspaceCommand
from lrp2_bench.tracking import JobRecord, WandbTracker
from lrp2_bench.tracking.publish import publish
from lrp2_bench.tracking.workspace import Dashboard, build_workspace, workspace_json
from tests.support.commands import lrp2_bench
from tests.support.fake_wandb import KEY, FakeWandb, serving
from tests.support.read_wandb import the_run
from tests.support.run_folders import every_pair, write_run

REPORT = ("tables/verdict", "figures/heatmaps_accuracy_mbert_mlama", "page")
DASHBOARD = Dashboard("lrp2-bench", None, "LRP2: paper", ("paper",), runs=104, report=REPORT)


@pytest.fixture(autouse=True)
def _installed() -> None:
    pytest.importorskip("wandb_workspaces")


def section_of(dashboard: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = workspace_json(build_workspace(dashboard))["spec"]["section"]
    return found


def panels(dashboard: Dashboard) -> list[tuple[str, dict[str, Any]]]:
    sections = section_of(dashboard)["panelBankConfig"]["sections"]
    return [(section["name"], panel) for section in sections for panel in section["panels"]]


def keys_drawn(dashboard: Dashboard) -> set[str]:
    """Every key of a run that a panel or pinned column draws."""
    keys: set[str] = set()
    for _, panel in panels(dashboard):
        config = panel["config"]
        keys |= set(config.get("metrics", [])) | set(config.get("mediaKeys", []))
        axes = [config.get("xAxis"), config.get("yAxis"), *(column["accessor"] for column in config.get("columns", []))]
        keys |= {axis for axis in axes if axis}
        if "panel2Config" in config:
            keys.add(config["panel2Config"]["exp"]["fromOp"]["inputs"]["key"]["val"])
    columns = section_of(dashboard)["runSets"][0]["runFeed"]["columnPinned"]
    return {key.removeprefix("summary:") for key in keys | set(columns)}


def dotted(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield from (f"{name}.{inner}" for inner in dotted(value)) if isinstance(value, dict) else (name,)


def test_every_key_that_is_drawn_is_one_that_a_tracked_search_has(record: JobRecord) -> None:
    gains = {metric: {"gain": 0.1, "low": -0.2, "high": 0.4} for metric in ("accuracy", "transferability")}
    WandbTracker(mode="offline").log_job(replace(record, measures={"held_out": gains}))
    run = the_run(record.folder)
    has = {key.removesuffix(".path") for row in run.history for key in row} | {"run:displayName"}
    has |= set(dotted(run.summary))
    has |= {f"config:job.value.{word}" for word in run.config["job"]}
    drawn = keys_drawn(replace(DASHBOARD, report=()))
    assert drawn - has == set()
    assert {"pairs", "heatmap/accuracy", "alignment/lrp2", "best.lirp", "gain.transferability"} <= drawn


def test_alignment_is_drawn_over_layers_and_heatmaps_as_they_were_logged() -> None:
    by_section: dict[str, list[dict[str, Any]]] = {}
    for section, panel in panels(DASHBOARD):
        by_section.setdefault(section, []).append(panel)
    assert list(by_section) == [
        "Best pair by language", "Before and after", "Every pair", "Alignment by layer",
        "Report: page", "Report: tables", "Report: figures",
    ]  # fmt: skip
    lines = by_section["Alignment by layer"]
    drawn = {(panel["viewType"], panel["config"]["xAxis"], *panel["config"]["metrics"]) for panel in lines}
    assert drawn == {("Run History Line Plot", "layer", f"alignment/{side}") for side in ("baseline", "lrp2")}
    media = [panel["config"]["mediaKeys"] for panel in by_section["Every pair"] if panel["viewType"] == "Media Browser"]
    assert media == [["heatmap/transferability"], ["heatmap/accuracy"]]
    limits = {panel["config"]["limit"] for panel in lines}
    assert limits == {104}, "W&B would show ten runs of 104"


def test_runs_are_those_of_the_experiments_grouped_by_model_dataset_and_language() -> None:
    (runs,) = section_of(replace(DASHBOARD, groups=("paper", "testbed")))["runSets"]
    assert [key["name"] for key in runs["grouping"]] == ["job.value.model", "job.value.dataset", "job.value.language"]
    filters = json.dumps(runs["filters"])
    assert '["paper", "testbed"]' in filters and '"finished"' in filters


@pytest.mark.parametrize("name", ["it's", "a=b<c", 'say "x"', "中文", "back\\slash", "x" * 200])
def test_an_experiments_name_reaches_the_filter_as_it_is(name: str) -> None:
    (runs,) = section_of(replace(DASHBOARD, groups=(name,), name=name))["runSets"]
    values = [item["value"] for item in _items(runs["filters"]) if item.get("value", "finished") != "finished"]
    assert [name[:128]] in values, "W&B keeps 128 characters of a run's group"


def _items(tree: Any) -> list[dict[str, Any]]:
    if isinstance(tree, list):
        return [item for each in tree for item in _items(each)]
    if isinstance(tree, dict):
        return [tree, *(item for each in tree.values() for item in _items(each))]
    return []


def test_the_same_dashboard_is_the_same_file() -> None:
    assert workspace_json(build_workspace(DASHBOARD)) == workspace_json(build_workspace(DASHBOARD))


def test_the_command_writes_a_file_beside_the_report_and_draws_what_lies_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(12))
    for name in (
        "data/verdict.csv", "tables/verdict.md", "index.html", "figures/alignment.png", "figures/alignment.pdf",
    ):  # fmt: skip
        (tmp_path / "report" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "report" / name).write_text("x")
    assert lrp2_bench("workspace", str(tmp_path)) == 0
    assert "Workspace 'LRP2: paper' of 1 runs" in capsys.readouterr().out
    content = json.loads((tmp_path / "report" / "workspace.json").read_text("utf-8"))
    assert (content["project"], content["entity"], content["name"]) == ("lrp2-bench", None, "LRP2: paper")
    sections = content["spec"]["section"]["panelBankConfig"]["sections"]
    reports = {section["name"]: section["panels"] for section in sections if section["name"].startswith("Report")}
    assert {name: len(panels) for name, panels in reports.items()} == {
        "Report: page": 1, "Report: tables": 1, "Report: figures": 1,
    }  # fmt: skip


def command(folder: Path, **settings: Any) -> Path:
    return run_workspace([folder], None, WorkspaceCommand(**settings), Console(file=io.StringIO()))


def test_the_project_is_the_one_the_searches_were_tracked_in_and_two_are_an_error(tmp_path: Path) -> None:
    for language, project in (("de", "first"), ("fr", "second")):
        config = {"experiment": {"name": "paper"}, "tracking": {"project": project, "entity": "team"}}
        write_run(tmp_path / project, language, (20, 30), every_pair(12), manifest={"config": config})
    content = json.loads(command(tmp_path / "first").read_text("utf-8"))
    assert (content["project"], content["entity"]) == ("first", "team")
    with pytest.raises(BenchError, match=r"project=first entity=team\n  project=second entity=team"):
        command(tmp_path)
    content = json.loads(command(tmp_path, project="second").read_text("utf-8"))
    assert (content["project"], content["entity"]) == ("second", "team")


def test_publishing_sends_the_very_workspace_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(FakeWandb()) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        address = publish(DASHBOARD)
    (view,) = server.views
    assert (view["entityName"], view["projectName"], view["displayName"]) == ("me", "lrp2-bench", "LRP2: paper")
    assert json.loads(view["spec"]) == workspace_json(build_workspace(DASHBOARD))["spec"]
    assert address.startswith(f"{server.url}/me/lrp2-bench?nw=")


def test_a_server_that_refuses_is_an_error_and_the_file_is_written(tmp_path: Path, refusing_server: FakeWandb) -> None:
    write_run(tmp_path, "de", (20, 30), every_pair(12))
    told = f"{refusing_server.url} did not take the workspace.*\n.*wandb login --relogin"
    with pytest.raises(BenchError, match=told):
        command(tmp_path, publish=True)
    assert (tmp_path / "report" / "workspace.json").is_file()


def test_without_a_key_publishing_says_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError, match="no API key was found.\nLog in with `wandb login`"):
        publish(DASHBOARD)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(BenchError, match="offline by WANDB_MODE"):
        publish(DASHBOARD)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    with pytest.raises(BenchError, match="pip install wandb wandb-workspaces"):
        build_workspace(DASHBOARD)
