"""``lrp2-bench search --from-manifest``: the settings of a finished run as a command line that makes it again."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from lrp2_bench.config.arguments import as_value
from lrp2_bench.config.compose import SWEEP, conf_dir
from lrp2_bench.config.extensions import nodes, takes
from lrp2_bench.core.errors import BenchError, UnknownNameError, nearest
from lrp2_bench.core.secrets import has_mask
from lrp2_bench.data.registry import SELECTION
from lrp2_bench.results.reproduction import read_reproduction

#: Settings that are about the job rather than the run.
_OF_THE_JOB = ("shard", "plan", "reproduces")
#: What settings were called in manifests of earlier versions, and are now.
_RENAMED = {"grid.rough_normalisers": "grid.rough_log_partitions"}


def rerun_overrides(path: Path, given: Sequence[str]) -> list[str]:
    """Overrides that compose the configuration in the manifest at ``path``, to stand before those ``given``.

    What is given overrules the manifest, so a key (or group) given is left out here. Only what differs from the
    defaults is named, so that settings made of others (such as a cache below ``paths.cache``) follow them. Raises
    :class:`BenchError` for what is no manifest, and for a configuration this version has no settings for.
    """
    keys = [argument.partition("=")[0].lstrip("+~") for argument in given if not argument.startswith("-")]
    if SWEEP in keys:
        raise BenchError(f"--from-manifest repeats one run: leave +{SWEEP} out, or run the sweep without it.")
    original = read_reproduction(path)
    stored = {key: value for key, value in original.config.items() if key not in _OF_THE_JOB}
    choices = [f"{group}={_option(original.path, group, stored[group])}" for group in _groups() if group in stored]
    # What a group's option is made of is the option's own affair: modules have moved since older versions.
    plain = _composed(choices, resolve=False)
    known = dict(_leaves(plain))
    leaves = _leaves(stored, whole=known)
    wanted = {_RENAMED.get(key, key): value for key, value in leaves if not key.endswith("._target_")}
    # What a + gave to a class in addition is in no option.
    added = {key: wanted.pop(key) for key in sorted(wanted.keys() - known.keys()) if _is_taken(key, plain)}
    unknown = sorted(wanted.keys() - known.keys())
    if unknown:
        listed = ", ".join(f"{key} (near: {nearest(key, known) or 'nothing'})" for key in unknown)
        raise BenchError(
            f"'{original.path}' has settings that this version does not have: {listed}.\n"
            f"It was written by lrp2-bench {_version(original.manifest)}: use that one, or give the settings yourself."
        )
    overrides = [*choices, *(f"+{key}={as_value(_literal(value))}" for key, value in added.items())]
    # First what is written out, then what is made of others and still differs.
    for resolve in (False, True):
        found = dict(_leaves(_composed(overrides, resolve=resolve), whole=known))
        overrides += [
            f"{key}={as_value(_literal(value))}"
            for key, value in wanted.items()
            if found[key] != value and (resolve or not _is_made_of_others(found[key]))
        ]
    overrides = [entry for entry in overrides if not _is_overruled(entry, keys)]
    lost = [entry for entry in overrides if has_mask(entry)]
    if lost:
        names = ", ".join(entry.partition("=")[0] for entry in lost)
        raise BenchError(
            f"'{original.path}' has no credentials, and these settings need some: {names}.\n"
            "Give each again after --from-manifest, best with the credential in the environment, as in "
            "'search.storage=\"postgresql+psycopg://USER:${oc.env:PGPASSWORD}@HOST/NAME\"'; search.storage=null does "
            "without the database."
        )
    return [*overrides, f"reproduces={as_value(_literal(str(original.path)))}"]


def _is_overruled(override: str, given: Sequence[str]) -> bool:
    key = override.partition("=")[0].lstrip("+")
    return any(key == other or key.startswith(f"{other}.") for other in given)


def _is_taken(key: str, composed: Mapping[str, Any]) -> bool:
    """Whether the setting ``GROUP.NAME`` (or one inside it) is a parameter of the class that the group makes."""
    group, _, name = key.partition(".")
    node, name = composed.get(group), name.partition(".")[0]
    if not isinstance(node, Mapping) or "_target_" not in node:
        return False
    return takes(node["_target_"], name) or (group == "dataset" and name in SELECTION)


def _literal(value: Any) -> Any:
    """``value``, resolved, so that OmegaConf takes no ``${`` in it for another setting."""
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", value)
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list | tuple) else value


def _groups() -> list[str]:
    """The groups of the search's own settings; Hydra's are the machine's."""
    return sorted(path.name for path in conf_dir().iterdir() if path.is_dir() and path.name != "hydra")


def _option(path: Path, group: str, stored: Any) -> str:
    """The option of ``group`` with the most of the ``stored`` values and the fewest others."""
    folder = conf_dir() / group
    options = {file.stem: dict(_leaves(_load(file))) for file in sorted(folder.glob("*.yaml"))}
    options |= {name: dict(_leaves(node)) for name, node in nodes(group, folder).items()}
    wanted = dict(_leaves(stored)) if isinstance(stored, Mapping) else {}
    scores = {}
    for name, leaves in options.items():
        if _is_same_class(leaves.get("_target_"), wanted.get("_target_")):
            written = {key: value for key, value in leaves.items() if value != "???" and not _is_made_of_others(value)}
            scores[name] = sum(1 if wanted.get(key) == value else -1 for key, value in written.items())
    if not scores:
        targets = {str(leaves.get("_target_")) for leaves in options.values()}
        hint = f"Choose another with {group}=NAME."
        raise UnknownNameError(f"{group} in '{path}':", str(wanted.get("_target_")), targets, hint)
    return max(scores, key=lambda name: scores[name])


def _is_same_class(ours: object, stored: object) -> bool:
    """Whether both name one of our classes, wherever its module was when the manifest was written."""
    names = [str(name).rpartition(".")[2] for name in (ours, stored) if str(name).startswith("lrp2_bench.")]
    return ours == stored or (len(names) == 2 and names[0] == names[1])


def _load(file: Path) -> dict[str, Any]:
    option = OmegaConf.load(file)
    if not isinstance(option, DictConfig):
        raise BenchError(f"'{file}' is not a mapping of settings.")
    return _plain(option, resolve=False)


def _composed(overrides: Sequence[str], *, resolve: bool) -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return _plain(compose(config_name="search", overrides=list(overrides)), resolve=resolve)


def _plain(config: DictConfig, *, resolve: bool) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=resolve, enum_to_str=True)
    if not isinstance(plain, dict):
        raise BenchError("The configuration is not a mapping of settings.")
    return {str(key): value for key, value in plain.items()}


def _leaves(
    tree: Mapping[str, Any], prefix: str = "", whole: Container[str] = frozenset()
) -> Iterator[tuple[str, Any]]:
    """Settings by their dotted names; those named in ``whole`` may be mappings themselves (model.device_map)."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value and f"{prefix}{key}" not in whole:
            yield from _leaves(value, f"{prefix}{key}.", whole)
        else:
            yield prefix + str(key), value


def _is_made_of_others(value: object) -> bool:
    return isinstance(value, str) and "${" in value


def _version(manifest: Mapping[str, Any]) -> str:
    packages = manifest["environment"].get("packages")
    version = packages.get("lrp2-bench") if isinstance(packages, dict) else None
    return str(version or "of an unknown version")
