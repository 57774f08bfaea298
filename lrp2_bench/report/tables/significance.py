"""How sure the best pair of every language is: the paper's protocol and the honest one side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.analyses.exposure.runs import BOOTSTRAP_NOTE
from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data import published
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import JudgedRun, JudgedRuns
from lrp2_bench.stats.held_out import SPLITS

ALPHA = 0.05


def significance_table(found: JudgedRuns) -> Table:
    """One row a judged language in the alphabet's order."""
    metric, other = found.select_by, "accuracy" if found.select_by == "transferability" else "transferability"
    beside = bool(_published(found))
    return Table(
        name=f"significance_{found.model}_{found.dataset}",
        title=f"How sure the best pairs are, {found.model} on {found.dataset}, by {metric}, in percent",
        columns=_columns(metric, other, beside),
        rows=tuple(_row(found, each, metric, other, beside) for each in found.judged.values()),
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
        Column(f"{metric}_without", f"{main} without", "percent"),
        Column(f"{metric}_change", f"{main} change", "change_interval"),
        Column(f"{metric}_honest", "honest change", "change"),
        Column(f"{metric}_optimism", "optimism", "change"),
        Column(f"{other}_without", f"{side} without", "percent", in_csv_only=True),
        Column(f"{other}_change", f"{side} change", "change_interval"),
        Column(f"{other}_honest", f"{side} honest", "change", optional=True),
        Column(f"{other}_optimism", "optimism", "change", in_csv_only=True),
        Column("gained", "won", "count", optional=True),
        Column("lost", "lost", "count", optional=True),
        Column("p", "p", "p", optional=True),
        Column("p_holm", "p Holm", "p"),
        Column("honest_p_holm", "honest p Holm", "p"),
        Column("as_good", "as good", "share"),
        Column("as_good_lirp", "their LIRP", "text", optional=True),
        Column("as_good_lsrp", "their LSRP", "text", optional=True),
        Column("as_good_pairs", "as good pairs", "text", in_csv_only=True),
        Column("pairs_chosen", "pairs chosen on halves", "count", in_csv_only=True),
    )
    if not beside:
        return columns
    return (
        *columns,
        Column("paper", "paper's pair", "pair", in_csv_only=True),
        Column("paper_as_good", "paper's in it", "text"),
    )


def _row(found: JudgedRuns, each: JudgedRun, metric: str, other: str, beside: bool) -> tuple[Cell, ...]:
    judged = each.judged
    main, side = judged.measured[metric], judged.measured[other]
    row: tuple[Cell, ...] = (
        each.run.language, each.name, judged.facts, judged.best,
        main.without.value, main.change, main.honest, main.optimism,
        side.without.value, side.change, side.honest, side.optimism,
        judged.test.gained, judged.test.lost, judged.test.p, each.p, each.honest_p,
        (len(judged.as_good), judged.pairs),
        _range([pair.lirp for pair in judged.as_good]), _range([pair.lsrp for pair in judged.as_good]),
        " ".join(map(str, judged.as_good)), len(judged.honest.chosen),
    )  # fmt: skip
    if not beside:
        return row
    paper = _published(found).get(each.run.language)
    return (*row, paper, None if paper is None else "yes" if paper in judged.as_good else "no")


def _published(found: JudgedRuns) -> dict[str, LayerPair]:
    return dict(published.optimal_pairs(found.model, found.dataset)) if found.runs[0].pivot == ENGLISH else {}


def _range(layers: Sequence[int]) -> str:
    low, high = min(layers), max(layers)
    return str(low) if low == high else f"{low}–{high}"


def _notes(found: JudgedRuns, beside: bool) -> Iterator[str]:
    yield f"Change: at the best pair by {found.select_by}, chosen and reported on the same facts, as in the paper."
    yield (
        f"Honest change: chosen on one half of the facts and reported on the other, both ways round, mean of {SPLITS} "
        "seeded splits within relations; a little low, for half the facts choose worse. Optimism: the change less that."
    )
    yield (
        "p: exact McNemar test of facts won against facts lost at the best pair, which the choice flatters; honest p: "
        "the same on halves that did not choose (twice the median). Holm: corrected over the languages in this table."
    )
    yield (
        f"As good: pairs that cannot be told from the best by {found.select_by}, of those evaluated (step-down max-T "
        "over paired resamples; every truly best pair is among them in 95 % of studies), and the layers they span."
    )
    if beside:
        yield "Paper's in it: whether the published pair is as good as our best."
    yield BOOTSTRAP_NOTE
    judged = found.judged.values()
    if judged:
        sure, honest = (sum(p < ALPHA for p in ps) for ps in ([x.p for x in judged], [x.honest_p for x in judged]))
        yield (
            f"Accuracy changes significantly in {sure} of {len(judged)} languages by p Holm, in {honest} by honest p "
            "Holm."
        )
    for language, reason in found.unread.items():
        yield f"{language} has no row: {reason}"
    without = sorted(run.language for run in found.runs if not run.is_pivot and not run.pairs)
    if without:
        yield f"Only the baseline was run, so no row: {', '.join(without)}."
