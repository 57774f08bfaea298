"""The command line: what it says, and how it ends."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from lrp2_bench import cli
from lrp2_bench.config import compose as config
from lrp2_bench.config.compose import sweeps_dir
from lrp2_bench.core.languages import GROUPS
from tests.support.commands import ToyJob, lrp2_bench
from tests.support.paths import REPOSITORY
from tests.support.run_folders import write_run
from tests.support.synthetic_runs import write_synthetic_run

Build = Callable[..., ToyJob]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# What it says


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]], ids=" ".join)
def test_alone_and_with_help_it_lists_the_commands(arguments: list[str], capsys: Capture) -> None:
    assert lrp2_bench(*arguments) == 0
    said = capsys.readouterr().out
    for command in cli.COMMANDS:
        assert f"\n  {command} " in said
    assert "lrp2-bench search model=mbert" in said and "COMMAND --help" in said


@pytest.mark.parametrize("arguments", ["--version", "search --version", "search language=de --version"])
def test_it_tells_its_version(arguments: str, capsys: Capture) -> None:
    assert lrp2_bench(*arguments.split()) == 0
    assert capsys.readouterr().out == f"lrp2-bench {version('lrp2-bench')}\n"


@pytest.mark.parametrize("arguments", ["help report", "--help report", "report help", "-h report"])
def test_help_is_found_wherever_it_is_looked_for(arguments: str, capsys: Capture) -> None:
    assert lrp2_bench(*arguments.split()) == 0
    assert capsys.readouterr().out.startswith("lrp2-bench report: ")


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_each_command_explains_itself_its_groups_and_its_settings(command: str, capsys: Capture) -> None:
    assert lrp2_bench(command, "--help") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"lrp2-bench {command}: ") and f"  lrp2-bench {command} " in said
    assert any(f"{setting}:" in said for setting in ("select_by", "language", "epochs", "limit", "port", "publish"))
    assert "_schema" not in said, "what holds the thing together is not for users"


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        ("search", ["corpus", "dataset", "model", "projection", "search", "tracking", "+sweep"]),
        ("analyze", ["analysis", "corpus", "dataset", "model", "tracking"]),
        ("vectors", ["corpus", "model"]),
        ("report", ["tracking"]),
        ("bench", ["dataset"]),
    ],
)
def test_a_commands_help_lists_the_groups_it_chooses_from_and_no_others(
    command: str, groups: list[str], capsys: Capture
) -> None:
    assert lrp2_bench(command, "--help") == 0
    listed = capsys.readouterr().out.partition("== Groups (group=option) ==\n")[2].partition("\n\n")[0]
    options = dict(line.split(": ") for line in listed.splitlines())
    assert list(options) == groups
    for group, names in options.items():
        folder = sweeps_dir() if group == "+sweep" else config.conf_dir() / group
        assert names.split(", ") == sorted(path.stem for path in folder.glob("*.yaml"))


def test_the_resolved_configuration_can_be_printed(capsys: Capture) -> None:
    assert lrp2_bench("search", "--cfg", "job", "language=de", "model=bloom_560m", "seed=3") == 0
    config = OmegaConf.create(capsys.readouterr().out)
    assert (config.language, config.model.path, config.seed) == ("de", "bigscience/bloom-560m", 3)
    assert lrp2_bench("vectors", "-c", "job") == 0 and lrp2_bench("report", "--cfg", "job", "outputs/a") == 0
    assert "inputs:\n- outputs/a" in capsys.readouterr().out


def test_nothing_is_left_behind_by_looking(tmp_path: Path) -> None:
    for arguments in (["search", "--help"], ["search", "--cfg", "job"], ["search", "--info", "defaults"], ["serch"]):
        assert lrp2_bench(*arguments) in {0, 2}
    assert list(tmp_path.iterdir()) == []


# Faults and multiruns


def test_a_fault_of_ours_keeps_its_traceback_and_asks_for_a_report(
    toy_job: Build, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from lrp2_bench.commands.search import job as search

    def broken(*arguments: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(search, "compute_hits", broken)
    job = toy_job()
    assert job.search() == 1
    error = capsys.readouterr().err
    assert "Traceback" in error and "RuntimeError: a fault" in error and "please report" in error
    assert json.loads((job.folder() / "status.json").read_text())["message"] == "a fault"


def test_a_language_that_fails_leaves_the_others_finished_and_the_exit_code_says_it(
    toy_job: Build, capsys: Capture
) -> None:
    job = toy_job()
    assert job.search("-m", language="ger,de,zhh") == 1
    states = {
        language: json.loads((job.folder(language) / "status.json").read_text())["state"]
        for language in ("ger", "de", "zhh")
    }
    assert states == {"ger": "failed", "de": "finished", "zhh": "failed"}
    assert (job.folder("de") / "pairs.csv").is_file()
    error = capsys.readouterr().err
    assert [error.count(f"Did you mean '{near}'") for near in ("de", "zh")] == [1, 1], "every failure is told, and once"
    early = error.partition("Job 2")[0]
    assert f"failed; why: {job.folder('ger') / 'search.log'}" in early, "before the others have run"
    assert "Did you mean 'de'" in (job.folder("ger") / "search.log").read_text()


def test_a_group_of_languages_runs_a_job_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "lrp2_bench.commands.search.job.run_search", lambda settings, *rest: asked.append(settings.language)
    )
    monkeypatch.setitem(GROUPS, "celtic", ("cy", "ga"))
    monkeypatch.setattr("lrp2_bench.config.group_members.groups_of", lambda *_: {"celtic": ("cy", "ga")})
    assert lrp2_bench("search", "model=mbert", "-m", "language=celtic,de", "tracking=none") == 0
    assert asked == ["cy", "ga", "de"]


@pytest.fixture
def short_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A sweep like those that are shipped, over two languages."""
    (tmp_path / "sweeps").mkdir()
    shipped = (sweeps_dir() / "paper_bloom.yaml").read_text("utf-8")
    text = re.sub("language: .*", "language: cy,de", shipped)
    assert text != shipped
    (tmp_path / "sweeps" / "short.yaml").write_text(text.replace("name: paper_bloom", "name: short"), "utf-8")
    monkeypatch.setattr(config, "sweeps_dir", lambda: tmp_path / "sweeps")
    config.register()
    yield "short"
    del ConfigStore.instance().repo["sweep"]["short.yaml"]


@pytest.mark.parametrize(
    ("arguments", "languages"),
    [([], ["cy", "de"]), (["language=zh,ko,de"], ["zh", "ko", "de"]), (["language=ja"], ["ja"])],
    ids=["its own", "three", "one"],
)
def test_a_sweep_runs_its_languages_or_those_given_instead(
    arguments: list[str], languages: list[str], short_sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, str]] = []

    def run(settings: object, config: dict[str, Any], *rest: object) -> None:
        asked.append((config["model"]["name"], config["experiment"]["name"], config["language"]))

    monkeypatch.setattr("lrp2_bench.commands.search.job.run_search", run)
    assert lrp2_bench("search", "-m", f"+sweep={short_sweep}", *arguments) == 0
    assert asked == [("bloom_560m", "short", language) for language in languages]


def test_a_home_written_as_a_tilde_is_the_home(toy_job: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    job = toy_job()
    assert job.search("paths.outputs='~/results'", "search=baseline") == 0
    found = {path.name for path in (tmp_path / "home" / "results" / "default" / "bert" / "mlama" / "de").iterdir()}
    assert {"pairs.csv", "search.log"} <= found, "the job's files and its log lie together"
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("command", ["analyze", "report", "vectors"])
def test_a_stopped_command_says_whether_it_goes_on(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def stopped(config: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, command, stopped)
    assert lrp2_bench(command) == 130
    said = capsys.readouterr().err
    assert said.startswith("Stopped") and "The same command" in said


# Where it is called


def test_the_module_and_the_installed_command_are_the_same() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"lrp2-bench": "lrp2_bench.cli:main"}


def test_the_command_line_of_the_process_is_as_it_was_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["lrp2-bench", "search", "--cfg", "job", "language=de"]
    monkeypatch.setattr("sys.argv", given)
    assert cli.main() == 0
    assert sys.argv == given


def test_search_vectors_and_report_work_hand_in_hand(toy_job: Build, tmp_path: Path, capsys: Capture) -> None:
    job = toy_job()
    assert job.search("-m", language="de,zh") == 0
    assert job.search("search=baseline", language="en") == 0
    capsys.readouterr()
    assert lrp2_bench("report", str(job.outputs / "default"), f"output={tmp_path / 'report'}") == 0
    assert (tmp_path / "report" / "data" / "table1_bert_mlama.csv").exists()
    assert (tmp_path / "report" / "tables" / "optimal_layers_bert_mlama.md").exists()
    printed = capsys.readouterr()
    assert f"Report in {tmp_path / 'report'}" in printed.out.replace("\n", "")
    # Libraries that draw have much to say of fonts.
    assert len(list((tmp_path / "report" / "figures").iterdir())) == 14 and "pruned" not in printed.err


@pytest.mark.usefixtures("without_figures")
def test_a_quiet_report_prints_its_folder_alone(tmp_path: Path, capsys: Capture) -> None:
    write_synthetic_run(tmp_path, "de", blocks=3, facts=60)
    assert lrp2_bench("report", str(tmp_path), "--quiet") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (f"{tmp_path / 'report'}\n", "")


@pytest.mark.usefixtures("without_figures")
def test_a_partial_report_has_an_exit_code_of_its_own_and_names_what_it_lacks(tmp_path: Path, capsys: Capture) -> None:
    write_synthetic_run(tmp_path, "de", blocks=3, facts=60)
    failed = write_run(tmp_path, "fr", (20, 30), state="failed", status={"message": "no disk"})
    assert lrp2_bench("report", str(tmp_path), "-q") == 3
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'report'}\n"
    told = f"Partial report; incomplete (1):\n{failed}: failed: no disk\n"
    assert printed.err == f"{told}To leave a run out of reports, delete its folder.\n"
    assert lrp2_bench("report", str(tmp_path)) == 3
    printed = capsys.readouterr()
    assert f"{failed}: failed: no disk" in printed.out and "incomplete (1):\nEach is named above." in printed.err
    assert lrp2_bench("report", str(tmp_path / "nowhere"), "-q") == 1
    assert lrp2_bench("report", "--help") == 0
    assert "Exit codes: 0 all runs found are complete; 3" in capsys.readouterr().out
