"""The example of docs/extending.md as an installed package: chosen, searched with, listed, and told of when broken."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest

from lrp2_bench.core import registry as registry_module
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.registry import Registry
from lrp2_bench.data.registry import DATASETS
from lrp2_bench.interventions.registry import INTERVENTIONS
from lrp2_bench.metrics.base import Metric
from lrp2_bench.metrics.registry import METRICS
from lrp2_bench.results.tables import read_pairs
from lrp2_bench.search.storage import read_journal
from tests.contract.test_datasets import found_out
from tests.support.commands import manifest_of
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "extending.md").read_text("utf-8")
Capture = pytest.CaptureFixture[str]


def _block(language: str) -> str:
    """The first of the page, the worked example's."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[0])


def install(folder: Path, name: str, entry_points: Mapping[str, Mapping[str, str]]) -> None:
    """What pip would leave of a package beside its modules."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    lines = [
        line
        for group, points in entry_points.items()
        for line in [f"[{group}]", *(f"{k} = {v}" for k, v in points.items())]
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the page's package is installed in, and one beside it that is broken."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "lrp2_extras.py").write_text(_block("python"), "utf-8")
    project: dict[str, Any] = tomllib.loads(_block("toml"))["project"]
    install(folder, project["name"], project["entry-points"])
    install(folder, "lrp2-broken", {"lrp2_bench.datasets": {"ruin": "lrp2_ruin:Ruin"}})
    return folder


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process."""
    monkeypatch.syspath_prepend(str(package))
    _forget(monkeypatch)


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    registry_module._entry_points.cache_clear()
    for registry in (DATASETS, INTERVENTIONS, METRICS):
        monkeypatch.setattr(registry, "_loaded", {})
        monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Any:
    yield
    monkeypatch.undo()
    registry_module._entry_points.cache_clear()


_DRIVER = """
import json, sys
from hydra.core.global_hydra import GlobalHydra
from lrp2_bench.cli import main
for arguments in json.loads(sys.argv[1]):
    GlobalHydra.instance().clear()
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    print("EXIT", code or 0, flush=True)
"""


def _run(package: Path, *commands: list[str]) -> tuple[list[tuple[int, str]], str]:
    """Exit codes and standard output of commands in one other process that has the package, and all its errors."""
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER, json.dumps(commands)],
        capture_output=True, text=True, timeout=250, check=False, env={**os.environ, "PYTHONPATH": str(package)},
    )  # fmt: skip
    *said, rest = re.split(r"EXIT (\d+)\n", done.stdout)
    assert not rest, done.stderr
    return [(int(code), text) for text, code in zip(said[::2], said[1::2], strict=True)], done.stderr


def test_the_pages_search_uses_all_three_its_manifest_repeats_it_and_the_help_lists_them(
    package: Path, tmp_path: Path, model_folder: Callable[[str], Path], toy_corpus: Path
) -> None:
    command, search, *arguments = shlex.split(_block("sh"))
    assert (command, search) == ("lrp2-bench", "search")
    small = [
        "model=hf", f"model.path={model_folder('bert')}", "corpus=text", f"corpus.path={toy_corpus}", "tracking=none",
        "corpus.sentences=2", f"paths.cache={tmp_path / 'cache'}",
    ]  # fmt: skip
    folder = tmp_path / "a" / "default" / "half" / model_folder("bert").name / "towns" / "de"
    manifest = str(folder / "manifest.json")
    answers, errors = _run(
        package,
        [search, *arguments, *small, f"paths.outputs={tmp_path / 'a'}"],
        [search, "--from-manifest", manifest, f"paths.outputs={tmp_path / 'b'}"],
        [search, *small, "language=de", "dataset=ruin", f"paths.outputs={tmp_path / 'c'}"],
        [search, "--help"],
    )
    assert [code for code, _ in answers] == [0, 0, 1, 0], errors

    rows = read_pairs(folder / "pairs.csv")
    assert rows[0].metrics == ("accuracy", "transferability", "accuracy_macro", "misses") and len(rows) == 7
    for row in rows:
        assert row.value("misses") == row.facts * (1 - row.accuracy / 100) and row.facts == 4
    found = manifest_of(folder)
    fewest = min(rows[1:], key=lambda row: row.value("misses"))
    assert found["best"] == {"lirp": fewest.lirp, "lsrp": fewest.lsrp} and found["select_by"] == "misses"
    assert found["identity"]["projection"] == "half" and found["dataset"]["name"] == "towns"
    study = optuna.load_study(study_name=None, storage=read_journal(folder / "study.journal"))
    assert study.direction.name == "MINIMIZE" and study.user_attrs["baseline_misses"] == rows[0].value("misses")
    assert study.trials[0].user_attrs["accuracy_macro"] == rows[1].value("accuracy_macro")

    assert next((tmp_path / "b").rglob("pairs.csv")).read_bytes() == (folder / "pairs.csv").read_bytes()
    assert "The dataset 'ruin' of the package 'lrp2-broken' cannot be loaded from 'lrp2_ruin:Ruin'" in errors
    help_text = answers[-1][1]
    assert ", ruin, " in help_text and ", towns, " in help_text and ", half, " in help_text
    assert "accuracy, transferability, accuracy_macro, " in help_text and ", misses" in help_text


@pytest.mark.usefixtures("installed")
def test_the_pages_classes_are_those_behind_their_names(tmp_path: Path) -> None:
    assert INTERVENTIONS.get("half").__name__ == "Half" and INTERVENTIONS.names()[-1] == "half"
    assert METRICS.get("misses")().best([2.0, 1.0]) == 1
    assert found_out(DATASETS.get("towns"), tmp_path).relations == ("country", "capital")


@pytest.mark.parametrize(
    ("group", "points", "names", "message"),
    [
        ("metrics", {"accuracy": "lrp2_extras:Misses"}, METRICS, "more than once, by lrp2-bench, lrp2-other"),
        ("metrics", {"misses": "lrp2_extras:Half"}, METRICS, "more than once, by lrp2-extras, lrp2-other"),
        ("metrics", {"wrong": "lrp2_extras:Half"}, METRICS, "'wrong' .* is not a subclass of .*Metric"),
        ("metrics", {"wrong": "lrp2_extras:Misses"}, METRICS, "'wrong' .* calls itself 'misses'"),
        ("metrics", {"wrong": "lrp2_extras:Nothing"}, METRICS, "cannot be loaded from .* AttributeError"),
        ("metrics", {"wrong": "json:loads"}, METRICS, "is not a subclass"),
        ("interventions", {"bare": "lrp2_bench.interventions.base:Intervention"}, INTERVENTIONS, "lacks edit"),
    ],
)
def test_what_a_package_got_wrong_is_told_with_its_name_when_it_is_used(
    group: str,
    points: dict[str, str],
    names: Registry[Any],
    message: str,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(tmp_path, "lrp2-other", {f"lrp2_bench.{group}": points})
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget(monkeypatch)
    (name,) = points
    with pytest.raises(BenchError, match=f"(?s){message}") as caught:
        names.get(name)
    assert "lrp2-other" in str(caught.value)
    assert names.get(names.names()[1]), "the others go on working"


@pytest.mark.usefixtures("installed")
def test_a_package_that_is_found_twice_is_one_package(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads(_block("toml"))["project"]
    install(tmp_path, project["name"], project["entry-points"])
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget(monkeypatch)
    assert METRICS.get("misses").__name__ == "Misses"


def test_a_decorator_registers_in_this_process_and_a_cell_may_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _forget(monkeypatch)
    for _ in range(2):

        @METRICS.register
        class Mine(Metric):
            name, label, description = "mine", "mine", "mine"

            def values(self, data: Any) -> Any:
                return data.hit.sum(axis=1)

        assert METRICS.get("mine") is Mine and METRICS.names()[-1] == "mine"


@pytest.mark.parametrize(
    ("attributes", "message"),
    [({}, "has no name"), ({"name": "accuracy"}, "already"), ({"name": "open"}, "lacks values")],
)
def test_a_decorated_class_without_a_name_of_its_own_or_its_methods_is_refused(
    attributes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget(monkeypatch)
    kind = type("Mine", (Metric,), attributes)
    with pytest.raises(BenchError, match=message):
        METRICS.register(kind)
    assert "open" not in METRICS
