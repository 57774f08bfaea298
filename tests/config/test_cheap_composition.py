"""What composing spares: the same configurations come out of the plain way, and in the same words its errors."""

from __future__ import annotations

import io
from typing import Any

import hydra.version
import omegaconf._utils
import omegaconf.base
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from lrp2_bench.config import cheap_composition, kept_compositions
from lrp2_bench.config.cheap_composition import spare_repetition, yaml_loader
from lrp2_bench.config.compose import conf_dir, sweeps_dir
from lrp2_bench.launchers.running import prepared_hydra

WRITTEN = [*sorted(conf_dir().rglob("*.yaml")), *sorted(sweeps_dir().rglob("*.yaml"))]
PLAIN_LOADER = cheap_composition._PLAIN


def _composed(command: str, *overrides: str) -> Any:
    GlobalHydra.instance().clear()
    with prepared_hydra(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(config_name=command, overrides=list(overrides), return_hydra_config=True)
        del config.hydra.help.template  # refers to what only a command line has
        return OmegaConf.to_container(config, resolve=False), config.hydra.run.dir, config.hydra.sweep.subdir


def _plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_loader_impl, "create_defaults_list", kept_compositions._plain_defaults_list)
    monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", kept_compositions._plainly_composed)
    monkeypatch.delattr(ConfigStore, "__deepcopy__")
    monkeypatch.setattr(omegaconf._utils, "get_yaml_loader", PLAIN_LOADER)
    for module, name in ((hydra.version, "_get_version"), (omegaconf.base, "parse")):
        monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)


@pytest.mark.parametrize(
    ("command", "overrides"),
    [
        ("search", ("language=de", "model=tiny_bloom", "projection=random", "+sweep=ablations", "experiment.name=a b")),
        ("analyze", ("analysis=neurons", "model.path=DIR")),
    ],
)
def test_a_composition_is_the_plain_one_and_the_next_is_untouched_by_it(
    command: str, overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [_composed(command, *overrides) for _ in range(2)]
    _plainly(monkeypatch)
    assert found == [_composed(command, *overrides)] * 2
    assert found[0] != _composed(command, *overrides, "seed=1")


def test_every_file_of_ours_reads_as_with_the_plain_parser() -> None:
    for path in WRITTEN:
        text = path.read_text("utf-8")
        assert repr(yaml.load(text, yaml_loader())) == repr(yaml.load(text, PLAIN_LOADER())), path


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "a: [1",
        "a: 2026-01-02\nb: 1e3\nc: 0x1F\nd: .nan\ne: on\nf: 1_000\ng: ~",
        "a: !!python/name:os.x 1",
        "\t",
    ],
)
def test_what_is_odd_or_wrong_in_a_file_is_so_for_both_parsers(text: str) -> None:
    seen = []
    for loader in (yaml_loader(), PLAIN_LOADER()):
        try:
            seen.append(repr(yaml.load(io.StringIO(text), loader)))
        except yaml.YAMLError as error:
            seen.append(type(error).__name__)
    assert seen[0] == seen[1]


def test_without_libyaml_the_plain_parser_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    made = yaml_loader.__wrapped__()
    assert issubclass(made, yaml.SafeLoader) and made.__init__ is yaml.SafeLoader.__init__


def test_it_may_be_asked_for_again() -> None:
    before = hydra.version._get_version, omegaconf.base.parse
    spare_repetition()
    assert (hydra.version._get_version, omegaconf.base.parse) == before
