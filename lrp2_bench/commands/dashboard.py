"""``lrp2-bench dashboard``: the Optuna studies below a folder, in a browser."""

from __future__ import annotations

import errno
import importlib
import socket
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
    if not 1 <= settings.port <= 65_535:
        raise BenchError(f"port={settings.port}: give a number from 1024 to 65535, such as port=8080.")
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
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            advice = "This machine has no such address. Give host=127.0.0.1 for this machine alone, 0.0.0.0 for all"
        elif error.errno in (errno.EADDRINUSE, errno.EACCES):
            another = 8080 if settings.port < 1024 else settings.port % 65_535 + 1
            advice = f"Give another port=, such as port={another}"
        else:
            raise
        raise BenchError(f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). {advice}.") from error
    return target


def _dashboard() -> Any:
    try:
        return importlib.import_module("optuna_dashboard")
    except ImportError as error:
        raise BenchError(
            "The Optuna dashboard is not installed. Install it: pip install optuna-dashboard.\n"
            "open=false merges the studies without it."
        ) from error
