"""Hydra's and OmegaConf's errors in words a user can act on, with the nearest name."""

from __future__ import annotations

import re

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue

from lrp2_bench.config import conf_dir
from lrp2_bench.errors import UnknownNameError


def explain(error: Exception, command: str) -> str:
    """What was wrong with the configuration of ``command``, and the next step."""
    text = str(error).strip()
    help_line = f"`lrp2-bench {command} --help` lists groups and settings."
    if isinstance(error, MissingMandatoryValue | InterpolationToMissingValueError):
        key = re.search(r"(?:value|full_key|node selected in the interpolation)[^\w]+([\w.]+)", text)
        missing = re.findall(r"MissingMandatoryValue.*?: ([\w.]+)|Missing mandatory value: ([\w.]+)", text)
        name = next((part for match in missing for part in match if part), key.group(1) if key else "a setting")
        return f"'{name}' is not set. Give it as {name}=VALUE, such as language=de or model.path=DIR.\n{help_line}"
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        return str(UnknownNameError(f"option of '{group}'", option, error.options, help_line))
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        return str(UnknownNameError("setting", unknown.group(1), _names(command), help_line))
    unknown = re.search(r"Key '([^']+)' (?:is )?not in", text)
    if unknown:
        full_key = re.search(r"full_key: (\S+)", text)
        name = full_key.group(1) if full_key else unknown.group(1)
        return str(UnknownNameError("setting", name, _names(command), help_line))
    value = re.search(r"Invalid value '([^']*)', expected one of \[([^\]]*)\]", text)
    if value:
        full_key = re.search(r"full_key: (\S+)", text)
        options = [option.strip() for option in value.group(2).split(",")]
        what = f"value of {full_key.group(1)}:" if full_key else "value"
        return str(UnknownNameError(what, value.group(1), options))
    return f"{text}\n{help_line}"


def _names(command: str) -> list[str]:
    """Every setting and group of a command, as far as its defaults compose."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(config_name=command)
    groups = [path.name for path in conf_dir().iterdir() if path.is_dir() and path.name in config]
    return sorted({*_keys(config), *groups})


def _keys(config: DictConfig, prefix: str = "") -> list[str]:
    keys = []
    for key in config:
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            keys += _keys(child, f"{prefix}{key!s}.")
        elif str(key) != "_target_":
            keys.append(f"{prefix}{key!s}")
    return keys
