"""The leaderboard: models, interventions and languages by held-out gain, each with what the gain amounts to.

One computation for every form of it: table, index and page show the rows that :func:`leaderboard` gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lrp2_bench.core.errors import BenchError
from lrp2_bench.core.types import Interval, LayerPair
from lrp2_bench.interventions.registry import without_strengths
from lrp2_bench.metrics.registry import metric as named
from lrp2_bench.report.assessed_runs import AssessedRun, AssessedRuns, at_strength
from lrp2_bench.report.claims.check import INCONCLUSIVE, Outcome, gain_outcome
from lrp2_bench.report.method import few_strengths
from lrp2_bench.report.run_strength import SEARCHED, strength_of
from lrp2_bench.results.choice import measures
from lrp2_bench.results.damage import damage_of
from lrp2_bench.results.forgetting import WHY
from lrp2_bench.results.runs import Run
from lrp2_bench.stats.across_languages import mean_over_languages
from lrp2_bench.stats.equivalence import tost
from lrp2_bench.stats.held_out import ENOUGH

_NOTHING = Interval(math.nan, math.nan, math.nan)
#: Points that are 0 as they are shown.
_SHOWN = 0.05


@dataclass(frozen=True)
class LeaderboardRow:
    """One line. ``language`` is a code, or '' for the mean of ``languages`` languages; ``name`` is what to show.

    ``strength`` is as it is read: ``1``, ``0.5/0.25`` (there and back), or ``searched`` where it was chosen with the
    pair; then each of a few strengths has lines of its own, ``part`` of that search (``0.5 of searched`` where a run at
    0.5 alone stands beside it). A mean is over the languages with facts enough for a held-out gain, over all where none
    has; ``facts`` of the language, of all these together in a mean. ``baseline`` (percent), ``held_out`` and
    ``in_sample`` (points) are by metric with 95 % intervals; the pair is chosen by ``metric`` throughout, and ``best``
    is it. ``p`` is that the held-out gain is 0, Holm-corrected over the model's languages; NaN in a mean. ``outcome``
    and ``why`` are about ``held_out[metric]``. ``pivot_change`` (points) and ``kl`` (nats) are the damage at the best
    pair, None where it was not measured; ``elsewhere``: at other pairs it was. ``remark`` says where transferability
    rises while accuracy falls.
    """

    experiment: str
    model: str
    dataset: str
    intervention: str
    strength: str
    language: str
    name: str
    languages: int
    facts: int
    metric: str
    baseline: Mapping[str, Interval]
    held_out: Mapping[str, Interval]
    in_sample: Mapping[str, Interval]
    best: LayerPair | None
    p: float
    outcome: Outcome
    why: str
    pivot_change: float | None
    kl: float | None
    remark: str
    part: bool = False
    elsewhere: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What was run, at whatever strength."""
        return self.experiment, self.model, self.dataset, self.intervention

    @property
    def gain(self) -> Interval:
        """The held-out gain that the row is ranked and judged by."""
        return self.held_out[self.metric]


def leaderboard(groups: Sequence[AssessedRuns]) -> list[LeaderboardRow]:
    """Means over languages first, the largest held-out gain of each dataset on top, then each one's languages in the
    same order. A model with one language has no mean; its language stands among the means."""
    parts = [
        [replace(row, strength=strength_in(each, found, groups), part=True) for row in _board(at_strength(found, each))]
        for found in groups
        for each in few_strengths(found.runs)
    ]
    boards = [board for board in (*(list(_board(found)) for found in groups), *parts) if board]
    boards.sort(key=lambda board: (board[0].dataset, *_rank(board[0])))
    return [board[0] for board in boards] + [row for board in boards for row in board[1:]]


def heads(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """The first row of every model and intervention: its mean, or its only language."""
    return list({(*row.names, row.strength, row.part): row for row in reversed(rows)}.values())[::-1]


def strength_in(strength: str, found: AssessedRuns, groups: Sequence[AssessedRuns]) -> str:
    """What one of the strengths that ``found`` searched is called: by itself, unless another of ``groups`` has it for
    its own."""
    own = [tuple(names_of(run).values()) for group in groups for run in group.runs if run.pairs]
    called = tuple({**names_of(found.runs[0]), "strength": strength}.values())
    return f"{strength} of {SEARCHED}" if called in own else strength


def unmeasured(rows: Sequence[LeaderboardRow]) -> list[str]:
    """A line for each model and intervention whose damage was measured in no language. At the strengths that are part
    of a search it never is, unless one is the best."""
    lines = [
        f"Damage was not measured{f' at the best pair by {row.metric}' if row.elsewhere else ''}: {row.model} on "
        f"{row.dataset}, {row.intervention}{_in(row)}. The same search with "
        f"{f'select_by={row.metric} ' if row.elsewhere else ''}damage=true adds it and computes no hit twice."
        for row in heads(rows)
        if row.pivot_change is None and row.kl is None and not row.part
    ]
    return list(dict.fromkeys(lines))


def _in(row: LeaderboardRow) -> str:
    return f", experiment {row.experiment}" if row.experiment else ""


def _rank(row: LeaderboardRow) -> tuple[bool, float, str, str, str]:
    """The largest gain first, those without one last, by name."""
    gain = named(row.metric).sign * row.gain.value
    return math.isnan(gain), 0.0 if math.isnan(gain) else -gain, row.model, row.intervention, row.name


def _board(found: AssessedRuns) -> Iterator[LeaderboardRow]:
    rows = sorted((_of_language(each, found) for each in found.assessed.values()), key=_rank)
    if len(rows) > 1:
        yield _mean(rows, found)
    yield from rows


def _of_language(each: AssessedRun, found: AssessedRuns) -> LeaderboardRow:
    run, metric = each.run, found.select_by
    measured = {name: each.assessed.measured[name] for name in measures(found.select_by)}
    held_out = {name: one.held_out for name, one in measured.items()}
    none = found.equivalence_p[run.language]
    outcome, why = gain_outcome(held_out[metric], found.stats.equivalence_margin, none, each.held_out_p, found.sign)
    if not each.assessed.held_out.told:
        why = f"Fewer than {ENOUGH} clusters of facts."
    in_sample = {name: one.change for name, one in measured.items()}
    pivot_change, kl, elsewhere = _damage(run, each.assessed.best)
    return LeaderboardRow(
        **names_of(run), language=run.language, name=each.name, languages=1, facts=each.assessed.facts, metric=metric,
        baseline={name: one.without for name, one in measured.items()}, held_out=held_out, in_sample=in_sample,
        best=each.assessed.best, p=each.held_out_p, outcome=outcome, why=why, pivot_change=pivot_change, kl=kl,
        remark=_remark(held_out if each.assessed.held_out.told else in_sample), part=False, elsewhere=elsewhere,
    )  # fmt: skip


def _mean(rows: Sequence[LeaderboardRow], found: AssessedRuns) -> LeaderboardRow:
    metric = found.select_by
    told = [each for each in found.assessed.values() if each.assessed.held_out.told]
    # All means are over the same languages, so that what a gain adds stands beside what it is added to.
    members = told or list(found.assessed.values())
    codes = {each.run.language for each in members}
    rows = [row for row in rows if row.language in codes]
    means = {
        name: mean_over_languages([each.assessed.measured[name].gain for each in told]) if told else _NOTHING
        for name in measures(found.select_by)
    }
    margin = found.stats.equivalence_margin
    none = tost(means[metric], len(told) - 1, margin)
    outcome, why = gain_outcome(means[metric], margin, none, direction=found.sign)
    if not told:
        outcome, why = INCONCLUSIVE, f"Fewer than {ENOUGH} clusters of facts in every language."
    count = len(members)
    return LeaderboardRow(
        **names_of(members[0].run), language="", name=f"mean of {count} languages", languages=count,
        facts=sum(row.facts for row in rows), metric=metric,
        baseline={
            name: mean_over_languages([each.assessed.measured[name].baseline for each in members])
            for name in measures(found.select_by)
        },
        held_out=means,
        in_sample={
            name: mean_over_languages([each.assessed.measured[name].rise for each in members])
            for name in measures(found.select_by)
        },
        best=None, p=math.nan, outcome=outcome, why=why, pivot_change=_average(row.pivot_change for row in rows),
        kl=_average(row.kl for row in rows), remark=_remark(means),
        part=False, elsewhere=any(row.elsewhere for row in rows),
    )  # fmt: skip


def names_of(run: Run) -> dict[str, str]:
    """What a line is called by, as in :class:`LeaderboardRow`."""
    return {
        "experiment": run.label or run.experiment,
        "model": run.model_name,
        "dataset": run.dataset,
        "intervention": without_strengths(run.projection),
        "strength": strength_of(run),
    }


def _damage(run: Run, best: LayerPair) -> tuple[float | None, float | None, bool]:
    """The change of the pivot's accuracy, and the divergence; None where they were not measured or cannot be read,
    which the table of damages names. Then whether they were measured at other pairs alone."""
    try:
        rows = run.files.damage()
    except BenchError:
        return None, None, False
    before, after = damage_of(rows, None), damage_of(rows, best)
    if before is None or after is None:
        return None, None, any(row.pair is not None for row in rows)
    return _known(after.pivot_accuracy - before.pivot_accuracy), _known(after.kl), False


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _average(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) / len(known) if known else None


def _remark(gains: Mapping[str, Interval]) -> str:
    accuracy, transferability = gains["accuracy"].value, gains["transferability"].value
    if not (transferability >= _SHOWN and accuracy <= -_SHOWN):
        return ""
    return f"Transferability rises ({transferability:+.1f}) while accuracy falls ({accuracy:+.1f}): {WHY}."
