"""``lrp2-bench dashboard``: the Optuna studies below a folder, in a browser."""

from __future__ import annotations

import errno
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.settings import DashboardCommand
from lrp2_bench.results.layout import STUDY
from lrp2_bench.results.runs import run_folders
from lrp2_bench.search.merge import find_journals, merge_studies


def run_dashboard(inputs: Sequence[Path], settings: DashboardCommand, console: Console) -> Path:
    """Merge the studies below ``inputs`` into a copy and, unless ``open=false``, serve it until Ctrl-C.

    Returns the copy's path. Raises :class:`BenchError` where there is no study, where the dashboard is not installed,
    and where the port is taken.
    """
    app = _dashboard() if settings.open else None
    folders = run_folders(inputs)
    target = Path(settings.output).expanduser() if settings.output else inputs[0] / "report" / "studies.journal"
    storage, names, problems = merge_studies(find_journals(folders, STUDY), target)
    for problem in problems:
        console.print(Text(f"Left out: {problem}", style="yellow"), soft_wrap=True)
    if not names:
        raise BenchError(
            f"There is no study below {', '.join(map(str, inputs))}. `lrp2-bench search` leaves a {STUDY} in each "
            "run's folder; studies in a database are shown by `optuna-dashboard URL`."
        )
    page = inputs[0] / "report"
    where = page if page.is_dir() and any(page.glob("*.md")) else f"`lrp2-bench report {inputs[0]}` makes them"
    console.print(Text(f"{len(names)} studies, a copy: {target}"), soft_wrap=True)
    console.print(Text(f"Our own tables and figures, every pair as it is: {where}"), soft_wrap=True)
    console.print(
        Text("Optuna's Contour and Rank draw smooth surfaces between pairs; below the diagonal nothing was evaluated."),
        soft_wrap=True,
    )
    if app is None:
        console.print(
            Text(f"To see it: lrp2-bench dashboard {inputs[0]}, or optuna-dashboard {target}"), soft_wrap=True
        )
        return target
    console.print(Text(f"Dashboard: http://{settings.host}:{settings.port} (Ctrl-C ends it)"), soft_wrap=True)
    try:
        app.run_server(storage, host=settings.host, port=settings.port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        raise BenchError(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). Give another port=, such as "
            f"port={settings.port + 1}."
        ) from error
    return target


def _dashboard() -> Any:
    try:
        return importlib.import_module("optuna_dashboard")
    except ImportError as error:
        raise BenchError(
            "The Optuna dashboard is not installed. Install it: pip install optuna-dashboard.\n"
            "open=false merges the studies without it."
        ) from error
