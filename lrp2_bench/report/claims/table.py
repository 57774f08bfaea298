"""The one-page claim checks: which of the paper's claims these hits support or contradict, which are inconclusive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.analyses.finished import StoredAnalysis
from lrp2_bench.data import published
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.claims.check import Check, Outcome, counted
from lrp2_bench.report.claims.evidence import Evidence
from lrp2_bench.report.claims.gains import causal_gains_more, gain_checks
from lrp2_bench.report.claims.layers import layer_checks
from lrp2_bench.report.claims.levels import level_checks
from lrp2_bench.report.claims.neurons import neuron_checks
from lrp2_bench.stats.across_languages import FEWEST

_COLUMNS = (
    Column("subject", "model", "text"),
    Column("check", "check", "text", in_csv_only=True),
    Column("claim", "claim of the paper", "prose"),
    Column("result", "result", "text"),
    Column("ours", "ours", "prose"),
    Column("paper", "paper", "text"),
    Column("why", "why", "prose"),
    Column("figure", "figure", "change_interval", in_csv_only=True),
)


def verdict_table(models: Sequence[Evidence], analyses: Sequence[StoredAnalysis] = ()) -> Table | None:
    """Every check of every model and dataset with enough assessed languages, or of all if none has; None where no
    language was assessed."""
    enough = [each for each in models if each.assessed]
    # Of one or two languages hardly a check can be made; a model with more would drown in such rows.
    enough = [each for each in enough if len(each.assessed) >= FEWEST] or enough
    if not enough:
        return None
    checks = [*_checks(enough), *neuron_checks(analyses)]
    return Table(
        name="verdict",
        title="The paper's claims, checked",
        columns=_COLUMNS,
        rows=tuple(_row(subject, check) for subject, check in checks),
        notes=tuple(_notes(models, enough, [check.outcome for _, check in checks])),
    )


def checks_of(evidence: Evidence) -> list[Check]:
    """The checks of one model and dataset."""
    return [*gain_checks(evidence), *level_checks(evidence), *layer_checks(evidence)]


def _checks(models: Sequence[Evidence]) -> Iterator[tuple[str, Check]]:
    for evidence in models:
        subject = f"{evidence.found.model} on {evidence.found.dataset_label}, {counted(evidence.assessed)}"
        for check in checks_of(evidence):
            yield subject, check
    for dataset in dict.fromkeys(evidence.found.dataset_label for evidence in models):
        both = causal_gains_more([evidence for evidence in models if evidence.found.dataset_label == dataset])
        if both is not None:
            yield f"models compared on {dataset}", both


def _row(subject: str, check: Check) -> tuple[Cell, ...]:
    return (
        subject, check.name, check.claim, check.outcome, check.ours or None, check.paper or None, check.why or None,
        check.figure,
    )  # fmt: skip


def _notes(models: Sequence[Evidence], enough: Sequence[Evidence], outcomes: Sequence[Outcome]) -> Iterator[str]:
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in dict.fromkeys(sorted(outcomes)))
    yield f"Of {len(outcomes)} checks: {counts}. They are about these models and languages alone."
    yield (
        "Gains are in points and held-out: each fact at the intervention that other facts choose, no intervention "
        "among the choices. Brackets: 95 % over clusters of facts and over languages (two-way); of layers, rank "
        "correlations and cosines over languages alone, as if these were independent. A check is decided where they "
        "exclude 0, or chance, or by the p that is given; a gain shown to be none (TOST) contradicts one. Mechanical "
        "claims must be beyond random and shuffled shifts."
    )
    high, medium = published.IMPLIED_THRESHOLDS
    sizes = ", ".join(f"{len(enough[0].groups.get(name, ()))} {name}" for name in ("high", "medium", "low"))
    yield (
        f"Resource classes are the report's ({sizes}); high_from={high} medium_from={medium} gives classes of the "
        "paper's sizes."
    )
    yield "No correction for the number of checks: each may be decided wrongly in 1 of 20 studies."
    for evidence in models:
        if evidence.found.unread:
            lost = ", ".join(evidence.found.unread)
            yield f"{evidence.found.model} on {evidence.found.dataset_label}: the hits of {lost} cannot be read."
    for each in models:
        if each not in enough:
            searched = counted(each.assessed) if each.assessed else "no language"
            found = f"{each.found.model} on {each.found.dataset_label}"
            yield f"Too few languages for claim checks: {found}, {searched} assessed."
