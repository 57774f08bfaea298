"""The answer in words, with its interval: worded here once, for the index and the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lrp2_bench.core.settings import LRP2
from lrp2_bench.report.claims.check import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from lrp2_bench.report.overview.leaderboard import LeaderboardRow, heads
from lrp2_bench.report.run_strength import SEARCHED

#: Answers that are listed before the rest is counted.
LISTED = 6


@dataclass(frozen=True)
class Answer:
    """``LRP2 with mbert on mlama, mean of 52 languages`` (``subject``): ``held-out gain of ... 95 % interval ...``
    (``said``), what that amounts to (``outcome``), ``why``, and what is to be noted."""

    subject: str
    said: str
    outcome: str
    why: str
    remark: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.said}: {self.outcome}"


def answers(rows: Sequence[LeaderboardRow]) -> list[Answer]:
    """Of LRP2 by model, dataset and experiment, those with an interval first; where it was not run, of the
    interventions. The strengths of a search over strengths are parts of it."""
    leading = heads(rows)
    whole = [row for row in leading if not row.part]
    found = [row for row in whole if row.intervention == LRP2] or whole
    return [_answer(row, leading) for row in sorted(found, key=_untold)]


def rest(found: Sequence[Answer]) -> str:
    """How many are what, and how many are not listed; '' for a single one."""
    if len(found) < 2:
        return ""
    counts = {word: sum(each.outcome == word for each in found) for word in (SUPPORTED, CONTRADICTED, INCONCLUSIVE)}
    counted = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    more = f" {len(found) - LISTED} of them stand in the leaderboard alone." if len(found) > LISTED else ""
    return f"Of {len(found)} held-out gains: {counted}.{more}"


def strength_words(strength: str) -> str:
    """To be read behind a model's name."""
    return "strength chosen with the pair" if strength == SEARCHED else f"strength {strength}"


def _answer(row: LeaderboardRow, among: Sequence[LeaderboardRow]) -> Answer:
    method = "LRP2" if row.intervention == LRP2 else row.intervention
    subject = ", ".join([f"{method} with {row.model} on {row.dataset}", *_apart(row, among), row.name])
    return Answer(subject, _said(row), row.outcome, row.why, row.remark)


def _apart(row: LeaderboardRow, among: Sequence[LeaderboardRow]) -> Iterator[str]:
    """What tells the row from the others."""
    if len({each.experiment for each in among}) > 1:
        yield f"experiment {row.experiment}"
    if len({each.strength for each in among}) > 1:
        yield strength_words(row.strength)


def _said(row: LeaderboardRow) -> str:
    value, low, high = (round(each, 2) + 0.0 for each in (row.gain.value, row.gain.low, row.gain.high))  # no -0.00
    if math.isnan(value):
        return f"too few facts for a held-out gain of {row.metric}"
    sure = "too few languages for an interval" if math.isnan(low) else f"95 % interval {low:.2f} to {high:.2f}"
    gain = f"{value:+.2f}" if value else "0.00"
    return f"held-out gain of {row.metric} {gain} points, {sure}"


def _untold(row: LeaderboardRow) -> int:
    return sum(math.isnan(each) for each in (row.gain.value, row.gain.low, row.gain.high))
