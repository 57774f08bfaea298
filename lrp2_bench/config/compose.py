"""Hydra's side: where ``conf/`` is, the structured schemas, and objects made from configs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from lrp2_bench.config.cheap_composition import spare_repetition
from lrp2_bench.config.extensions import GROUPS, list_metrics, nodes, require_registered, selected, takes
from lrp2_bench.config.hydra_asserts import keep_asserts
from lrp2_bench.config.kept_compositions import keep_compositions
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.core.filenames import file_name, require_text
from lrp2_bench.core.files import at_home, home_error
from lrp2_bench.core.secrets import learn, masked
from lrp2_bench.core.seeds import MOST, require_seed
from lrp2_bench.core.settings import (
    LRP2,
    AnalyzeCommand,
    BenchCommand,
    CheckCommand,
    DashboardCommand,
    DemoCommand,
    ModelSettings,
    PretrainCommand,
    ProjectionSettings,
    RegretCommand,
    ReportCommand,
    ScoreCommand,
    SearchCommand,
    VectorsCommand,
    WorkspaceCommand,
)
from lrp2_bench.data.registry import SELECTION
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.models.names import folder_name

#: The group of ``sweeps/``: ``lrp2-bench search -m +sweep=NAME``.
SWEEP = "sweep"


def conf_dir() -> Path:
    """``conf/`` beside the package in a checkout, inside it when installed from a wheel."""
    return _shipped("conf")


def sweeps_dir() -> Path:
    """``sweeps/``, in the same places."""
    return _shipped("sweeps")


def register() -> None:
    """Make the schemas, the sweeps and the resolvers known to Hydra; safe to call more than once."""
    keep_asserts()
    spare_repetition()
    keep_compositions()
    store = ConfigStore.instance()
    store.store(name="search_schema", node=SearchCommand)
    store.store(name="vectors_schema", node=VectorsCommand)
    store.store(name="score_schema", node=ScoreCommand)
    store.store(name="report_schema", node=ReportCommand)
    store.store(name="bench_schema", node=BenchCommand)
    store.store(name="check_schema", node=CheckCommand)
    store.store(name="analyze_schema", node=AnalyzeCommand)
    store.store(name="pretrain_schema", node=PretrainCommand)
    store.store(name="demo_schema", node=DemoCommand)
    store.store(name="regret_schema", node=RegretCommand)
    store.store(name="dashboard_schema", node=DashboardCommand)
    store.store(name="workspace_schema", node=WorkspaceCommand)
    # The search path would name the group after the folder it found it in; the store names it as it is typed.
    for path in sorted(sweeps_dir().glob("*.yaml")):
        store.store(group=SWEEP, name=path.stem, node=OmegaConf.load(path), package="_global_", provider=str(path))
    OmegaConf.register_new_resolver("file_name", lambda name: file_name(str(name)), replace=True)
    OmegaConf.register_new_resolver("experiment_folder", _experiment_folder, replace=True)
    OmegaConf.register_new_resolver("job_folder", _job_folder, replace=True)
    for group in GROUPS:
        for name, node in nodes(group, conf_dir() / group).items():
            store.store(group=group, name=name, node=node)
    OmegaConf.register_new_resolver("log_name", _log_name, replace=True)
    OmegaConf.register_new_resolver("groups", _groups, replace=True)
    OmegaConf.register_new_resolver("metrics", list_metrics, replace=True)
    # Hydra makes its folders as they are written; ~ is no folder.
    OmegaConf.register_new_resolver("expanduser", lambda path: str(at_home(path)), replace=True)


def options(group: str) -> list[str]:
    """What can be chosen of a group, sorted; empty for what is no group."""
    if group == SWEEP:
        return sorted(path.stem for path in sweeps_dir().glob("*.yaml"))
    folder = conf_dir() / group
    return sorted({*(path.stem for path in folder.glob("*.yaml")), *nodes(group, folder)})


def refuse_no_choice(arguments: Iterable[str]) -> None:
    """Raises :class:`BenchError` for ``model=null`` and ``model=[a,b]``, which Hydra fails on or merges in silence."""
    for argument in arguments:
        key, _, value = argument.lstrip("+").partition("=")
        if value.strip() in {"null", "~"} and options(key):
            raise UnknownNameError(
                key, value, options(key), f"Leave {key}= out for the default; --help lists groups and settings."
            )
        if value.startswith("[") and options(key):
            several = value.strip("[] ").replace(" ", "")
            raise BenchError(f"'{argument}': a job takes one {key}. For a job each: -m {key}={several}.")


def in_multirun() -> bool:
    """Whether the job at hand is one of several."""
    return HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN


def typed(config: DictConfig, command: type[Any]) -> Any:
    """``config`` as an instance of its settings class; parts that are instantiated stay plain.

    Hydra lets ``+key=value`` add what no class has and nothing reads; that raises UnknownNameError, and so does a name
    that nobody registered. Raises :class:`BenchError` for a ``seed`` that is none.
    """
    require_registered(config)
    settings = OmegaConf.to_object(config)
    learn(OmegaConf.to_container(config, resolve=True, enum_to_str=True))
    if not isinstance(settings, command):
        raise BenchError(
            f"The configuration is none of {command.__name__}: a `# @package` line puts it in another place."
        )
    for name, known in _added(settings):
        raise UnknownNameError("setting", name, known, "A + adds a sweep (+sweep=NAME) and nothing else.")
    require_text("The configuration's", _texts(tree(config)))
    if getattr(settings, "seed", None) is not None:
        require_seed("seed", settings.seed, below=MOST)
    return settings


def model_settings(config: DictConfig) -> Any:
    """The model of a command that can do without one."""
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelSettings), config.model))


def tree(config: DictConfig) -> dict[str, Any]:
    """``config`` resolved, as plain JSON-able values without credentials: a record, nothing to connect with."""
    resolved = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    if not isinstance(resolved, dict):
        raise BenchError("The configuration is not a mapping of settings.")
    return {str(key): value for key, value in masked(resolved).items()}


def factory(config: DictConfig) -> Callable[[], Any]:
    """A function that makes the object ``config`` describes; an error the user can fix comes out as it is."""

    def make() -> Any:
        try:
            # DATASET of run folders is the option's name, which a class need not know.
            known = config if "name" not in config or takes(config._target_, "name") else _without(config, "name")
            chosen = {key: known[key] for key in SELECTION if key in known and not takes(config._target_, key)}
            made = instantiate(_without(known, *chosen), _convert_="all")
            return selected(made, known, chosen) if chosen else made
        except InstantiationException as error:
            if isinstance(error.__cause__, BenchError):
                raise error.__cause__ from None
            raise home_error(error.__cause__) or BenchError(
                f"Cannot use the configuration of '{config._target_}': {error.__cause__ or error}"
            ) from error

    return make


# Resolvers that read the whole configuration, since OmegaConf parses one nested in another slowly, and each many times.
def _experiment_folder(*, _root_: Any) -> str:
    """Of a search: OUTPUTS/EXPERIMENT."""
    return f"{Path(str(_root_.paths.outputs)).expanduser()}/{file_name(str(_root_.experiment.name))}"


def _job_folder(*, _root_: Any) -> str:
    """Below it: MODEL/DATASET/LANGUAGE, of an ablation behind its name (``random/``)."""
    projection = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ProjectionSettings), _root_.projection))
    label, model = intervention(cast(ProjectionSettings, projection)).label, _root_.model
    names = [folder_name(model.name, model.path), str(_root_.dataset.name), str(_root_.language)]
    return "/".join(file_name(name) for name in ([] if label == LRP2 else [label]) + names)


def _without(config: DictConfig, *keys: str) -> DictConfig:
    kept = OmegaConf.masked_copy(config, [str(other) for other in config if other not in keys])
    kept._set_parent(config._get_parent())  # ${paths.cache} is looked up from there
    return kept


def _log_name(*, _root_: Any) -> str:
    """Of the log's file; each shard has its own."""
    index, count = _root_.shard.index, _root_.shard.count
    return "search" if count == 1 else f"search-{index}-of-{count}"


def _groups(*, _root_: Any) -> str:
    """For the help of a command: the groups that it chooses from, a line each with their options."""
    names = sorted(str(name) for name in _root_.hydra.runtime.choices if "/" not in str(name))
    lines = [f"{name}: {', '.join(options(name))}" for name in names]
    return "\n".join([*lines, f"+{SWEEP}: {', '.join(options(SWEEP))}"] if "search" in names else lines)


def _shipped(name: str) -> Path:
    """A folder of YAML files beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / name, package.parent / name):
        if any(folder.glob("*.yaml")):
            return folder
    raise BenchError(f"The configuration folder '{name}' is neither in '{package}' nor beside it. Install again.")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a tree, ``~`` as the home that it stands for."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield str(at_home(value)) if value.startswith("~") else value


def _added(settings: Any, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Keys that are in no settings class, each with those that are in its place."""
    known = [field.name for field in fields(settings)]
    for key, value in vars(settings).items():
        if key not in known:
            yield prefix + key, [prefix + name for name in known]
        elif is_dataclass(value):
            yield from _added(value, f"{prefix}{key}.")
