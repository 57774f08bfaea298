"""``lrp2-bench score``: the scores of all candidates at a few settings, in the folder of the search that has them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from lrp2_bench.commands.score.answers import answers_of
from lrp2_bench.commands.score.chosen import chosen_pairs, require_blocks
from lrp2_bench.commands.score.compute import ScoredRelation, ScoreEvaluator
from lrp2_bench.commands.score.metrics import MetricsByFact, score_metrics
from lrp2_bench.commands.search.fingerprint import run_identity
from lrp2_bench.commands.search.job import folder_of, load_for, read_inputs
from lrp2_bench.commands.search.prepared import Inputs, SearchJob, Sources, kept_config
from lrp2_bench.commands.search.projection import with_edit
from lrp2_bench.core.files import sha256_json
from lrp2_bench.core.progress import progress
from lrp2_bench.core.secrets import masked
from lrp2_bench.core.settings import RunCommand, ScoreCommand, SearchCommand, SearchKind, SearchSettings
from lrp2_bench.core.types import LayerPair, Setting
from lrp2_bench.interventions.base import Edit
from lrp2_bench.interventions.registry import intervention
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.render.terminal import to_terminal
from lrp2_bench.report.tables.scores import answer_table, score_table
from lrp2_bench.results import layout
from lrp2_bench.results.hits import require_same_identity
from lrp2_bench.results.identity import stored_manifest
from lrp2_bench.results.leases import Leases
from lrp2_bench.results.score_tables import (
    Answer,
    ScoreMetricRow,
    write_answers,
    write_score_metrics,
    write_wrong_answers,
)
from lrp2_bench.results.scores import ScoreParts, Strengths, stored_identity, write_scores
from lrp2_bench.results.status import JobStatus, sigterm_interrupts
from lrp2_bench.tracking.base import AnalysisRecord

log = logging.getLogger(__name__)

#: What one job of a folder scores, others wait for.
_LEASE = "scores"


@dataclass(frozen=True)
class _Prepared:
    """``settings`` begin with the baseline; ``identity`` is what decides their scores."""

    job: SearchJob
    inputs: Inputs
    model: LayeredModel
    edit: Edit | None
    settings: tuple[Setting, ...]
    identity: Mapping[str, Any]
    strengths: Strengths


def run_score(settings: ScoreCommand, config: Mapping[str, Any], sources: Sources, console: Console) -> Path:
    """Score, measure, and write ``scores.parquet``, ``pivot_scores.parquet``, ``score_metrics.csv``,
    ``answers.parquet`` and ``wrong_answers.csv`` into the run's folder; returns it.

    Finished relations are kept whatever happens later, as are the pairs of an earlier call, which stay in the files.
    Raises :class:`BenchError` for what a user can fix: among it a folder of another configuration.
    """
    started, metrics, tracker = time.perf_counter(), score_metrics(settings.metrics), sources.tracker()
    config = masked(config)
    name = str(config["dataset"]["name"])
    folder = folder_of(settings, name)
    strengths = intervention(settings.projection).strengths
    pairs = chosen_pairs(settings, folder, strengths)
    with Leases(folder) as leases, leases.holding(_LEASE), sigterm_interrupts():
        job = SearchJob(_as_search(settings, pairs), config, name, folder, JobStatus(folder / layout.STATUS), leases)
        run = _prepare(job, pairs, sources, strengths)
        found = _score(run, settings)
        measured = MetricsByFact(metrics, run.settings, strengths)
        answers: list[Answer] = []
        for each in found:
            measured.add(each.relation.facts, each.data())
            answers += answers_of(each, run.settings, strengths)
        rows = measured.rows()
        _write(run, found, rows, answers)
    job.data_warnings.report()
    for table in (
        score_table([(settings.language, rows)], "scores", ""),
        answer_table([(settings.language, answers)], "answers", ""),
    ):
        console.print(to_terminal(table, console.width))
    log.info("Scores: %s (%.1f s)", folder, time.perf_counter() - started)
    tracker.log_analysis(_record(settings, config, folder, rows))
    return folder


def _record(
    settings: ScoreCommand, config: Mapping[str, Any], folder: Path, rows: Sequence[ScoreMetricRow]
) -> AnalysisRecord:
    """For a tracker: ``METRIC/baseline`` and ``METRIC/LIRP-LSRP``, at strengths other than 1 with these."""
    *experiment, model, _, language = folder.relative_to(Path(settings.paths.outputs).expanduser()).parts
    summary = {}
    for row in rows:
        pair = row.setting
        at = "baseline" if pair is None else f"{pair.lirp}-{pair.lsrp}"
        at += f" at {pair.strengths}" if pair is not None and pair.strengths not in ("", "1") else ""
        summary[f"{row.metric}/{at}"] = row.value
    files = [Path(layout.SCORE_METRICS), Path(layout.WRONG_ANSWERS)]
    return AnalysisRecord("/".join(experiment), model, f"scores-{language}", folder, files, config, summary)


def _as_search(settings: ScoreCommand, pairs: list[LayerPair]) -> SearchCommand:
    """The search whose facts, vectors and identity these are. A search selects by metrics of hits alone, and scores are
    there for others, so what these select by is not the search's."""
    shared = {each.name: getattr(settings, each.name) for each in fields(RunCommand) if each.name != "select_by"}
    kind = SearchKind.grid if pairs else SearchKind.baseline
    return SearchCommand(**shared, search=SearchSettings(kind=kind))


def _prepare(job: SearchJob, pairs: list[LayerPair], sources: Sources, strengths: Strengths) -> _Prepared:
    inputs = read_inputs(job, sources)
    model = load_for(job, inputs)
    require_blocks(pairs, model.blocks)
    projection = inputs.projection
    if pairs:
        projection = with_edit(projection, job.settings, sources.corpus, model, inputs.checkpoint, job.data_warnings)
    identity = run_identity(job, inputs, model, projection)
    manifest = stored_manifest(job.folder, job.data_warnings)
    configs = manifest.get("config", {}), kept_config(job.config)
    before, earlier = stored_identity(job.folder / layout.SCORES, strengths)
    stored = manifest.get("identity") or before
    merged = require_same_identity(stored, identity, job.folder, configs)
    if earlier and not _fits(before, merged):
        log.warning("The scores in '%s' are of another configuration than its hits, and are replaced.", job.folder)
        earlier = []
    if earlier and not pairs:  # their vectors are not at hand, and need not be: what is kept is read
        log.info("Kept beside the baseline: %s.", ", ".join(map(str, earlier)))
    wanted = (None, *sorted({*pairs, *earlier}))
    if projection.edit is None and earlier:
        projection = with_edit(projection, job.settings, sources.corpus, model, inputs.checkpoint, job.data_warnings)
    return _Prepared(job, inputs, model, projection.edit, wanted, merged, strengths)


def _fits(stored: Mapping[str, Any], identity: Mapping[str, Any]) -> bool:
    return not stored or sha256_json(_baseline_of(stored)) == sha256_json(_baseline_of(identity))


def _baseline_of(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What of an identity decides the baseline's scores."""
    return {key: value for key, value in identity.items() if key not in ("vectors", "projection", "tokens", "strength")}


def _score(run: _Prepared, settings: ScoreCommand) -> list[ScoredRelation]:
    folder, facts = run.job.folder / layout.SCORE_PARTS, run.inputs.facts
    baseline, moved = (
        ScoreParts(folder, sha256_json(identity)) for identity in (_baseline_of(run.identity), run.identity)
    )
    evaluator = ScoreEvaluator(run.model, run.edit, settings, baseline, moved, run.job.data_warnings)
    own = sum(len(relation.facts) for relation in facts.relations) * len(run.settings)
    theirs = 0 if facts.language == facts.pivot else sum(len(relation.facts) for relation in facts.pivot_relations)
    with progress(f"Scores {facts.language}", own + theirs, "facts x configurations") as advance:
        return [
            evaluator.score(relation, pivot_relation, run.settings, advance)
            for relation, pivot_relation in zip(facts.relations, facts.pivot_relations, strict=True)
        ]


def _write(run: _Prepared, found: list[ScoredRelation], rows: list[ScoreMetricRow], answers: list[Answer]) -> None:
    folder, identity = run.job.folder, run.identity
    ours = ((each.relation, each.scores) for each in found)
    theirs = ((each.pivot_relation, each.pivot) for each in found)
    write_scores(folder / layout.PIVOT_SCORES, theirs, [None], run.strengths, identity)
    write_answers(folder / layout.ANSWERS, answers)
    write_wrong_answers(folder / layout.WRONG_ANSWERS, answers)
    write_score_metrics(folder / layout.SCORE_METRICS, rows)
    write_scores(folder / layout.SCORES, ours, run.settings, run.strengths, identity)  # last: it says what there is
