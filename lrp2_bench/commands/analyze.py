"""``lrp2-bench analyze``: one analysis of one model, its tables and figures on disk and on the terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from lrp2_bench.analyses.base import Analysis, AnalysisResult, FoundT, LanguageAnalysis
from lrp2_bench.analyses.finished import ANALYSIS, FOLDER
from lrp2_bench.analyses.stored_languages import LANGUAGES, StoredLanguages
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
    and the tables once more for `lrp2-bench report`. What is measured language by language joins the languages that
    are there already, where settings, weights and data are the same; anything else is replaced, and it is said.
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

    def publish(result: AnalysisResult) -> list[Path]:
        """Whole at any time: new files take the place of old ones, the record follows, and what it names no more goes
        last."""
        before = find_object(folder / ANALYSIS)
        seconds = time.perf_counter() - start
        files = _write(folder, result)
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
        write_json(folder / ANALYSIS, record)
        _remove(folder, {*map(str, before.get("files", ()))} - {*map(str, files)})
        return files

    if isinstance(analysis, LanguageAnalysis):
        result, files = _by_language(analysis, subject, config["analysis"], folder, publish)
    else:
        result = analysis.run(subject)
        subject.data_warnings.report()
        _tell_what_is_replaced(earlier, config, folder)
        files = publish(result)
    for table in result.tables:
        console.print(to_terminal(table, console.width))
    for name, value in result.summary.items():
        log.info("%s: %.4g", name, value)
    seconds = time.perf_counter() - start
    console.print(Text(f"{analysis.name} of {subject.model_name} in {seconds:.1f} s: {folder}"), soft_wrap=True)
    tracker.log_analysis(
        AnalysisRecord(
            settings.experiment.name, subject.model_name, analysis.name, folder, files, config, result.summary
        )
    )
    return folder


def _by_language(
    analysis: LanguageAnalysis[FoundT],
    subject: Subject,
    settings: Mapping[str, Any],
    folder: Path,
    publish: Callable[[AnalysisResult], list[Path]],
) -> tuple[AnalysisResult, list[Path]]:
    """Measure, keep each language, and publish it with those that earlier runs kept."""
    stored: StoredLanguages[FoundT] = StoredLanguages(folder / LANGUAGES, analysis.kind)
    earlier = _languages_of(find_object(folder / ANALYSIS)) - stored.languages()
    measured = []
    for found in analysis.measure(subject):
        stored.keep(found.language, subject.identity(settings), found)
        measured.append(found.language)
    subject.data_warnings.report()
    if alone := earlier - {*measured}:
        log.warning(
            "The tables in '%s' had languages (%s) whose results were not kept one by one when they were made. "
            "Analyse them again to have all in one table.", folder, ", ".join(sorted(alone)),
        )  # fmt: skip
    while True:
        state = stored.state()
        together, others = stored.read(subject.identity(settings))
        result = analysis.show(subject, list(together.values()))
        files = publish(result)
        if stored.state() == state:
            break  # else another job has kept a language meanwhile: the last one to look sees them all
    for language, differing in others.items():
        log.warning(
            "'%s' was analysed with another %s and is replaced by this analysis. Analyse it again to have it in the "
            "same table. '%s'", language, ", ".join(differing), folder,
        )  # fmt: skip
        stored.forget(language)
    return result, files


def _languages_of(record: Mapping[str, Any]) -> set[str]:
    """Those of the tables of an ``analysis.json``."""
    with suppress(KeyError, TypeError, IndexError):
        tables = [table for table in record["tables"] if table["columns"][0]["key"] == "language"]
        return {str(row[0]) for table in tables for row in table["rows"]}
    return set()


def _write(folder: Path, result: AnalysisResult) -> list[Path]:
    """The paths written, below ``folder``."""
    written: list[Path] = []
    for table in result.tables:
        written += write_table(table, folder)
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


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        if Path(name).name == name:  # a file of this folder, whatever the record says
            (folder / name).unlink(missing_ok=True)
