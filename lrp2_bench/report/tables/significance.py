"""How certain the best pair of every language is: the held-out protocol first, the paper's beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrp2_bench.core.languages import ENGLISH
from lrp2_bench.core.types import LayerPair
from lrp2_bench.data import published
from lrp2_bench.metrics.better import if_less_is_better, sides
from lrp2_bench.render.table import Cell, Column, Table
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.stats.clusters import RESAMPLES
from lrp2_bench.stats.confidence_set import by_layers
from lrp2_bench.stats.held_out import ENOUGH, FOLDS
from lrp2_bench.stats.max_t import FEWEST

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
    return {"transferability": "transf.", "accuracy": "acc."}.get(metric, metric)


def _columns(metric: str, other: str, beside: bool) -> tuple[Column, ...]:
    main, side = _short(metric), _short(other)
    columns = (
        Column("language", "language", "text"),
        Column("name", "name", "text", optional=True),
        Column("facts", "facts", "count", optional=True),
        Column("clusters", "clusters", "count", optional=True),
        Column(f"{metric}_without", f"{main} baseline", "interval", optional=True),
        Column(f"{metric}_held_out", f"{main} held-out gain", "change_interval"),
        Column("held_out_p_holm", "p Holm", "p"),
        Column("equivalence_p", "p none, Holm", "p", optional=True),
        Column(f"{metric}_shrunken", "shrunken", "change_interval"),
        Column("new_language", "others' pair", "text", optional=True),
        Column("new_language_gain", "its change", "change_interval", optional=True),
        Column("best", "best pair", "pair"),
        Column(f"{metric}_change", f"{main} in-sample", "change_interval"),
        Column("p_max_t", "p max-T", "p"),
        Column(f"{metric}_selection_bias", "selection bias", "change", in_csv_only=True),
        Column(f"{other}_without", f"{side} baseline", "interval", in_csv_only=True),
        Column(f"{other}_held_out", f"{side} held-out", "change_interval", optional=True),
        Column(f"{other}_change", f"{side} in-sample", "change_interval", in_csv_only=True),
        Column(f"{other}_selection_bias", "selection bias", "change", in_csv_only=True),
        Column("gained", "miss->hit", "count", optional=True),
        Column("lost", "hit->miss", "count", optional=True),
        Column("naive_p", "naive p (McNemar)", "p", in_csv_only=True),
        Column("naive_p_holm", "naive p Holm", "p", optional=True),
        Column("monte_carlo", "Monte Carlo error", "change", in_csv_only=True),
        Column("design_effect", "design effect, baseline", "percent", in_csv_only=True),
        Column("design_effect_change", "design effect, change", "percent", in_csv_only=True),
        Column("confidence_set", "95 % set", "share"),
        Column("confidence_set_lirp", "its LIRP", "text", optional=True),
        Column("confidence_set_lsrp", "its LSRP", "text", optional=True),
        Column("confidence_set_pairs", "95 % set, pairs", "text", in_csv_only=True),
        Column("declined", "no intervention, percent of folds", "percent", in_csv_only=True),
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
    new = each.new_language
    told = assessed.held_out.told
    row: tuple[Cell, ...] = (
        each.run.language, each.name, assessed.facts, assessed.clusters.count,
        main.without, main.held_out, each.held_out_p, found.equivalence_p[each.run.language],
        each.shrunken, None if new is None else "none" if new.pair is None else str(new.pair),
        None if new is None else new.gain,
        assessed.best, main.change, each.p, main.selection_bias,
        side.without, side.held_out, side.change, side.selection_bias,
        assessed.naive.gained, assessed.naive.lost, assessed.naive.p, each.naive_p,
        assessed.held_out.monte_carlo[metric] if told else None, *assessed.design_effects,
        (len(assessed.confidence_set), assessed.pairs),
        _range([pair.lirp for pair in assessed.confidence_set]),
        _range([pair.lsrp for pair in assessed.confidence_set]),
        " ".join(map(str, assessed.confidence_set)), assessed.held_out.chosen.get(0, 0.0) if told else None,
    )  # fmt: skip
    if not beside:
        return row
    paper = _published(found).get(each.run.language)
    # The paper names layers, at full strength; ours may be of several strengths, or of other layers.
    held = by_layers(assessed.memberships).get(paper) if paper else None
    return (*row, paper, None if held is None else "yes" if held.kept else "no")


def _published(found: AssessedRuns) -> dict[str, LayerPair]:
    return dict(published.optimal_pairs(found.model, found.dataset)) if found.runs[0].pivot == ENGLISH else {}


def _range(layers: Sequence[int]) -> str:
    low, high = min(layers), max(layers)
    return str(low) if low == high else f"{low}–{high}"


def _notes(found: AssessedRuns, beside: bool) -> Iterator[str]:
    assessed = [each.assessed for each in found.assessed.values()]
    errors = [each.held_out.monte_carlo[found.select_by] for each in assessed if each.held_out.told]
    less = if_less_is_better(found.select_by, f"; less of {found.select_by} is better, so that what falls gains")
    largest = f"; its Monte Carlo error is {max(errors):.3f} points at most" if errors else ""
    yield (
        f"Held-out gain: each fact at the intervention that other facts choose by {found.select_by} ({FOLDS} folds of "
        "clusters, no intervention among the choices and chosen in a tie), less the baseline, mean over "
        f"deals{largest}{less}. None with fewer than {ENOUGH} clusters. p Holm: that it is 0, corrected over the "
        "languages in this table."
    )
    yield from _of_clusters(found)
    yield (
        f"p none: that the held-out gain is {found.stats.equivalence_margin:g} points or more to either side (TOST), "
        "corrected like p Holm; below 0.05 it is shown to be no effect, a wide interval over 0 shows nothing. "
        "Shrunken: the held-out gain drawn to the languages' mean by as much as it is noise of its own (empirical "
        "Bayes)."
    )
    yield (
        "Others' pair: the best on average over the other languages, or none: what a new language would be given, and "
        "what it changes here. The other languages ask the same facts, so where a pair turns the same facts in many "
        "languages its change is too high: it speaks for new languages, not for new facts."
    )
    end = "lower" if found.sign > 0 else "upper"
    yield (
        f"In-sample: at the best pair by {found.select_by}, chosen and reported on the same facts, as in the paper; "
        f"the {end} bound holds for all pairs at once. p max-T: no pair is better than the baseline, one-sided, over "
        f"all pairs and languages jointly (Romano and Wolf); none with fewer than {FEWEST} clusters. Naive p: exact "
        "McNemar test of miss->hit against hit->miss at the best pair, as if it had been named beforehand and facts "
        "were independent."
    )
    yield (
        f"95 % set: the 95 % confidence set of best pairs by {found.select_by}, of those evaluated (step-down max-T "
        "over paired resamples; every truly best pair is among them in 95 % of studies), and the layers they span."
    )
    if beside:
        yield (
            "Paper's in it: whether the published layers are in the 95 % set, at whatever strength was searched; "
            "nothing where they were not evaluated."
        )
    if assessed:
        yield _counted(found)
    for language, reason in found.unread.items():
        yield f"{language} has no row: {reason}"
    without = sorted(run.language for run in found.runs if not run.is_pivot and not run.pairs)
    if without:
        yield f"Only the baseline was run, so no row: {', '.join(without)}."


def _of_clusters(found: AssessedRuns) -> Iterator[str]:
    """What facts are resampled by, and what that costs."""
    assessed = [each.assessed for each in found.assessed.values()]
    kinds = ", ".join(dict.fromkeys(each.clusters.kind for each in assessed)) or "fact"
    effects = [[each.design_effects[side] for each in assessed] for side in (0, 1)]
    shown = [f"{min(side):.1f} to {max(side):.1f}" for side in effects if side]
    yield (
        f"Intervals: 95 %, by clusters of facts ({kinds}); bootstraps have {RESAMPLES:,} resamples."
        + (f" Design effect: {shown[0]} for the baseline, {shown[1]} for the change." if shown else "")
    )
    warned = [each for each in found.assessed.values() if each.assessed.clusters.warning]
    if warned:
        yield f"{', '.join(each.run.language for each in warned)}: {warned[0].assessed.clusters.warning}"


def _counted(found: AssessedRuns) -> str:
    all_ = list(found.assessed.values())
    gains = [(each.assessed.measured[found.select_by].held_out, each.held_out_p) for each in all_]
    up, down = (sum(p < ALPHA and sign * gain.value > 0 for gain, p in gains) for sign in (found.sign, -found.sign))
    better, worse = sides(found.select_by)
    naive, any_ = (sum(p < ALPHA for p in ps) for ps in ([x.naive_p for x in all_], [x.p for x in all_]))
    none = sum(p < ALPHA for p in found.equivalence_p.values())
    return (
        f"Of {len(all_)} languages the held-out gain is {better} 0 in {up} and {worse} it in {down} (p Holm below "
        f"0.05), and shown to be none in {none}. Some pair is better than the baseline in {any_} by max-T; the naive "
        f"test would say that accuracy changes in {naive}."
    )
