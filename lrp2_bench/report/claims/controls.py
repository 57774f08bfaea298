"""Mechanical claims are held against controls: a shift that knows nothing of the language has the same mechanics.

Best pairs are near each other for any intervention that does little between near layers, gains fall with distance for
any shift, and adding the difference of two means brings means nearer. Only what is beyond random and shuffled shifts
is about LRP2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lrp2_bench.interventions.registry import name_in, tokens_and_strengths_in
from lrp2_bench.report.assessed_runs import AssessedRuns
from lrp2_bench.report.claims.check import (
    ALPHA,
    INCONCLUSIVE,
    SUPPORTED,
    Outcome,
    by_sign,
    joined,
    p_of,
)
from lrp2_bench.report.method import few_strengths
from lrp2_bench.report.run_strength import strength_of
from lrp2_bench.stats.across_languages import mean_over_languages

KINDS = ("random", "shuffled")
#: Draws of a control from which their spread is a null distribution.
ENOUGH = 20

#: A number for each language.
Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Controls:
    """Assessed controls of one model and dataset by kind, a draw (a seed) each."""

    draws: Mapping[str, Sequence[AssessedRuns]]

    def numbers(self, of: Callable[[AssessedRuns], Numbers]) -> dict[str, list[Numbers]]:
        """What ``of`` says of each draw; draws that say nothing are left out."""
        found = {kind: [numbers for draw in draws if (numbers := of(draw))] for kind, draws in self.draws.items()}
        return {kind: numbers for kind, numbers in found.items() if numbers}


def controls_of(found: AssessedRuns, everything: Sequence[AssessedRuns]) -> Controls:
    """The controls of ``found`` among ``everything``: of its experiment, and with its tokens and strengths, for a shift
    half as strong is no draw of the one that ``found`` is held against."""
    draws: dict[str, list[AssessedRuns]] = {}
    for other in everything:
        kind = name_in(other.projection)
        if kind in KINDS and _setting(other) == _setting(found):
            draws.setdefault(kind, []).append(other)
    return Controls(draws)


def _setting(found: AssessedRuns) -> tuple[object, ...]:
    """What a control shares with what is held against it. The pivot's baseline has no strengths."""
    run = next((run for run in found.runs if run.pairs), found.runs[0])
    moved = tokens_and_strengths_in(run.projection), strength_of(run), few_strengths(found.runs)
    return run.model_name, run.dataset, run.experiment, run.label, moved


def beyond(ours: Numbers, controls: Mapping[str, Sequence[Numbers]], direction: int) -> tuple[Outcome, str]:
    """Whether ``ours`` lie to the side of ``direction`` (1 or -1) of both kinds of controls: of their means, paired by
    language, and by rank among their draws, for a draw has luck of its own that languages share. Inconclusive without
    :data:`ENOUGH` draws of each."""
    if not controls:
        return INCONCLUSIVE, (
            "Not tested against controls: search with -m projection=random,shuffled "
            f"'projection.seed=range({ENOUGH})' too."
        )
    found = [_against(kind, ours, draws, direction) for kind, draws in controls.items()]
    missing = [kind for kind in KINDS if kind not in controls]
    why = joined([*(why for _, why in found), f"No {missing[0]} control." if missing else ""])
    outcomes = {outcome for outcome, _ in found}
    if missing:
        return INCONCLUSIVE, why
    return (outcomes.pop() if len(outcomes) == 1 else INCONCLUSIVE), why


def _against(kind: str, ours: Numbers, draws: Sequence[Numbers], direction: int) -> tuple[Outcome, str]:
    """In the languages that have enough draws, by draws that have all of these: a multirun that is not finished has
    draws of a few languages, whose mean is none to hold ours against."""
    known = [{code for code, number in draw.items() if number == number} for draw in draws]
    counts = {code: sum(code in draw for draw in known) for code, number in ours.items() if number == number}
    shared = [code for code, count in counts.items() if count >= ENOUGH]
    whole = [draw for draw, codes in zip(draws, known, strict=True) if codes.issuperset(shared)] if shared else []
    if len(whole) < ENOUGH:
        most = len(whole) if shared else max(counts.values(), default=0)
        return INCONCLUSIVE, f"Too few draws of {kind} shifts to tell: {most} of {ENOUGH} in the same languages."
    figure = mean_over_languages([ours[code] - _mean([draw[code] for draw in whole]) for code in shared])
    outcome, why = by_sign(figure, direction, f"{kind} shifts")
    among = f" in {len(shared)} of {len(ours)} languages" if len(shared) < len(ours) else ""
    shown = f"{kind} ({len(whole)} draws{among})"
    if outcome == INCONCLUSIVE:
        return outcome, f"Not beyond {shown}: {_lower(why)}"
    p = _rank({code: ours[code] for code in shared}, whole, direction if outcome == SUPPORTED else -direction)
    side = "Beyond" if outcome == SUPPORTED else "On the other side of"
    if p < ALPHA:
        return outcome, f"{side} {shown}, {p_of(p)}."
    return INCONCLUSIVE, f"Not beyond {shown}, {p_of(p)}."


def _rank(ours: Numbers, draws: Sequence[Numbers], direction: int) -> float:
    """The share of draws whose mean over our languages is as far to that side."""
    mine = direction * _mean(list(ours.values()))
    as_far = sum(direction * _mean([draw[code] for code in ours]) >= mine for draw in draws)
    return (1 + as_far) / (1 + len(draws))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _lower(why: str) -> str:
    return why[:1].lower() + why[1:]
