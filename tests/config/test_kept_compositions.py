"""A composition made before is taken again only while all that it was made of is as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from lrp2_bench.config import kept_compositions
from lrp2_bench.config.kept_compositions import _MOST, keep_compositions


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was composed anew since, nothing being kept from before."""
    composed: list[str] = []
    for name, kept in (("_plain_defaults_list", "_LISTS"), ("_plainly_composed", "_CONFIGS")):
        plain = getattr(kept_compositions, name)

        def noted(*given: Any, _plain: Any = plain, _name: str = name, **more: Any) -> Any:
            composed.append(_name)
            return _plain(*given, **more)

        monkeypatch.setattr(kept_compositions, name, noted)
        monkeypatch.setattr(kept_compositions, kept, kept_compositions._Kept())
    keep_compositions()
    return composed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration of one group with two options."""
    (tmp_path / "animal").mkdir()
    _write(tmp_path / "zoo.yaml", "defaults: [_self_, animal: cat]\nsize: 1\nkept: ${size}\n")
    _write(tmp_path / "animal/cat.yaml", "legs: 4\nsound: [meow]\n")
    _write(tmp_path / "animal/bird.yaml", "legs: 2\nsound: [tweet]\n")
    return tmp_path


def _write(path: Path, text: str) -> None:
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    if before:  # clocks of file systems may be coarse
        os.utime(path, ns=(before + 10**9, before + 10**9))


def _compose(folder: Path, *overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(folder), version_base="1.3"):
        return compose(config_name="zoo", overrides=list(overrides))


def test_the_same_options_are_composed_once_whatever_values_are_set(folder: Path, made: list[str]) -> None:
    first = _compose(folder, "size=2")
    assert made == ["_plain_defaults_list", "_plainly_composed"]
    assert _compose(folder, "size=3", "animal.legs=5").animal.legs == 5
    again = _compose(folder, "size=2")
    assert len(made) == 2 and again == first and again.kept == 2
    assert _compose(folder, "animal=bird").animal == {"legs": 2, "sound": ["tweet"]}
    assert len(made) == 4
    assert "color" in _compose(folder, "+color=red") and "color" not in _compose(folder)
    with pytest.raises(HydraException, match="Could not delete"):
        _compose(folder, "~animal=bird")
    assert "animal" not in _compose(folder, "~animal")


def test_what_is_changed_in_one_is_not_changed_in_the_next(folder: Path, made: list[str]) -> None:
    for _ in range(3):
        config = _compose(folder)
        assert config.animal == {"legs": 4, "sound": ["meow"]}
        OmegaConf.set_struct(config, False)
        config.animal.sound.append("purr")
        config.animal.legs = 3
        config.more = True
    assert len(made) == 2


def test_a_changed_a_new_and_a_removed_file_are_read(folder: Path, made: list[str]) -> None:
    assert _compose(folder).animal.legs == 4
    _write(folder / "animal/cat.yaml", "legs: 3\nsound: [meow]\n")
    assert _compose(folder).animal.legs == 3
    _write(folder / "zoo.yaml", "defaults: [_self_, animal: bird]\nsize: 1\n")
    assert _compose(folder).animal.legs == 2
    _write(folder / "animal/dog.yaml", "legs: 44\n")
    assert _compose(folder, "animal=dog").animal.legs == 44
    (folder / "animal/bird.yaml").unlink()
    for _ in range(2):
        with pytest.raises(HydraException, match="bird"):
            _compose(folder)
    _write(folder / "animal/bird.yaml", "legs: [\n")
    with pytest.raises(Exception, match="expected"):
        _compose(folder)
    _write(folder / "animal/bird.yaml", "legs: 1\n")
    assert _compose(folder).animal.legs == 1


def test_a_folder_that_comes_first_and_a_file_that_appears_there_are_read(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, made: list[str]
) -> None:
    other = tmp_path_factory.mktemp("other")
    before, later = _compose(folder), _compose(folder, f"hydra.searchpath=[file://{other}]")
    assert before == later and before.animal.legs == 4
    assert len(made) == 4, "of other sources"
    (other / "animal").mkdir()
    _write(other / "animal/fish.yaml", "legs: 0\n")
    assert _compose(folder, f"hydra.searchpath=[file://{other}]", "animal=fish").animal.legs == 0
    _write(folder / "animal/fish.yaml", "legs: 7\n")
    assert _compose(folder, f"hydra.searchpath=[file://{other}]", "animal=fish").animal.legs == 7


def test_a_schema_that_is_registered_later_or_again_is_taken(
    folder: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", dict(store.repo))
    with pytest.raises(HydraException, match="ant"):
        _compose(folder, "animal=ant")
    for legs in (6, 5):
        store.store(group="animal", name="ant", node={"legs": legs})
        assert [_compose(folder, "animal=ant").animal.legs for _ in range(2)] == [legs, legs]
    assert len(made) == 1 + 4


def test_so_many_are_kept_and_no_more(folder: Path, made: list[str]) -> None:
    for number in range(_MOST + 3):
        _write(folder / f"animal/a{number}.yaml", f"legs: {number}\n")
        assert _compose(folder, f"animal=a{number}").animal.legs == number
    assert len(kept_compositions._CONFIGS._made) == _MOST
    assert _compose(folder, "animal=a0").animal.legs == 0


def test_it_may_be_asked_for_again() -> None:
    keep_compositions()
    before = config_loader_impl.create_defaults_list, ConfigLoaderImpl._compose_config_from_defaults_list
    keep_compositions()
    assert (config_loader_impl.create_defaults_list, ConfigLoaderImpl._compose_config_from_defaults_list) == before
