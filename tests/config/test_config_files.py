"""Configuration files of one's own: what they lack is told with the file's name, before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lrp2_bench.config.files import check_own_files
from lrp2_bench.core.errors import BenchError
from tests.support.commands import lrp2_bench
from tests.support.paths import REPOSITORY

GLOBAL = "# @package _global_\n"
SWEEP = "hydra: {sweeper: {params: {language: de}}}\n"


@pytest.mark.no_torch
@pytest.mark.parametrize(
    ("group", "text", "said"),
    [
        ("sweep", SWEEP, "lacks the line '# @package _global_' at its top, so that its settings (hydra)"),
        ("sweep", f"# a word\n{SWEEP}# @package _global_\n", "lacks the line '# @package _global_'"),
        ("sweep", f"{GLOBAL}a: [\n", "Cannot read"),
        ("sweep", GLOBAL, "holds no settings"),
        ("sweep", "", "holds no settings"),
        ("sweep", "- a\n", "holds no settings"),
        ("sweep", f"{GLOBAL}defaults: [/model: hf]\n{SWEEP}", "Write 'override /model: hf'"),
        ("sweep", f"{GLOBAL}defaults: [override model: hf]\n{SWEEP}", "Write 'override /model: hf'"),
        ("sweep", f"{GLOBAL}defaults: [override /model: mbrt]\n{SWEEP}", "'mbrt'. Did you mean 'mbert'?"),
        ("model", f"{GLOBAL}path: x\nname: m\n", "so that name, path would not be of the model. Delete that line"),
        ("model", "model:\n  path: x\n", "would become model.model. Leave that line out"),
        ("model", "defaults: [mbrt]\npath: x\n", "'mbrt'. Did you mean 'mbert'?"),
        ("dataset", "name: d\npath: x\n", "names no _target_ of dataset"),
        ("projection", "projection: {kind: random}\n", "would become projection.projection"),
    ],
)
def test_what_a_file_lacks_is_told_with_its_name_and_the_remedy(
    group: str, text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / group / "mine.yaml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(BenchError, match=re.escape(str(path))) as caught:
        check_own_files(["-m", "--config-dir", str(tmp_path), f"+{group}=mine", "language=de"])
    assert said in str(caught.value)


@pytest.mark.no_torch
@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("sweep", f"# Mine.\n\n# @package _global_\ndefaults: [override /model: own, _self_]\n{SWEEP}"),
        ("sweep", f"{GLOBAL}defaults: [override /hydra/launcher: local]\n{SWEEP}"),
        ("model", "defaults: [hf, _self_]\npath: x\n"),
        ("model", f"{GLOBAL}model:\n  path: x\n"),
        ("dataset", "defaults: [cldr]\nlimit: 2\n"),
        ("corpus", "_target_: lrp2_bench.data.text.TextCorpus\npath: x\n"),
    ],
)
def test_files_that_are_as_they_should_be_are_taken(group: str, text: str, tmp_path: Path) -> None:
    for name, content in ((f"{group}/mine", text), ("model/own", "path: x\n")):
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    check_own_files(["-m", f"--config-dir={tmp_path}", f"+{group}=mine"])
    check_own_files([f"{group}=mine"])  # no folder, no files


def test_the_examples_of_the_docs_are_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sweep and the model of docs/sweeps.md, run as it says; a sweep without its first line is told of."""
    monkeypatch.chdir(tmp_path)
    sweep, model = re.findall("```yaml\n(.*?)```", (REPOSITORY / "docs" / "sweeps.md").read_text("utf-8"), re.DOTALL)
    for name, text in (("sweep/mine", sweep), ("model/mine", model), ("sweep/bare", SWEEP)):
        path = tmp_path / "own" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    asked: list[tuple[str, str, str]] = []

    def run(settings: object, config: dict[str, dict[str, str]], *rest: object) -> None:
        asked.append((config["experiment"]["name"], config["model"]["name"], str(config["language"])))

    monkeypatch.setattr("lrp2_bench.commands.search.job.run_search", run)
    own = ["search", "-m", "--config-dir", "own"]
    assert lrp2_bench(*own, "+sweep=mine", "language=de,fr") == 0
    assert asked == [("mine", model, code) for model in ("tiny_mbert", "tiny_bloom") for code in ("de", "fr")]
    assert lrp2_bench(*own, "model=mine", "language=de") == 0
    assert asked[-1] == ("default", "mine", "de")
    capsys.readouterr()
    assert lrp2_bench(*own, "+sweep=bare") == 1
    said = capsys.readouterr().err
    assert "own/sweep/bare.yaml' lacks the line '# @package _global_'" in said and "Did you mean" not in said
