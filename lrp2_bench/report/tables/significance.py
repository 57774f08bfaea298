"""How certain the best pair of every language is: the paper's protocol and the held-out one side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.analyses.exposure.runs import BOOTSTRAP_NOTE
from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data import published
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.stats.held_out import SPLITS

ALPHA = 0.05


def significance_table(found: AssessedRuns) -> Table:
    """One row per assessed language, in alphabetical order."""
    metric, other = found.select_by, "accuracy" if found.select_by == "transferability" else "transferability"
    beside = bool(_published(found))
    return Table(
        name=f"significance_{found.model}_{found.dataset}",
        title=f"How certain the best pairs are, {found.model} on {found.dataset}, by {metric}, in percent",
        columns=_columns(metric, other, beside),
        rows=tuple(_row(found, each, metric, other, beside) for each in found.assessed.values()),
        notes=tuple(_notes(found, beside)),
    )


def _short(metric: str) -> str:
    return "transf." if metric == "transferability" else "acc."


def _columns(metric: str, other: str, beside: bool) -> tuple[Column, ...]:
    main, side = _short(metric), _short(other)
    columns = (
        Column("language", "language", "text"),
        Column("name", "name", "text", optional=True),
        Column("facts", "facts", "count", optional=True),
        Column("best", "best pair", "pair"),
        Column(f"{metric}_without", f"{main} baseline", "percent"),
        Column(f"{metric}_change", f"{main} change", "change_interval"),
        Column(f"{metric}_held_out", "held-out gain", "change"),
        Column(f"{metric}_selection_bias", "selection bias", "change"),
        Column(f"{other}_without", f"{side} baseline", "percent", in_csv_only=True),
        Column(f"{other}_change", f"{side} change", "change_interval"),
        Column(f"{other}_held_out", f"{side} held-out", "change", optional=True),
        Column(f"{other}_selection_bias", "selection bias", "change", in_csv_only=True),
        Column("gained", "miss->hit", "count", optional=True),
        Column("lost", "hit->miss", "count", optional=True),
        Column("p", "p", "p", optional=True),
        Column("p_holm", "p Holm", "p"),
        Column("held_out_p_holm", "held-out p Holm", "p"),
        Column("confidence_set", "95 % set", "share"),
        Column("confidence_set_lirp", "its LIRP", "text", optional=True),
        Column("confidence_set_lsrp", "its LSRP", "text", optional=True),
        Column("confidence_set_pairs", "95 % set, pairs", "text", in_csv_only=True),
        Column("pairs_chosen", "pairs chosen on halves", "count", in_csv_only=True),
    )
    if not beside:
        return columns
    return (
        *columns,
        Column("paper", "paper's pair", "pair", in_csv_only=True),
        Column("paper_confidence_set", "paper's in it", "text"),
    )


def _row(found: AssessedRuns, each: AssessedRun, metric: str, other: str, beside: bool) -> tuple[Cell, ...]:
    assessed = each.assessed
    main, side = assessed.measured[metric], assessed.measured[other]
    row: tuple[Cell, ...] = (
        each.run.language, each.name, assessed.facts, assessed.best,
        main.without.value, main.change, main.held_out, main.selection_bias,
        side.without.value, side.change, side.held_out, side.selection_bias,
        assessed.test.gained, assessed.test.lost, assessed.test.p, each.p, each.held_out_p,
        (len(assessed.confidence_set), assessed.pairs),
        _range([pair.lirp for pair in assessed.confidence_set]),
        _range([pair.lsrp for pair in assessed.confidence_set]),
        " ".join(map(str, assessed.confidence_set)), len(assessed.held_out.chosen),
    )  # fmt: skip
    if not beside:
        return row
    paper = _published(found).get(each.run.language)
    return (*row, paper, None if paper is None else "yes" if paper in assessed.confidence_set else "no")


def _published(found: AssessedRuns) -> dict[str, LayerPair]:
    return dict(published.optimal_pairs(found.model, found.dataset)) if found.runs[0].pivot == ENGLISH else {}


def _range(layers: Sequence[int]) -> str:
    low, high = min(layers), max(layers)
    return str(low) if low == high else f"{low}–{high}"


def _notes(found: AssessedRuns, beside: bool) -> Iterator[str]:
    yield (
        f"Change: at the best pair by {found.select_by}, in-sample (chosen and reported on the same facts), as in the "
        "paper."
    )
    yield (
        f"Held-out gain: chosen on one half of the facts, reported on the other, both ways round, mean of {SPLITS} "
        "seeded splits within relations; slightly low, since half the facts choose worse. Selection bias: the change "
        "minus the held-out gain."
    )
    yield (
        "p: exact McNemar test of miss->hit against hit->miss at the best pair, with its selection bias; held-out p: "
        "the same on halves that did not choose (twice the median). Holm: corrected over the languages in this table."
    )
    yield (
        f"95 % set: the 95 % confidence set of best pairs by {found.select_by}, of those evaluated (step-down max-T "
        "over paired resamples; every truly best pair is among them in 95 % of studies), and the layers they span."
    )
    if beside:
        yield "Paper's in it: whether the published pair is in the 95 % set."
    yield BOOTSTRAP_NOTE
    assessed = found.assessed.values()
    if assessed:
        sure, held_out = (
            sum(p < ALPHA for p in ps) for ps in ([x.p for x in assessed], [x.held_out_p for x in assessed])
        )
        yield (
            f"Accuracy changes significantly in {sure} of {len(assessed)} languages by p Holm, in {held_out} by "
            "held-out p Holm."
        )
    for language, reason in found.unread.items():
        yield f"{language} has no row: {reason}"
    without = sorted(run.language for run in found.runs if not run.is_pivot and not run.pairs)
    if without:
        yield f"Only the baseline was run, so no row: {', '.join(without)}."
