"""``--from-manifest``: a finished run made again from its manifest alone, or what stands in the way, by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from lrp2_bench.config.arguments import manifest_argument
from lrp2_bench.config.compose import conf_dir, register, tree
from lrp2_bench.config.rerun import rerun_overrides
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.quoting import quoted
from lrp2_bench.results.reproduction import differences
from tests.support.commands import ToyJob, contents, lrp2_bench
from tests.support.run_folders import write_json

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Callable[[str], Path], toy_mlama: Path, toy_corpus: Path
) -> ToyJob:
    """A finished run, with settings that are not the defaults."""
    job = ToyJob(tmp_path_factory.mktemp("first"), model_folder("bert"), toy_mlama, toy_corpus)
    assert job.search(*_SETTINGS, "paths.cache=" + quoted(str(job.root / "it's, [a] = \\ cache"))) == 0
    return job


_SETTINGS = ("probing.pool_size=3", "seed=1", "dataset.relations=[P36,P17]", "experiment.name=odd", "shard.count=1")


def _manifest(job: ToyJob) -> Path:
    return job.folder(experiment="odd") / "manifest.json"


def _changed(job: ToyJob, path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    content = json.loads(_manifest(job).read_text())
    change(content)
    write_json(path, content)
    return path


def _composed(overrides: list[str]) -> dict[str, Any]:
    register()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return tree(compose("search", overrides=overrides))


def _rerun(manifest: Path, tmp_path: Path, *more: str) -> int:
    return lrp2_bench("search", "--from-manifest", str(manifest), f"paths.outputs={tmp_path / 'again'}", *more)


def test_a_setting_that_is_a_mapping_itself_is_given_again_whole(first: ToyJob, tmp_path: Path) -> None:
    places = {"rest": "cpu", "encoder.layer.1": "disk"}
    manifest = _changed(
        first, tmp_path / "m.json", lambda content: content["config"]["model"].update(device_map=places)
    )
    assert _composed(rerun_overrides(manifest, []))["model"]["device_map"] == places
    assert _composed([*rerun_overrides(manifest, ["model.device_map=null"]), "model.device_map=null"])["model"][
        "device_map"
    ] is None  # fmt: skip


# The same again


def test_a_run_made_again_elsewhere_has_the_same_bytes_and_says_so(
    first: ToyJob, tmp_path: Path, capsys: Capture
) -> None:
    assert _rerun(_manifest(first), tmp_path) == 0
    again = tmp_path / "again" / "odd" / "bert" / "mlama" / "de"
    assert contents(again) == contents(first.folder(experiment="odd"))
    said = capsys.readouterr().err
    assert "The same bytes as in the run of '" in said and "alignment.csv" in said
    assert lrp2_bench("search", "--from-manifest", str(_manifest(first))) == 0
    said = capsys.readouterr().err
    assert "is of this very folder" in said and "paths.outputs=DIR" in said and "The same bytes" not in said
    assert "Other bytes" not in said and "Not as in" not in said
    mine, its = (json.loads(path.read_text()) for path in (again / "manifest.json", _manifest(first)))
    assert mine["identity"] == its["identity"] and mine["files"] == its["files"]
    assert mine["config"].pop("paths") != its["config"].pop("paths") and mine["config"] == its["config"]


def test_a_rerun_can_be_rerun_split_and_named_by_its_folder(first: ToyJob, tmp_path: Path) -> None:
    split = ["-m", "shard.count=2", "shard.index=1,0"]
    assert _rerun(first.folder(experiment="odd"), tmp_path, "experiment.name=b", *split) == 0
    second = tmp_path / "again" / "b" / "bert" / "mlama" / "de"
    assert _rerun(second / "manifest.json", tmp_path, "experiment.name=c") == 0
    third = tmp_path / "again" / "c" / "bert" / "mlama" / "de"
    assert contents(third) == contents(second) == contents(first.folder(experiment="odd"))


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["model=tiny_mbert", "dataset=cldr", "corpus=cldr", "dataset.limit=10", "tracking=none", "select_by=accuracy"],
        ["model=bloom_560m", "model.precision=bfloat16", "corpus=tatoeba", "corpus.path=/x/y.zip", "search=baseline"],
        ["model=hf", "model.path=some/model", "model.revision=v1", "paths.cache='/c/${seed}'", "grid.memory_gb=0.5"],
        ["corpus=opus100", "+corpus.opus.mt=bible-uedin/v1", "+corpus.opus.zh-yue=a/v1", "+corpus.english_pair=en-fr"],
        ["dataset=cldr", "corpus=cldr", "+corpus.seed=3", "+dataset.sample=5"],
        ["paths.outputs='/o/\\${b}'", "paths.cache='/c\\d/\\\\\\${b}/\\${c'", "dataset.relations=['\\${seed}']"],
        ["model=mbert", "model.name=mine", "tracking.timeout=3.5", "dataset.relations=[P36,P37]", "seed=7"],
    ],
    ids=lambda settings: " ".join(settings) or "defaults",
)  # fmt: skip
def test_the_overrides_compose_the_configuration_that_the_manifest_has(settings: list[str], tmp_path: Path) -> None:
    config = _composed(["language=de", *settings])
    path = tmp_path / "manifest.json"
    write_json(path, {"config": config, "identity": {}, "environment": {}})
    overrides = rerun_overrides(path, [])
    assert _composed(overrides) == {**config, "reproduces": str(path)}
    assert not any(text.startswith("dataset.cache=") for text in overrides), "it follows paths.cache"


def test_what_a_plus_gave_is_overruled_like_any_setting(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    config = _composed(["language=de", "corpus=opus100", "+corpus.opus.mt=a/v1", "+corpus.opus.ga=a/v1"])
    write_json(path, {"config": config, "identity": {}, "environment": {}})
    found = _composed([*rerun_overrides(path, given := ["+corpus.opus.mt=b/v2"]), *given])
    assert found["corpus"]["opus"] == {"mt": "b/v2", "ga": "a/v1"}
    found = _composed([*rerun_overrides(path, given := ["corpus=cldr"]), *given])
    assert "opus" not in found["corpus"]


def test_what_the_class_does_not_take_is_of_another_version(tmp_path: Path) -> None:
    config = _composed(["language=de", "corpus=opus100"])
    config["corpus"]["english_pairs"] = "de-en"
    write_json(tmp_path / "manifest.json", {"config": config, "identity": {}, "environment": {}})
    with pytest.raises(BenchError, match="does not have: corpus.english_pairs"):
        rerun_overrides(tmp_path / "manifest.json", [])


def test_what_is_given_overrules_the_manifest(first: ToyJob) -> None:
    path = _manifest(first)
    found = _composed([*rerun_overrides(path, given := ["paths.cache=/c", "select_by=accuracy"]), *given])
    assert (found["paths"]["cache"], found["dataset"]["cache"], found["select_by"]) == ("/c", "/c", "accuracy")
    found = _composed([*rerun_overrides(path, given := ["dataset=cldr", "model=tiny_bloom"]), *given])
    assert found["dataset"]["name"] == "cldr" and found["model"]["name"] == "tiny_bloom"
    assert found["dataset"]["relations"] is None, "settings of another dataset go with it"


# What differs


def test_other_versions_and_code_are_named_and_the_run_goes_on(first: ToyJob, tmp_path: Path, capsys: Capture) -> None:
    def change(content: dict[str, Any]) -> None:
        content["environment"]["packages"] |= {"torch": "1.0", "gone": "2"}
        content["environment"]["git_commit"] = "abc"
        content["files"]["pairs.csv"] = "0" * 64

    path = _changed(first, tmp_path / "other.json", change)
    assert _rerun(path, tmp_path, "search=baseline") == 0
    said = capsys.readouterr().err
    assert f"Not as in '{path}': torch was 1.0, is " in said and "gone was 2, is unknown" in said
    assert "the code's commit was abc, is " in said
    assert f"Other bytes than in the run of '{path}': alignment.csv, damage.csv, hits.parquet, pairs.csv" in said


def test_tables_are_compared_with_those_beside_a_manifest_that_has_no_digests(
    first: ToyJob, tmp_path: Path, capsys: Capture
) -> None:
    path = _changed(first, tmp_path / "other.json", lambda content: content.pop("files"))
    assert _rerun(path, tmp_path) == 0
    assert "has no digests of its run's tables" in capsys.readouterr().err
    shutil.copy(first.folder(experiment="odd") / "pairs.csv", tmp_path)
    assert _rerun(path, tmp_path) == 0
    assert f"The same bytes as in the run of '{path}': pairs.csv." in capsys.readouterr().err


def test_environments_are_compared_entry_by_entry() -> None:
    now = {"python": "3", "packages": {"a": "1", "b": None}, "git_commit": None}
    assert list(differences(now, now)) == []
    assert list(differences({"packages": "odd"}, {"packages": {"a": "1"}})) == ["a was unknown, is 1"]


@pytest.mark.parametrize(
    ("override", "keys"),
    [
        ("language=zh", ["dataset.digest", "language", "vectors.language"]),
        ("seed=2", ["probing.seed"]),
        ("dataset.limit=1", ["dataset.digest"]),
    ],
)
def test_another_identity_is_an_error_that_names_its_keys_before_the_work(
    override: str, keys: list[str], first: ToyJob, tmp_path: Path, capsys: Capture
) -> None:
    assert _rerun(_manifest(first), tmp_path, override) == 1
    said = capsys.readouterr().err
    assert "cannot equal that of" in said and "Traceback" not in said
    assert [line.split(":")[0].strip() for line in said.splitlines() if ": then " in line] == keys
    assert not list((tmp_path / "again").rglob("relations"))


def test_data_that_changed_since_is_an_error_too(first: ToyJob, tmp_path: Path, capsys: Capture) -> None:
    mlama = shutil.copytree(first.mlama, tmp_path / "facts")
    path = next(mlama.rglob("de/P36.jsonl"))
    path.write_text(path.read_text("utf-8").replace("Peking", "Beijing"), "utf-8")
    assert _rerun(_manifest(first), tmp_path, f"dataset.path={mlama}") == 1
    assert "dataset.digest: then " in capsys.readouterr().err


# What cannot be


def _without_config(content: dict[str, Any]) -> object:
    return content.pop("config")


def _newer(content: dict[str, Any]) -> object:
    return content["config"]["grid"].update({"batch_tokenz": 3})


def _foreign(content: dict[str, Any]) -> object:
    return content["config"]["dataset"].update({"_target_": "their.Dataset"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_config, "is not a manifest of a search that this version can read: it has no config."),
        (_newer, "has settings that this version does not have: grid.batch_tokenz (near: grid.batch_tokens)"),
        (_foreign, "'their.Dataset'.\nKnown: lrp2_bench.data.cldr.dataset.CldrDataset, lrp2_bench.data.mlama.MLama,"),
    ],
)
def test_a_manifest_of_another_version_is_told(
    change: Callable[[dict[str, Any]], object], said: str, first: ToyJob, tmp_path: Path, capsys: Capture
) -> None:
    assert _rerun(_changed(first, tmp_path / "other.json", change), tmp_path) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def _as_it_was(content: dict[str, Any]) -> None:
    """Names of settings and modules as the first version wrote them."""
    del content["config"]["grid"]["rough_log_partitions"]
    content["config"]["grid"]["rough_normalisers"] = True
    content["config"]["dataset"]["_target_"] = "lrp2_bench.data.elsewhere.MLama"


def test_a_manifest_of_the_first_version_is_made_again_by_todays_names(first: ToyJob, tmp_path: Path) -> None:
    today, old = (
        [entry for entry in rerun_overrides(path, []) if not entry.startswith("reproduces=")]
        for path in (_manifest(first), _changed(first, tmp_path / "old.json", _as_it_was))
    )
    assert sorted(old) == sorted([*today, "grid.rough_log_partitions=true"])


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "status.json").write_text('{"state": "finished"}')
    yield tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.json", "none.json' is missing."),
        (".", "/manifest.json' is missing. `lrp2-bench search` writes it"),
        ("text.json", "text.json' is damaged ("),
        ("list.json", "list.json' is damaged (it holds no JSON object)"),
        ("status.json", "it has no config, identity, environment"),
        ("text.json/x", "x' is missing."),
    ],
)
def test_what_is_no_manifest_is_told(name: str, said: str, files: Path, capsys: Capture) -> None:
    assert _rerun(files / name, files) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_the_flag_takes_one_path_of_a_search() -> None:
    assert manifest_argument("search", ["seed=1", "--from-manifest", "a=b", "-m"]) == ("a=b", ["seed=1", "-m"])
    assert manifest_argument("search", ["--from-manifest=a=b"]) == ("a=b", [])
    assert manifest_argument("report", ["x"]) == (None, ["x"])
    for wrong in (["--from-manifest"], ["--from-manifest="], ["--from-manifest=a", "--from-manifest", "b"]):
        with pytest.raises(BenchError, match="takes one path"):
            manifest_argument("search", wrong)
    with pytest.raises(BenchError, match="is for `lrp2-bench search`"):
        manifest_argument("report", ["--from-manifest", "a"])
    with pytest.raises(BenchError, match=r"leave \+sweep out"):
        rerun_overrides(conf_dir(), ["+sweep=testbed"])
