"""One language's search as the page shows it: numbers as ``pairs.csv`` has them, evidence where there is any."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from typing import Any

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.data.language_table import language_family, language_name
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns
from lrp2_bench.report.figures.alignment import read_aligned
from lrp2_bench.report.method import ablation_note
from lrp2_bench.report.page.shown_facts import FactTexts, facts_of
from lrp2_bench.report.page.texts import plain
from lrp2_bench.report.run_evidence import Evidence
from lrp2_bench.results.choice import value
from lrp2_bench.results.forgetting import forgetting_note
from lrp2_bench.results.runs import Run

NAME = 60  # characters


def run_data(
    run: Run, paper: LayerPair | None, resource: str | None, assessed: AssessedRuns, texts: FactTexts
) -> tuple[dict[str, Any], list[str]]:
    """The run's part of the page, and what could not be read for it. Missing values are None.

    ``assessed`` are the runs that this one is of: p-values are corrected over their languages.
    """
    best = {metric: row.pair for metric in assessed.by_metric if (row := run.best(metric)) is not None}
    shown: dict[str, Any] = {
        "code": plain(run.language, NAME),
        "name": name_of(run.language),
        "family": plain(family, NAME) if (family := language_family(run.language)) else None,
        "resource": resource,
        "pivot": run.is_pivot,
        "facts": run.baseline.facts,
        "shared": run.baseline.shared,
        "pairs": [[row.lirp, row.lsrp] for row in run.pairs],
        **({"strengths": [row.pair.strengths for row in run.pairs if row.pair]} if run.strengths else {}),
        "best": {metric: _place(run, pair) for metric, pair in best.items()},
        "paper": [paper.lirp, paper.lsrp] if paper else None,
        "metrics": {metric: _metric(run, metric) for metric in assessed.by_metric},
        "alignment": _alignment(run),
        "changes": {},
        "relations": {},
        "notes": [*_notes(run), *_forgetting(run, set(best.values()))],
    }
    evidence = assessed.evidence.get(run.language)
    if evidence is None:  # a run without pairs
        return shown, []
    if isinstance(evidence, BenchError):
        shown["notes"].append("No intervals and no facts: the hits of this run cannot be read.")
        return shown, [str(evidence)]
    problem = _add_evidence(shown, run, evidence, texts)
    for metric, runs in assessed.by_metric.items():
        row = run.best(metric)
        if run.language in runs and row is not None and row.pair == runs[run.language].assessed.best:
            shown["metrics"][metric]["test"] = _test(runs[run.language], metric)
    return shown, [problem] if problem else []


def _notes(run: Run) -> list[str]:
    how = ablation_note(run)
    return [*([plain(how, 200)] if how else []), *(f"The relation {plain(n, NAME)} is missing." for n in run.missing)]


def _forgetting(run: Run, best: Collection[LayerPair | None]) -> list[str]:
    """Of the pairs that are ``best`` by some metric."""
    notes = (forgetting_note(run.baseline, row) for row in run.pairs if row.pair in best)
    return [note for note in notes if note is not None]


def name_of(code: str) -> str:
    """German for ``de``; a code that the benchmark does not know, fit to be shown."""
    return plain(language_name(code), NAME)


def _metric(run: Run, metric: str) -> dict[str, Any]:
    """The baseline model's percentage, and each pair's."""
    return {
        "baseline": _number(value(run.baseline, metric)),
        "values": [_number(value(row, metric)) for row in run.pairs],
    }


def _add_evidence(shown: dict[str, Any], run: Run, evidence: Evidence, texts: FactTexts) -> str | None:
    for metric, measured in evidence.measured.items():
        bounds = [measured.changes.get(row.pair) if row.pair else None for row in run.pairs]
        shown["metrics"][metric] |= {
            "low": [_rounded(pair.low) if pair else None for pair in bounds],
            "high": [_rounded(pair.high) if pair else None for pair in bounds],
            "confidence_set": [place for place, row in enumerate(run.pairs) if row.pair in measured.confidence_set],
        }
    counts = [evidence.counts[row.pair] for row in run.pairs if row.pair]
    shown["gained"], shown["lost"] = [gained for gained, _ in counts], [lost for _, lost in counts]
    shown["changes"], problem = facts_of(run, evidence.turned, texts)
    shown["relations"] = _relations(evidence)
    if problem:
        shown["notes"].append("Facts are counted, not listed: run the same search again, and their texts are written.")
    return problem


def _relations(evidence: Evidence) -> dict[str, dict[str, list[int]]]:
    """By relation: its ``facts``, how many the baseline hits, for each best pair those from miss to hit and back."""
    shown: dict[str, dict[str, list[int]]] = {}
    for pair, turned in evidence.turned.items():
        gained, lost = (Counter(relation for relation, _ in facts) for facts in (turned.gained, turned.lost))
        for relation, counts in turned.relations.items():
            one = shown.setdefault(plain(relation, NAME), {"facts": list(counts)})
            one[str(pair)] = [gained[relation], lost[relation]]
    return shown


def _test(found: AssessedRun, metric: str) -> dict[str, float | None]:
    """How sure the best pair by ``metric`` is: its held-out gain in points with its interval and p (plain and
    Holm-corrected), the same by empirical Bayes, what the other languages' pair changes, and the p of max-T. All are
    about ``metric``; the last two are McNemar's, about facts hit. Significant digits, for p-values are small."""
    assessed = found.assessed
    measured, nothing = assessed.measured[metric], Interval(math.nan, math.nan, math.nan)
    new = found.new_language.gain if found.new_language else nothing
    numbers = {
        **_bounded("held_out", measured.held_out),
        **_bounded("shrunken", found.shrunken),
        **_bounded("new_language", new),
        "held_out_p": assessed.held_out.p[metric],
        "held_out_p_holm": found.held_out_p,
        "max_t_p": found.p,
        "in_sample_low": measured.change.low,
        "in_sample_high": measured.change.high,
        "naive_p": assessed.naive.p,
        "naive_p_holm": found.naive_p,
    }
    return {key: None if math.isnan(one) else float(f"{one:.4g}") for key, one in numbers.items()}


def _bounded(name: str, found: Interval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _alignment(run: Run) -> dict[str, Any] | None:
    found, _ = read_aligned([run])  # what cannot be read is reported where the figures are drawn
    if not found:
        return None
    return {
        "baseline": [round(cosine, 4) for cosine in found[0].baseline],
        "lrp2": [round(cosine, 4) for cosine in found[0].lrp2],
        "projected": list(found[0].projected),
    }


def _place(run: Run, pair: LayerPair | None) -> int | None:
    return next((place for place, row in enumerate(run.pairs) if row.pair == pair), None)


def _number(one: float) -> float | None:
    return None if math.isnan(one) else one


def _rounded(bound: float) -> float | None:
    # More digits than a thousand resamples support would only make the page larger.
    return None if math.isnan(bound) else round(bound, 3) + 0.0
