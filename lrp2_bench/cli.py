"""``lrp2-bench COMMAND``: a thin dispatcher; each command is a Hydra app with its own primary config."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from lrp2_bench.config.arguments import expand, manifest_argument
from lrp2_bench.config.compose import conf_dir, refuse_no_choice, register
from lrp2_bench.config.errors import explain
from lrp2_bench.core.errors import BenchError, UnknownNameError
from lrp2_bench.launchers.plugin import register_sweeper, without_hydras_words
from lrp2_bench.launchers.summary import UnfinishedError
from lrp2_bench.results.status import write_error

#: Exit code of a report that was written, but not from whole runs alone.
PARTIAL = 3

#: What to know of a command that was stopped, where it does not say so itself.
STOPPED = {
    "analyze": "Stopped. The same command goes on: language vectors and finished relations are kept.",
    "report": "Stopped before the report was whole. The same command makes it anew.",
    "vectors": "Stopped. The same command goes on: finished languages are kept.",
}

register()
_CONF = str(conf_dir())

OVERVIEW = """\
lrp2-bench: does a language model know in English what it cannot say in another language, and does moving its
hidden states into English space and back (LRP2, EMNLP 2023) let it say so?

Commands:
  demo      all of it on two small models that ship with the package: minutes, nothing downloaded
  search    every (LIRP layer, LSRP layer) pair of a model in a language: hits, tables, Optuna study, W&B run
  vectors   language vectors of a model from a corpus
  report    the paper's tables and figures from finished searches, beside the published numbers
  analyze   why a pair helps: alignment, retrieval, neurons, embeddings, a map of languages
  workspace a W&B dashboard of finished searches, as a file or published
  regret    what cheaper searches would have found on finished grids
  dashboard the Optuna studies below a folder, in a browser
  bench     the engine against hooks written by hand, on this machine
  pretrain  a small model that knows which facts it was told in which language

Start with:
  lrp2-bench demo
  lrp2-bench search model=mbert dataset=mlama language=de
  lrp2-bench report outputs/default

`lrp2-bench COMMAND --help` explains a command and lists its settings; settings are given as key=value.

Exit codes: 0 done; 1 an error; 2 no such command; 3 a report was written, but some of its runs are not finished or not
whole (each is named); 130 stopped by Ctrl-C.
"""


# Launchers pickle these functions by value: they hold nothing but imports and calls.
@hydra.main(version_base="1.3", config_path=_CONF, config_name="search")
def search(config: DictConfig) -> None:
    from lrp2_bench.commands.search.job import Sources, run_search
    from lrp2_bench.config.compose import factory, in_multirun, tree, typed
    from lrp2_bench.core.settings import SearchCommand
    from lrp2_bench.search.storage import refuse_shared_sqlite

    settings = typed(config, SearchCommand)
    if in_multirun():
        refuse_shared_sqlite(settings.search.storage)
    if settings.plan:
        from rich.console import Console

        from lrp2_bench.commands.search.plan import run_plan

        run_plan(settings, factory(config.dataset), Console())
        return
    sources = Sources(factory(config.dataset), factory(config.corpus), factory(config.tracking))
    run_search(settings, tree(config), sources)


@hydra.main(version_base="1.3", config_path=_CONF, config_name="vectors")
def vectors(config: DictConfig) -> None:
    from lrp2_bench.commands.vectors import run_vectors
    from lrp2_bench.config.compose import factory, typed
    from lrp2_bench.core.settings import VectorsCommand

    run_vectors(typed(config, VectorsCommand), factory(config.corpus))


@hydra.main(version_base="1.3", config_path=_CONF, config_name="report")
def report(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.report import run_report
    from lrp2_bench.config.compose import factory, typed
    from lrp2_bench.core.languages import groups
    from lrp2_bench.core.settings import ReportCommand

    settings = typed(config, ReportCommand)
    inputs = [Path(folder).expanduser() for folder in settings.inputs] or [Path(settings.paths.outputs).expanduser()]
    output = Path(settings.output).expanduser() if settings.output else None
    classes = groups(settings.high_from, settings.medium_from)
    console = Console(quiet=settings.quiet)
    tracker = factory(config.tracking)()  # a setting it refuses is better refused now than after the report
    done = run_report(inputs, output, settings.select_by, console, classes, settings.models, tracker)
    if settings.quiet:
        print(done.folder)
    if done.lacks:
        named = done.lacks if settings.quiet else ["Each is named above."]
        print("\n".join([f"Partial report; not whole ({len(done.lacks)}):", *named]), file=sys.stderr)
        print("What is not wanted in a report: delete its folder.", file=sys.stderr)
        raise SystemExit(PARTIAL)  # Hydra reports any exception that it knows as an error of the job


@hydra.main(version_base="1.3", config_path=_CONF, config_name="workspace")
def workspace(config: DictConfig) -> None:
    from pathlib import Path

    from rich.console import Console

    from lrp2_bench.commands.workspace import run_workspace
    from lrp2_bench.config.compose import typed
    from lrp2_bench.core.settings import WorkspaceCommand

    settings = typed(config, WorkspaceCommand)
    inputs = [Path(folder).expanduser() for folder in settings.inputs] or [Path(settings.paths.outputs).expanduser()]
    run_workspace(inputs, Path(settings.output).expanduser() if settings.output else None, settings, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="regret")
def regret(config: DictConfig) -> None:
    from pathlib import Path

    from rich.console import Console

    from lrp2_bench.commands.regret import run_regret
    from lrp2_bench.config.compose import typed
    from lrp2_bench.core.settings import RegretCommand

    settings = typed(config, RegretCommand)
    inputs = [Path(folder).expanduser() for folder in settings.inputs] or [Path(settings.paths.outputs).expanduser()]
    run_regret(inputs, Path(settings.output).expanduser() if settings.output else None, settings, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="dashboard")
def dashboard(config: DictConfig) -> None:
    from pathlib import Path

    from rich.console import Console

    from lrp2_bench.commands.dashboard import run_dashboard
    from lrp2_bench.config.compose import typed
    from lrp2_bench.core.settings import DashboardCommand

    settings = typed(config, DashboardCommand)
    inputs = [Path(folder).expanduser() for folder in settings.inputs] or [Path(settings.paths.outputs).expanduser()]
    run_dashboard(inputs, settings, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="bench")
def bench(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.bench import run_bench
    from lrp2_bench.commands.scaling import run_scaling
    from lrp2_bench.config.compose import factory, typed
    from lrp2_bench.core.settings import BenchCommand

    # The table is wide; where no terminal says how wide it may be, it takes what it needs.
    console = Console() if Console().is_terminal else Console(width=140)
    settings = typed(config, BenchCommand)
    (run_scaling if settings.scaling else run_bench)(settings, factory(config.dataset), console)


@hydra.main(version_base="1.3", config_path=_CONF, config_name="analyze")
def analyze(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.analyze import run_analyze
    from lrp2_bench.config.compose import factory, tree, typed
    from lrp2_bench.core.settings import AnalyzeCommand

    settings = typed(config, AnalyzeCommand)
    made = factory(config.analysis), factory(config.dataset), factory(config.corpus), factory(config.tracking)
    run_analyze(settings, tree(config), *made, Console())


@hydra.main(version_base="1.3", config_path=_CONF, config_name="pretrain")
def pretrain(config: DictConfig) -> None:
    from lrp2_bench.commands.pretrain import run_pretrain
    from lrp2_bench.config.compose import typed
    from lrp2_bench.core.settings import PretrainCommand

    run_pretrain(typed(config, PretrainCommand))


@hydra.main(version_base="1.3", config_path=_CONF, config_name="demo")
def demo(config: DictConfig) -> None:
    from rich.console import Console

    from lrp2_bench.commands.demo import run_demo
    from lrp2_bench.config.compose import typed
    from lrp2_bench.core.settings import DemoCommand

    run_demo(typed(config, DemoCommand), Console())


COMMANDS: dict[str, Callable[[], object]] = {
    "search": search,
    "vectors": vectors,
    "report": report,
    "analyze": analyze,
    "workspace": workspace,
    "regret": regret,
    "dashboard": dashboard,
    "bench": bench,
    "pretrain": pretrain,
    "demo": demo,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is as :data:`OVERVIEW` says. A partial report has its own by SystemExit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in {"-h", "--help", "help"}:
        print(OVERVIEW, end="")
        return 0
    # Hydra prints its own short errors unless asked for the exceptions, which can then be explained.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        if given[0] not in COMMANDS:
            raise UnknownNameError("command", given[0], COMMANDS, "`lrp2-bench` alone explains them.")
        refuse_no_choice(given[1:])
        manifest, arguments = manifest_argument(given[0], given[1:])
        if manifest is not None:
            from lrp2_bench.config.rerun import rerun_overrides

            arguments = [*rerun_overrides(Path(manifest), arguments), *arguments]
        before = sys.argv
        sys.argv = [f"lrp2-bench {given[0]}", *expand(given[0], arguments)]
        register_sweeper()
        try:
            with without_hydras_words():
                COMMANDS[given[0]]()
        finally:
            sys.argv = before
    except UnfinishedError as error:
        again = shlex.join(["lrp2-bench", *given])
        print(f"{error}\nWhat is left, all at once: {again}", file=sys.stderr)
        return 1
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2 if given[0] not in COMMANDS else 1
    except (HydraException, OmegaConfBaseException) as error:
        print(explain(error, given[0]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if given[0] in STOPPED:
            print(STOPPED[given[0]], file=sys.stderr)
        return 130
    except Exception as error:
        told: object = write_error(error) if isinstance(error, OSError) else None
        if told is None:
            traceback.print_exc()
            told = "This is a bug or a fault of the machine; please report it with the lines above."
        print(told, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
