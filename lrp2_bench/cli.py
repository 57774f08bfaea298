"""``lrp2-bench COMMAND``: a thin dispatcher; each command is a Hydra app with its own primary config."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from lrp2_bench.config.arguments import expand, manifest_argument
from lrp2_bench.config.command_line import OVERVIEW, STOPPED, in_order, unknown_command
from lrp2_bench.config.compose import conf_dir, factory, model_settings, refuse_no_choice, register, tree, typed
from lrp2_bench.config.errors import explain
from lrp2_bench.config.files import check_own_files
from lrp2_bench.core import settings as known
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import require_text
from lrp2_bench.core.secrets import learn_argument, learn_environment, remembering
from lrp2_bench.core.streams import safe_output
from lrp2_bench.launchers.command import run_command
from lrp2_bench.launchers.completion import FLAGS, complete
from lrp2_bench.launchers.job import repeated
from lrp2_bench.launchers.plugin import any_help_text, registered_sweeper, shared_repository
from lrp2_bench.launchers.summary import UnfinishedError
from lrp2_bench.results.status import explained_error

if TYPE_CHECKING:
    from rich.console import Console

#: Exit code of a report that was written, but not from whole runs alone.
PARTIAL = 3

register()
_CONF = str(conf_dir())


# Launchers pickle these functions by value: they hold nothing but imports and calls.
@hydra.main(version_base="1.3", config_path=_CONF, config_name="search")
def search(config: DictConfig) -> float | None:
    from lrp2_bench.commands.search.job import folder_of, run_search
    from lrp2_bench.commands.search.prepared import Sources
    from lrp2_bench.config.compose import in_multirun
    from lrp2_bench.search.storage import refuse_shared_sqlite

    settings = typed(config, known.SearchCommand)
    if in_multirun():
        refuse_shared_sqlite(settings.search.storage)
    if settings.plan:
        from rich.console import Console

        from lrp2_bench.commands.search.plan import run_plan

        folder = folder_of(settings, str(config.dataset.name))
        return run_plan(settings, factory(config.dataset), factory(config.corpus), Console(), folder)
    sources = Sources(factory(config.dataset), factory(config.corpus), factory(config.tracking))
    run_search(settings, tree(config), sources)
    return None


@hydra.main(version_base="1.3", config_path=_CONF, config_name="vectors")
def vectors(config: DictConfig) -> None:
    from lrp2_bench.commands.vectors import run_vectors

    run_vectors(typed(config, known.VectorsCommand), factory(config.corpus))


@hydra.main(version_base="1.3", config_path=_CONF, config_name="score")
def score(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.score.job import run_score
    from lrp2_bench.commands.search.prepared import Sources

    settings = typed(config, known.ScoreCommand)
    sources = Sources(factory(config.dataset), factory(config.corpus), factory(config.tracking))
    run_score(settings, tree(config), sources, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="report")
def report(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.report import run_report
    from lrp2_bench.data.language_table import groups_of, known_codes, own_languages, own_table

    settings = typed(config, known.ReportCommand)
    inputs, output = _folders(settings)
    console = Console(quiet=settings.quiet)
    tracker = factory(config.tracking)()  # a setting it refuses is better refused now than after the report
    with own_languages(own_table(settings.languages.path)):
        classes = groups_of(known_codes(), settings.high_from, settings.medium_from)
        done = run_report(
            inputs, output, settings.select_by, console, classes, settings.models, tracker, settings.stats
        )
    if settings.quiet:
        print(done.folder)
    if done.incomplete:
        named = done.incomplete if settings.quiet else ["Each is named above."]
        print("\n".join([f"Partial report; incomplete ({len(done.incomplete)}):", *named]), file=sys.stderr)
        print("To leave a run out of reports, delete its folder.", file=sys.stderr)
        raise SystemExit(PARTIAL)  # Hydra reports any exception that it knows as an error of the job


@hydra.main(version_base="1.3", config_path=_CONF, config_name="workspace")
def workspace(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.workspace import run_workspace

    settings = typed(config, known.WorkspaceCommand)
    run_workspace(*_folders(settings), settings, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="regret")
def regret(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.regret import run_regret

    settings = typed(config, known.RegretCommand)
    run_regret(*_folders(settings), settings, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="dashboard")
def dashboard(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.dashboard import run_dashboard

    settings = typed(config, known.DashboardCommand)
    run_dashboard(_folders(settings)[0], settings, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="bench")
def bench(config: DictConfig) -> None:
    from lrp2_bench.commands.bench import run_bench
    from lrp2_bench.commands.launches import run_launches
    from lrp2_bench.commands.scaling import run_scaling

    settings = typed(config, known.BenchCommand)
    run = run_scaling if settings.scaling else run_launches if settings.launches else run_bench
    run(settings, factory(config.dataset), _wide_console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="check")
def check(config: DictConfig) -> None:
    from lrp2_bench.commands.check import run_check
    from lrp2_bench.config.group_members import groups_in
    from lrp2_bench.data.language_table import own_languages, own_table
    from lrp2_bench.models.loading import load_tokenizer

    settings = typed(config, known.CheckCommand)
    with own_languages(own_table(settings.languages_path)):
        tokenizer = load_tokenizer(model_settings(config)) if settings.model is not None else None
        run_check(settings, factory(config.dataset), tokenizer, _wide_console(), lambda: groups_in(config))


@hydra.main(version_base="1.3", config_path=_CONF, config_name="analyze")
def analyze(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.analyze import run_analyze
    from lrp2_bench.config.group_members import groups_in
    from lrp2_bench.data.language_table import own_languages, own_table

    settings = typed(config, known.AnalyzeCommand)
    made = factory(config.analysis), factory(config.dataset), factory(config.corpus), factory(config.tracking)
    with own_languages(own_table(settings.languages_path)):
        run_analyze(settings, tree(config), *made, Console(), lambda: groups_in(config))


@hydra.main(version_base="1.3", config_path=_CONF, config_name="pretrain")
def pretrain(config: DictConfig) -> None:
    from lrp2_bench.commands.pretrain import run_pretrain

    run_pretrain(typed(config, known.PretrainCommand))


@hydra.main(version_base="1.3", config_path=_CONF, config_name="demo")
def demo(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.demo import run_demo

    run_demo(typed(config, known.DemoCommand), Console())


def _folders(settings: Any) -> tuple[list[Path], Path | None]:
    """Where a command looks for runs, and where it writes if it was told."""
    inputs = [Path(folder).expanduser() for folder in settings.inputs] or [Path(settings.paths.outputs).expanduser()]
    output = getattr(settings, "output", None)
    return inputs, Path(output).expanduser() if output else None


def _wide_console() -> Console:
    """For wide tables: where no terminal says how wide they may be, they take what they need."""
    from rich.console import Console

    return Console() if Console().is_terminal else Console(width=140)


COMMANDS: dict[str, Callable[[], object]] = {
    "search": search,
    "vectors": vectors,
    "score": score,
    "report": report,
    "analyze": analyze,
    "workspace": workspace,
    "regret": regret,
    "dashboard": dashboard,
    "check": check,
    "bench": bench,
    "pretrain": pretrain,
    "demo": demo,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is as :data:`OVERVIEW` says. A partial report has its own by SystemExit."""
    with safe_output(), remembering():
        return _main(in_order(sys.argv[1:] if arguments is None else arguments, COMMANDS))


def _main(given: list[str]) -> int:
    learn_environment()
    for argument in given:
        learn_argument(argument)
    if not given or given[0] in {"-h", "--help", "help"}:
        print(OVERVIEW, end="")
        return 0
    if "--version" in given:
        print(f"lrp2-bench {version('lrp2-bench')}")
        return 0
    # Hydra prints its own short errors unless asked for the exceptions, which can then be explained.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if set(given) & set(FLAGS):
            complete([argument for argument in given if argument not in COMMANDS], COMMANDS, _run)
            return 0
        if given[0] not in COMMANDS:
            raise unknown_command(given, COMMANDS)
        require_text("The setting", given)
        require_text("The working directory", [str(Path.cwd())])
        refuse_no_choice(given[1:])
        check_own_files(given[1:])
        manifest, arguments = manifest_argument(given[0], given[1:])
        if manifest is not None:
            from lrp2_bench.config.rerun import rerun_overrides

            arguments = [*rerun_overrides(Path(manifest), arguments), *arguments]
        looks = shared_repository() if {"-h", "--help"} & set(arguments) else nullcontext()
        with looks:
            _run(given[0], expand(given[0], arguments), f"lrp2-bench {given[0]}")
    except UnfinishedError as error:
        print(f"{error}\nWhat is left, all at once: {repeated(given)}", file=sys.stderr)
        return 1
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1 if given[0] in (*COMMANDS, *FLAGS) else 2
    except (HydraException, OmegaConfBaseException) as error:
        print(explain(error, given[0]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if given[0] in STOPPED:
            print(STOPPED[given[0]], file=sys.stderr)
        return 130
    except Exception as error:
        explanation: object = explained_error(error)
        if explanation is None:
            traceback.print_exc()
            explanation = "This is a bug or a fault of the machine; please report it with the lines above."
        print(explanation, file=sys.stderr)
        return 1
    return 0


def _run(command: str, arguments: Sequence[str], program: str = "lrp2-bench") -> None:
    """Hydra's app of a command; ``program`` is what Hydra calls it."""
    before = sys.argv
    sys.argv = [program, *arguments]
    try:
        with any_help_text(), registered_sweeper():
            run_command(COMMANDS[command], command, _CONF)
    finally:
        sys.argv = before


if __name__ == "__main__":
    sys.exit(main())
