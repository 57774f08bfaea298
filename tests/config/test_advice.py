"""What any message of the package advises can be typed: every setting, command, package, target and file it names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from packaging.requirements import Requirement

from lrp2_bench.config.arguments import TAKES_FOLDERS
from lrp2_bench.config.compose import conf_dir, options
from lrp2_bench.launchers.running import prepared_hydra
from tests.support.advice import GAP, Message, messages
from tests.support.paths import REPOSITORY

COMMANDS = sorted(path.stem for path in conf_dir().glob("*.yaml"))

#: Looks like a setting and is none: an example of the form, a column, a part of a file, a shell, an object's own.
NO_SETTINGS = {
    "key", "articles", "lineid", "slow_but_exact", "install", "uninstall", "lirp", "lsrp", "shared", "facts",
    "p_threshold", "held_out", "hydra.launcher.NAME", "revision", "use_safetensors", "weights_only",
}  # fmt: skip

#: Groups whose choices have the same keys.
ALIKE = {"model", "projection", "tracking"}

#: What a number stands for in an example.
SAMPLES = {"LIRP": "2", "LSRP": "5"}

#: Our own flags; the others are Hydra's and W&B's.
FLAGS = {"--from-manifest", "--version", "--relogin", "--quiet"}


@cache
def _configs() -> dict[str, list[DictConfig]]:
    """Each command with its defaults, and with every choice of each of its groups: the first of all, the second ..."""
    with prepared_hydra():
        GlobalHydra.instance().clear()
        found: dict[str, list[DictConfig]] = {}
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            for command in COMMANDS:
                first = compose(config_name=command)
                found[command] = [first]
                groups = [[f"{key}={option}" for option in options(key)] for key in map(str, first) if key not in ALIKE]
                for chosen in zip_longest(*groups) if command in {"search", "analyze"} else ():
                    found[command].append(compose(config_name=command, overrides=[one for one in chosen if one]))
            for launcher in options("hydra/launcher"):
                override = [f"hydra/launcher={launcher}"]
                found["search"].append(compose(config_name="search", overrides=override, return_hydra_config=True))
        GlobalHydra.instance().clear()
        return found


@cache
def _messages() -> tuple[Message, ...]:
    return tuple(messages())


def _takes(setting: str, commands: tuple[str, ...]) -> bool:
    """Whether one of the commands takes the setting; a value that a message fills in may be any that it takes."""
    key, _, value = setting.partition("=")
    whole = GAP not in value and value != ""
    if " " in setting:
        return False  # a shell makes two words of it
    if options(key.lstrip("+")):
        named = value.partition(GAP)[0].rstrip(".") if not whole else value
        return named in ("", "NAME") or named in options(key.lstrip("+"))
    if whole:
        for word, sample in SAMPLES.items():
            setting = setting.replace(word, sample)
        [override] = OverridesParser.create().parse_overrides([setting])
        values = [override.value()]
    else:
        values = [1, "auto", "float32", "int8", "text", [1, 2], ["de"]]
    if key.startswith("+"):
        return any(_composes(command, setting) for command in commands)
    homes = [config for command in commands for config in _homes().get((command, key), ())]
    return any(_accepts(config, key, value) for config in homes for value in values)


@cache
def _homes() -> dict[tuple[str, str], list[DictConfig]]:
    """The configurations of a command that have a key, dotted."""
    found: dict[tuple[str, str], list[DictConfig]] = {}
    for command, configs in _configs().items():
        for config in configs:
            for key in _keys(config):
                found.setdefault((command, key), []).append(config)
    return found


def _keys(config: DictConfig, prefix: str = "") -> Iterator[str]:
    for key in map(str, config):
        yield prefix + key
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from _keys(child, f"{prefix}{key}.")


def _composes(command: str, setting: str) -> bool:
    _configs()
    hydra = ["hydra/launcher=submitit_slurm"] if setting.startswith("+hydra.launcher.") else []
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            OmegaConf.to_object(compose(config_name=command, overrides=[*hydra, setting]))
    except (HydraException, OmegaConfBaseException):
        return False
    return True


def _accepts(config: DictConfig, key: str, value: Any) -> bool:
    try:
        OmegaConf.update(config.copy(), key, value, merge=True)
    except OmegaConfBaseException:
        return False
    return True


def _wrong(found: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"{where}: {what}" for what, where in found)


def test_every_setting_a_message_names_is_taken_by_a_command() -> None:
    named = {(setting, message.where) for message in _messages() for setting in message.settings()}
    assert len(named) > 150, "the messages are read"
    verdicts: dict[str, bool] = {}
    for setting, _ in sorted(named):
        if setting.lstrip("+").partition("=")[0] not in NO_SETTINGS:
            verdicts[setting] = _takes(setting, tuple(COMMANDS))
    wrong = _wrong((setting, where) for setting, where in sorted(named) if not verdicts.get(setting, True))
    assert not wrong, wrong


def test_every_command_line_a_message_names_can_be_typed() -> None:
    hydra = {flag for action in get_args_parser()._actions for flag in action.option_strings}
    wrong = []
    for message in _messages():
        for line in message.commands():
            command, *rest = re.findall(r"\S+=[\[{][^\]}]*[\]}]|\S+", line)
            if command not in {*COMMANDS, GAP, "COMMAND", "--version"}:
                wrong.append((line, message.where))
            for word in rest:
                if "=" in word and command in COMMANDS and not _takes(word, (command,)):
                    wrong.append((line, message.where))
                if "=" not in word and not word.startswith("-") and command not in TAKES_FOLDERS:
                    wrong.append((line, message.where))
        spoken = re.findall(r"(?<![\w'])lrp2-bench ([a-z]+)", message.text)
        wrong += [(word, message.where) for word in spoken if word not in {*COMMANDS, "needs"}]
        wrong += [(flag, message.where) for flag in message.flags() if flag not in hydra | FLAGS]
    assert not wrong, _wrong(iter(wrong))


def test_every_package_target_and_file_a_message_names_exists() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
    extras = [name for some in project["optional-dependencies"].values() for name in some]
    known = {Requirement(name).name.lower() for name in [*project["dependencies"], *extras]}
    wrong, seen = [], set()
    for message in _messages():
        for name in message.requirements():
            seen.add(Requirement(name).name)
            if Requirement(name).name.lower() not in known:
                wrong.append((name, message.where))
        wrong += [(f"make {target}", message.where) for target in message.targets() if target not in targets]
        wrong += [(file, message.where) for file in message.files() if not (REPOSITORY / file).exists()]
    assert not wrong, _wrong(iter(wrong))
    named = {"submitit", "optuna-dashboard", "wandb", "wandb-workspaces", "psycopg", "nnsight", "bitsandbytes", "gguf"}
    assert named <= seen, "the advice is read"


@pytest.mark.parametrize(
    "text",
    [
        "give sed=1",
        "give checkpoints={NAME:DIR}",
        "give model.precision=float8",
        "search=gird",
        "corpus.sentense=3",
        "pair=[1,x",
        "hydra/launcher=slrm",
    ],
)
def test_advice_that_cannot_be_followed_is_found(text: str) -> None:
    try:
        taken = all(_takes(setting, tuple(COMMANDS)) for setting in Message(text, "here").settings())
    except Exception:  # Hydra's own grammar refuses it
        taken = False
    assert not taken
