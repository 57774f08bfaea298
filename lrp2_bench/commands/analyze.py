"""``lrp2-bench analyze``: one analysis of one model, its tables and figures on disk and on the terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from lrp2_bench.analyses.base import Analysis, AnalysisResult
from lrp2_bench.analyses.finished import ANALYSIS, FOLDER
from lrp2_bench.analyses.subject import Groups, Subject
from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.filenames import require_path
from lrp2_bench.core.files import write_json
from lrp2_bench.core.languages import GROUPS
from lrp2_bench.core.reading import find_object
from lrp2_bench.core.settings import AnalyzeCommand
from lrp2_bench.data.corpus import Corpus
from lrp2_bench.data.dataset import Dataset
from lrp2_bench.render.figures.save import save
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.render.stored_tables import table_to_json
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.render.text import file_stem
from lrp2_bench.render.write import write_table
from lrp2_bench.results.former_folder import require_not_elsewhere
from lrp2_bench.results.manifest import environment, peak_memory_bytes
from lrp2_bench.tracking.base import AnalysisRecord, Tracker

log = logging.getLogger(__name__)


def run_analyze(
    settings: AnalyzeCommand,
    config: Mapping[str, Any],
    make_analysis: Callable[[], Analysis],
    make_dataset: Callable[[], Dataset],
    make_corpus: Callable[[], Corpus],
    make_tracker: Callable[[], Tracker],
    console: Console,
    find_groups: Callable[[], Groups] = lambda: GROUPS,
) -> Path:
    """Run it and write ``outputs/EXPERIMENT/MODEL/analyses/ANALYSIS``; returns that folder.

    Tables as .md, .csv and .tex, figures as .png and .pdf, and ``analysis.json``: configuration, environment, seconds,
    and the tables once more for `lrp2-bench report`. What an earlier run with other settings left there is replaced.
    """
    start = time.perf_counter()
    analysis, tracker = make_analysis(), make_tracker()  # settings they refuse are better refused before the work
    subject = Subject(settings, make_dataset, make_corpus, find_groups)
    folder = subject.home / FOLDER / analysis.name
    earlier = find_object(folder / ANALYSIS)
    require_path(folder)
    root = Path(settings.paths.outputs).expanduser()
    require_not_elsewhere(root, [settings.experiment.name, subject.model_name, FOLDER, analysis.name], ANALYSIS)
    _require_same_model(earlier, subject, folder)
    result = analysis.run(subject)
    subject.data_warnings.report()
    seconds = time.perf_counter() - start
    _tell_what_is_replaced(earlier, config, folder)
    _remove(folder, earlier)
    files = _write(folder, result, console)
    record = {
        "analysis": analysis.name,
        "model": {"name": subject.model_name, "digest": subject.checkpoint.digest},
        "config": dict(config),
        "environment": environment(),
        "seconds": round(seconds, 3),
        "peak_memory_bytes": peak_memory_bytes(),
        "data_warnings": subject.data_warnings.as_dict(),
        "summary": dict(result.summary),
        "tables": [table_to_json(table) for table in result.tables],
        "figures": [file_stem(name) for name in result.figures],
        "files": [str(path) for path in files],
    }
    write_json(folder / ANALYSIS, record)  # last: with it the analysis counts as finished
    for name, value in result.summary.items():
        log.info("%s: %.4g", name, value)
    console.print(Text(f"{analysis.name} of {subject.model_name} in {seconds:.1f} s: {folder}"), soft_wrap=True)
    tracker.log_analysis(
        AnalysisRecord(
            settings.experiment.name, subject.model_name, analysis.name, folder, files, config, result.summary
        )
    )
    return folder


def _write(folder: Path, result: AnalysisResult, console: Console) -> list[Path]:
    """The paths written, below ``folder``."""
    written: list[Path] = []
    for table in result.tables:
        written += write_table(table, folder)
        console.print(to_terminal(table, console.width))
    for table in result.details:
        written += write_table(table, folder, ("csv",))
    with house_style():
        for name, draw in result.figures.items():
            written += save(draw(), folder, file_stem(name))
    return [path.relative_to(folder) for path in written]


def _require_same_model(earlier: Mapping[str, Any], subject: Subject, folder: Path) -> None:
    """Raises :class:`BenchError` where ``earlier`` is of other weights: two models may have one name."""
    model = earlier.get("model")
    stored = model.get("digest") if isinstance(model, dict) else None
    if stored is not None and stored != subject.checkpoint.digest:
        raise BenchError(
            f"'{folder}' holds this analysis of another model named '{subject.model_name}', or of "
            "other weights. Give this one a model.name or an experiment.name of its own, or delete that folder."
        )


def _without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings less those of where things are kept."""
    return {
        key: {name: each for name, each in value.items() if name != "cache"} if isinstance(value, dict) else value
        for key, value in config.items()
        if key != "paths"
    }


def _tell_what_is_replaced(earlier: Mapping[str, Any], config: Mapping[str, Any], folder: Path) -> None:
    stored = earlier.get("config")
    if not isinstance(stored, dict):
        return
    before, now = _without_places(stored), _without_places(config)
    keys = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    if keys:
        log.warning("This replaces an analysis with other settings (%s). '%s'", ", ".join(keys), folder)


def _remove(folder: Path, earlier: Mapping[str, Any]) -> None:
    """The earlier run's files: those of other languages would otherwise stand among the new ones."""
    (folder / ANALYSIS).unlink(missing_ok=True)
    for name in earlier.get("files", ()):
        if Path(name).name == name:  # a file of this folder, whatever the record says
            (folder / name).unlink(missing_ok=True)
