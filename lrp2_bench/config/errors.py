"""Hydra's and OmegaConf's errors in words a user can act on, with the nearest name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    ValidationError,
)

from lrp2_bench.config.compose import SWEEP, conf_dir
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.languages import LANGUAGES
from lrp2_bench.core.quoting import quoting_advice

#: What settings take that have no default, or whose form is not plain.
_TAKES = {
    "language": f"language=CODE, such as language=de.\nKnown: {', '.join(LANGUAGES)}.",
    "metrics": "metrics=[NAME,NAME], such as metrics=[accuracy_macro]; --help lists them.",
    "model.path": "model.path=DIR_OR_HUB_ID, a model's folder, its name on the Hugging Face hub, or a GGUF file.",
}


def explain(error: Exception, command: str) -> str:
    """What was wrong with the configuration of ``command``, and the next step."""
    help_line = f"`lrp2-bench {command} --help` lists groups and settings."
    for cause in _chain(error):
        message = _explain(cause, command, help_line)
        if message is not None:
            return message
    return f"{str(error).strip()}\n{help_line}"


def _explain(error: BaseException, command: str, help_line: str) -> str | None:
    """None where another error of the chain says more."""
    text = str(error).strip()
    first_line = text.split("\n")[0]
    if isinstance(error, BenchError):  # of a resolver
        return f"{text}\n{help_line}"

    def tries(override: str) -> bool:
        return _composes(command, override)

    key = str(getattr(error, "full_key", None) or "")
    # Where an interpolation met the gap, full_key is the interpolation's own, and the error a resolver's.
    named = re.search(r"Missing mandatory value: ([\w.]+)", first_line)
    if named or isinstance(error, MissingMandatoryValue | InterpolationToMissingValueError):
        name = named.group(1) if named else key
        return f"'{name}' is not set. Give it as {_TAKES.get(name, f'{name}=VALUE.')}\n{help_line}"
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        return str(UnknownNameError(group, option, error.options, help_line))
    unknown = re.search(r"Could not (?:override|delete from config\.) '([^']+)'", first_line)
    if unknown and unknown.group(1).startswith("hydra.launcher."):
        name = unknown.group(1).removeprefix("hydra.launcher.")
        return (
            f"{unknown.group(1)} is not a setting of this launcher; conf/hydra/launcher/ has those of each.\n"
            f"With hydra/launcher=submitit_slurm, an option of sbatch (--{name}) is given as "
            f"+hydra.launcher.additional_parameters.{name}=VALUE\n{help_line}"
        )
    if unknown or (isinstance(error, ConfigKeyError) and key):
        name, names = unknown.group(1) if unknown else key, _names(command)
        if name in names:  # of what is chosen by default
            group = name.partition(".")[0]
            return f"'{name}' is a setting of another choice of {group} than yours.\nLeave it out. {help_line}"
        return str(UnknownNameError("setting", name, names, help_line))
    if isinstance(error, ValidationError) and key:
        value = re.search(r"Invalid value '([^']*)', expected one of \[([^\]]*)\]", first_line)
        if value:
            options = [option.strip() for option in value.group(2).split(",")]
            return str(UnknownNameError(f"value of {key}:", value.group(1), options, help_line))
        inside = [name for name in _names(command) if name.startswith(f"{key}.")]
        expected = f"It is a group of settings: {', '.join(inside)}.\n" if inside else ""
        expected += f"Give it as {_TAKES[key]}\n" if key in _TAKES else ""
        return f"'{key}' does not take this: {first_line.rstrip('.')}.\n{expected}{help_line}"
    if isinstance(error, OverrideParseException):
        return f"A setting cannot be read: {error.override}\n{quoting_advice(error.override, tries)}\n{help_line}"
    merged = re.search(r"Error merging override (.*=[\[{].*)$", first_line)
    if merged and "to string" in str(error.__cause__):  # brackets and braces where a text belongs
        one = merged.group(1)
        return f"{one} is not text but a list or a dictionary.\n{quoting_advice(one, tries)}\n{help_line}"
    if isinstance(error, InterpolationResolutionError):
        if any(isinstance(cause, BenchError) for cause in _chain(error.__cause__ or error.__context__)):
            return None  # it comes next, and says more
        return (
            f"{first_line}.\n"
            f"${{NAME}} stands for another setting, ${{oc.env:NAME}} for a variable of the environment; for the text "
            f"itself write a backslash before it: 'KEY=\\${{NAME}}'\n{help_line}"
        )
    ambiguous = re.search(r"Ambiguous value for argument '(.*)'", first_line)
    if ambiguous:
        one = ambiguous.group(1)
        return (
            f"'{one}' is several values, a job each: add -m for a multirun.\n{quoting_advice(one, tries)}\n"
            f"For a list: {shlex.quote('{}=[{}]'.format(*one.split('=', 1)))}\n{help_line}"
        )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it. OmegaConf passes one error on as several; the outermost knows the full key."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _composes(command: str, override: str) -> bool:
    """Whether ``override`` is read, and its value taken. Unknown for a key of other choices of groups."""
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            compose(config_name=command, overrides=[override])
    except ConfigCompositionException as error:
        return isinstance(error.__cause__, ConfigAttributeError | ConfigKeyError)
    except HydraException:
        return False
    return True


def _names(command: str) -> list[str]:
    """Every setting and group of a command, as far as its defaults compose."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(config_name=command, return_hydra_config=True)
    groups = [str(name) for name in config.hydra.runtime.choices if "/" not in str(name)]
    added = [f"+{SWEEP}"] if command == "search" else []
    return sorted({*(key for key in _keys(config) if not key.startswith("hydra.")), *groups, *added})


def _keys(config: DictConfig, prefix: str = "") -> list[str]:
    keys = []
    for key in config:
        child = config._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            keys += _keys(child, f"{prefix}{key!s}.")
        elif str(key) != "_target_":
            keys.append(f"{prefix}{key!s}")
    return keys
