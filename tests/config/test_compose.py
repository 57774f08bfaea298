"""Every YAML composes, the schemas hold, and objects are made from configs with errors a user can read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ValidationError

from lrp2_bench.config import compose as config_module
from lrp2_bench.config.arguments import expand_groups
from lrp2_bench.config.compose import conf_dir, factory, sweeps_dir, tree, typed
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.registry import Registry
from lrp2_bench.core.settings import (
    AnalyzeCommand,
    BenchCommand,
    CheckCommand,
    DashboardCommand,
    DemoCommand,
    Precision,
    PretrainCommand,
    RegretCommand,
    ReportCommand,
    ScoreCommand,
    SearchCommand,
    VectorsCommand,
    WorkspaceCommand,
)
from lrp2_bench.data.mlama import MLama
from lrp2_bench.data.registry import CORPORA, DATASETS
from lrp2_bench.data.text import TextCorpus
from lrp2_bench.interventions.registry import INTERVENTIONS, intervention
from lrp2_bench.launchers.running import prepared_hydra
from tests.support.paths import REPOSITORY

COMMANDS = {
    "search": SearchCommand,
    "vectors": VectorsCommand,
    "report": ReportCommand,
    "score": ScoreCommand,
    "analyze": AnalyzeCommand,
    "bench": BenchCommand,
    "check": CheckCommand,
    "pretrain": PretrainCommand,
    "demo": DemoCommand,
    "regret": RegretCommand,
    "dashboard": DashboardCommand,
    "workspace": WorkspaceCommand,
}
FILES = sorted(path.relative_to(conf_dir()) for path in conf_dir().rglob("*.yaml"))
SWEEPS = sorted(path.relative_to(sweeps_dir()) for path in sweeps_dir().rglob("*.yaml"))


def _compose(command: str, *overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with prepared_hydra(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose(config_name=command, overrides=list(overrides), return_hydra_config=True)


def _application(config: DictConfig) -> DictConfig:
    """The configuration as Hydra hands it to a command: without its own part."""
    with open_dict(config):
        del config["hydra"]
    return config


def _given(command: str) -> list[str]:
    """What has no default."""
    if command in {"report", "bench", "check", "demo", "regret", "dashboard", "workspace"}:
        return []
    return ["model.path=DIR"] if command in {"pretrain", "analyze"} else ["language=de", "model.path=DIR"]


@cache
def _groups(command: str) -> frozenset[str]:
    return frozenset(map(str, _compose(command).hydra.runtime.choices))


def _class_of(command: str, group: str) -> str:
    (found,) = (field for field in fields(COMMANDS[command]) if field.name == group)
    return str(found.type)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_in_conf_composes(path: Path) -> None:
    if path.parent == Path():
        assert path.stem in COMMANDS, "a file on top is a command"
        typed(_application(_compose(path.stem, *_given(path.stem))), COMMANDS[path.stem])
    elif path.parts[0] == "hydra":
        config = _compose("search", "language=de", f"{path.parent}={path.stem}")
        assert config.hydra.runtime.choices[str(path.parent)] == path.stem
    else:
        group, option = str(path.parent), path.stem
        used = [command for command in COMMANDS if group in _groups(command)]
        assert used, f"no command has a group '{group}'"
        # Commands whose setting is of one class take the same options.
        for command in {_class_of(command, group): command for command in used}.values():
            given = [*_given(command), *(["model.path=DIR"] if (command, group) == ("check", "model") else [])]
            config = _application(_compose(command, *given, f"{group}={option}"))
            typed(config, COMMANDS[command])
            tree(config)


@pytest.mark.parametrize("launcher", ["local", "submitit_slurm"])
@pytest.mark.parametrize("path", SWEEPS, ids=str)
def test_every_sweep_composes_names_itself_and_runs_on_every_launcher(path: Path, launcher: str) -> None:
    assert path.parent == Path(), "sweeps lie in one folder, by name"
    config = _compose("search", f"+sweep={path.stem}", "language=de", f"hydra/launcher={launcher}")
    assert config.hydra.runtime.choices["hydra/launcher"] == launcher
    assert config.experiment.name == path.stem
    assert config.hydra.sweeper.params, "a sweep varies something"
    assert "sweep" not in config, "a sweep sets keys, it is none"
    typed(_application(config), SearchCommand)


@pytest.mark.parametrize("sweep", ["ablations", "interventions"])
def test_the_sweeps_of_projections_can_move_all_their_languages(sweep: str) -> None:
    params = _compose("search", f"+sweep={sweep}", "language=de").hydra.sweeper.params
    kinds, languages = params.projection.split(","), params.language.split(",")
    assert kinds == [name for name in INTERVENTIONS.names() if sweep == "interventions" or name in kinds]
    for kind in kinds:
        config = _application(_compose("search", f"+sweep={sweep}", f"projection={kind}", "language=zh"))
        settings = typed(config, SearchCommand)
        assert settings.projection.kind == kind and set(languages) <= set(settings.projection.among or ())
        for language in languages:
            made = intervention(settings.projection)
            made.require(language, settings.pivot)
            made.needs(language, settings.pivot, lambda: ())


@pytest.mark.parametrize("name", ["paper_mbert", "paper_bloom"])
def test_the_papers_sweeps_run_its_52_languages(name: str) -> None:
    config = _compose("search", f"+sweep={name}", "language=de")
    assert expand_groups(f"language={config.hydra.sweeper.params.language}") == f"language={','.join(GROUPS['all'])}"


def test_the_settings_of_a_command_load_no_model_library() -> None:
    heavy = {"torch", "transformers", "optuna", "wandb"}
    code = f"import sys, lrp2_bench.config.compose; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_conf_and_sweeps_of_a_checkout_are_those_beside_the_package() -> None:
    assert conf_dir() == REPOSITORY / "conf" and sweeps_dir() == REPOSITORY / "sweeps"


def test_folders_inside_an_installed_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lrp2_bench"
    for folder in (package / "conf", tmp_path / "conf", tmp_path / "sweeps"):
        folder.mkdir(parents=True)
        (folder / "search.yaml").write_text("{}")
    monkeypatch.setattr(config_module, "__file__", str(package / "config" / "compose.py"))
    assert conf_dir() == package / "conf" and sweeps_dir() == tmp_path / "sweeps"
    (package / "conf" / "search.yaml").unlink()
    assert conf_dir() == tmp_path / "conf", "an empty folder is none"


def test_a_package_without_its_configuration_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_module, "__file__", str(tmp_path / "lrp2_bench" / "config" / "compose.py"))
    with pytest.raises(BenchError, match="'conf' is neither in .* nor beside it"):
        conf_dir()


def test_settings_become_their_classes() -> None:
    config = _application(_compose("search", "language=de", "select_by=accuracy", "model.precision=bfloat16"))
    settings = typed(config, SearchCommand)
    assert isinstance(settings, SearchCommand)
    assert settings.select_by == "accuracy" and settings.model.precision is Precision.bfloat16


def test_the_tree_is_resolved_and_plain() -> None:
    found = tree(_application(_compose("search", "language=de", "paths.cache=/somewhere")))
    assert found["dataset"]["cache"] == "/somewhere"
    assert found["select_by"] == "transferability" and found["model"]["precision"] == "float32"


@pytest.mark.parametrize(
    ("override", "key", "nearest"),
    [("select_by=acuracy", "select_by", "accuracy"), ("metrics=[accuracy_makro]", "metrics", "accuracy_macro")],
)
def test_a_name_that_nobody_registered_is_refused_with_the_nearest(override: str, key: str, nearest: str) -> None:
    config = _application(_compose("search", "language=de", override))
    with pytest.raises(UnknownNameError, match=f"Unknown value of {key}: .* Did you mean '{nearest}'"):
        typed(config, SearchCommand)


@pytest.mark.parametrize("command", [name for name, kind in COMMANDS.items() if hasattr(kind(), "seed")])
@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_that_no_generator_takes_is_refused_by_every_command(command: str, seed: int) -> None:
    config = _application(_compose(command, *_given(command), f"seed={seed}"))
    with pytest.raises(BenchError, match=f"seed={seed} is no seed.\nGive a whole number from 0 to {2**64 - 1}"):
        typed(config, COMMANDS[command])


@pytest.mark.parametrize(("group", "registry"), [("dataset", DATASETS), ("corpus", CORPORA)])
def test_a_yaml_of_ours_makes_the_class_that_is_registered_under_its_name(group: str, registry: Registry[Any]) -> None:
    written = {path.stem: OmegaConf.load(path) for path in sorted((conf_dir() / group).glob("*.yaml"))}
    assert set(written) <= set(registry.names())
    for name, config in written.items():
        assert get_object(config._target_) is registry.get(name)


@pytest.mark.parametrize(
    ("override", "name", "nearest"),
    [("+langauge=de", "langauge", "language"), ("+model.precison=bfloat16", "model.precison", "model.precision")],
)
def test_a_key_that_was_added_by_force_is_refused_all_the_same(override: str, name: str, nearest: str) -> None:
    config = _application(_compose("search", "language=de", override))
    with pytest.raises(UnknownNameError, match=f"Unknown setting '{name}'. Did you mean '{nearest}'?"):
        typed(config, SearchCommand)


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(Exception, match="seed") as caught:
        _compose("search", "language=de", "seed=x")
    assert isinstance(caught.value.__cause__, ValidationError)


def test_a_factory_makes_what_the_config_describes_when_it_is_called(toy_mlama: Path) -> None:
    config = _compose("search", "language=de", f"dataset.path={toy_mlama}", "corpus=text", "corpus.path=/nowhere")
    dataset = factory(config.dataset)()
    assert isinstance(dataset, MLama) and dataset.languages() == ("de", "en", "zh")
    make = factory(config.corpus)
    with pytest.raises(BenchError, match="there is no folder '/nowhere'"):
        make()
    config.corpus.path = str(toy_mlama)
    assert isinstance(factory(config.corpus)(), TextCorpus)


def test_a_key_the_object_does_not_take_is_told_with_the_object() -> None:
    config = OmegaConf.create({"_target_": "lrp2_bench.data.text.TextCorpus", "pth": "x"})
    with pytest.raises(BenchError, match=r"lrp2_bench\.data\.text\.TextCorpus.*pth"):
        factory(config)()
