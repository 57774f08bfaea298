"""Draws and writes every figure of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from lrp2_bench.render.figures.save import save
from lrp2_bench.render.figures.style import house_style
from lrp2_bench.render.table import Table
from lrp2_bench.render.text import file_stem
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.figures.ablations import ablations
from lrp2_bench.report.figures.alignment import Aligned, alignment, read_aligned
from lrp2_bench.report.figures.between import between
from lrp2_bench.report.figures.change import change
from lrp2_bench.report.figures.heatmaps import heatmaps
from lrp2_bench.report.figures.pareto import pareto
from lrp2_bench.report.figures.relations import relations
from lrp2_bench.report.figures.strengths import strengths
from lrp2_bench.report.method import few_strengths, method
from lrp2_bench.report.run_evidence import Evidence
from lrp2_bench.report.tables.relations import summarise_relations
from lrp2_bench.results.choice import measures
from lrp2_bench.results.runs import Run


def write_figures(
    groups: Sequence[Sequence[Run]],
    folder: Path,
    select_by: str,
    assessed: Sequence[AssessedRuns] = (),
    compared: Sequence[Table] = (),
) -> tuple[list[Path], list[str]]:
    """Write each figure as ``folder/NAME.png`` and ``.pdf``: the files, and what could not be read for them.

    ``groups`` are the runs of a model and dataset each, ``assessed`` what their hits say, for figures that need those;
    ``compared`` are tables of ablations.
    What a group has no data for makes no figure.
    """
    written: list[Path] = []
    problems: list[str] = []
    evidence = {run.folder: found.evidence.get(run.language) for found in assessed for run in found.runs}
    for runs in groups:
        aligned, unread = read_aligned(runs)
        problems += unread
        with house_style():
            for name, figure in _figures(runs, aligned, select_by, evidence):
                written += save(figure, folder, file_stem(name))
    for found in assessed:
        first = found.runs[0]
        name = f"relations_{first.stem}"
        with house_style():
            drawn = relations(summarise_relations(found), first.model, first.dataset_label, select_by, method(first))
            if drawn is not None:
                written += save(drawn, folder, file_stem(name))
    for table in compared:
        with house_style():
            for name, figure in _made(table.name, ablations(table, select_by)):
                written += save(figure, folder, file_stem(name))
    return written, problems


def _figures(
    runs: Sequence[Run], aligned: Sequence[Aligned], select_by: str, evidence: Mapping[Path, object] | None = None
) -> Iterator[tuple[str, Figure]]:
    of = runs[0].stem
    read = {run.language: found for run in runs if isinstance(found := (evidence or {}).get(run.folder), Evidence)}
    for metric in measures(select_by):
        sets = {
            language: found.measured[metric].confidence_set
            for language, found in read.items()
            if metric in found.measured
        }
        yield from _made(f"heatmaps_{metric}_{of}", heatmaps(runs, metric, select_by, sets))
        at_best = {
            language: found.assessed[select_by].measured[metric]
            for language, found in read.items()
            if select_by in found.assessed
        }
        yield from _made(f"change_{metric}_{of}", change(runs, metric, select_by, at_best))
        yield from _made(f"strengths_{metric}_{of}", strengths(runs, metric, select_by))
        for each in few_strengths(runs):
            here = [replace(run.at(each), label=f"{run.label or ''} at strength {each}".strip()) for run in runs]
            yield from _made(f"heatmaps_{metric}_{of}_strength_{each}", heatmaps(here, metric, select_by))
    yield from _made(f"layers_between_{of}", between(runs, select_by))
    yield from _made(f"alignment_{of}", alignment(aligned))
    yield from _made(f"front_{of}", pareto(runs, select_by))


def _made(name: str, figure: Figure | None) -> Iterator[tuple[str, Figure]]:
    if figure is not None:
        yield name, figure
