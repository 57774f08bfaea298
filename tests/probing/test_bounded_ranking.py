"""Which sentence of a fact wins: the answer of comparing all scores, with as few log-partitions as it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lrp2_bench.probing.bounded_ranking import BoundedRanking, Sentences
from lrp2_bench.probing.log_partition import Interval, Lead, LogPartition
from lrp2_bench.probing.prefix_tree import PrefixTree, plant
from lrp2_bench.probing.probe import ProbeCounts
from tests.support.properties import steady

#: What logits and log-partitions are multiples of, so that float32 adds them without rounding.
GRAIN = 1 / 8


@dataclass
class _Known:
    """Log-partitions given by hand. A state is the number of its row; bounds lie ``below`` and ``above`` its value."""

    values: Tensor
    below: Tensor
    above: Tensor
    led: list[int] = field(default_factory=list)
    bounded: list[int] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)

    def exact(self, states: Tensor, counts: ProbeCounts) -> Tensor:
        rows = states[:, 0].long()
        self.computed += rows.tolist()
        counts.exact_log_partitions += len(rows)
        return self.values[rows]

    def leading(self, states: Tensor, counts: ProbeCounts) -> Lead:
        rows = states[:, 0].long()
        self.led += rows.tolist()
        none = torch.zeros(len(rows), 1)
        return Lead(self.values[rows], none.long(), none[:, 0], none, none[:, 0])

    def over(self, states: Tensor, lead: Lead) -> Tensor:
        rows = states[..., 0].long()
        return self.values[rows] - self.below[rows]

    def slip(self, states: Tensor, value: Tensor) -> Tensor:
        return torch.zeros_like(value)

    def bounds(self, states: Tensor, counts: ProbeCounts) -> Interval:
        rows = states[:, 0].long()
        self.bounded += rows.tolist()
        counts.rough_log_partitions += len(rows)
        return Interval(self.values[rows] - self.below[rows], self.values[rows] + self.above[rows])


@dataclass
class _Case:
    prefix_tree: PrefixTree
    logits: Tensor  # [setting, step]
    known: _Known
    weights: Tensor  # [sentence]
    counts: ProbeCounts = field(default_factory=ProbeCounts)

    def wins(self, gold: int) -> list[bool]:
        slots = len(self.prefix_tree.scored)
        device = torch.device("cpu")
        ranking = BoundedRanking(
            Sentences.of([self.prefix_tree], [self.weights.tolist()], [gold], device),
            torch.arange(len(self.logits) * slots, dtype=torch.float32).view(1, -1, slots, 1),
            self.logits.unsqueeze(0),
            cast(LogPartition, self.known),
            self.counts,
        )
        won: list[bool] = ranking.wins()[0].tolist()
        return won

    def scores(self) -> Tensor:
        """``[setting, sentence]``: every step's logit minus its log-partition where that does not cancel."""
        slots = len(self.prefix_tree.scored)
        log_partitions = self.known.values.view(-1, slots).masked_fill(torch.tensor(self.prefix_tree.shared), 0.0)
        columns = []
        for path, weight in zip(self.prefix_tree.paths, self.weights, strict=True):
            total = torch.zeros(len(self.logits))
            for step in path:
                total = total + self.logits[:, step] - log_partitions[:, self.prefix_tree.steps[step][0]]
            columns.append(total * weight)
        return torch.stack(columns, dim=1)

    def winners(self) -> list[int | None]:
        """The first of the best sentences in each setting; no sentence with a score that is no number wins."""
        scores = self.scores()
        finite = scores.masked_fill(~torch.isfinite(scores), -torch.inf)
        return [int(row.argmax()) if torch.isfinite(row).any() else None for row in finite]


@st.composite
def cases(draw: st.DrawFn, spread: int = 40) -> _Case:
    """Logits ``spread`` grains around zero: few make ties, many make confident models."""
    sentence = st.lists(st.integers(0, 2), min_size=2, max_size=5).map(tuple)
    sentences = draw(st.lists(sentence, min_size=2, max_size=5, unique=True))
    mean = draw(st.booleans())
    prefix_tree = plant(sentences, cancel=not mean)
    settings, steps, slots = draw(st.integers(1, 5)), len(prefix_tree.steps), len(prefix_tree.scored)
    grains = draw(st.sampled_from([2, spread]))
    numbers = st.integers(-grains, grains)
    logits = GRAIN * torch.tensor(draw(st.lists(numbers, min_size=settings * steps, max_size=settings * steps)))
    logits = logits.float().view(settings, steps)
    if draw(st.booleans()):
        broken = draw(st.lists(st.booleans(), min_size=settings * steps, max_size=settings * steps))
        logits = logits.masked_fill(torch.tensor(broken).view(settings, steps), -torch.inf)
    # A log-partition is no less than the log-sum-exp of the logits known at its place.
    here = torch.tensor([[slot == place for slot, _ in prefix_tree.steps] for place in range(slots)])
    known = torch.stack([logits.masked_fill(~row, -torch.inf).logsumexp(dim=1) for row in here], dim=1)
    rows = settings * slots

    def widths(most: int) -> Tensor:
        drawn = draw(st.lists(st.integers(0, most), min_size=rows, max_size=rows))
        return GRAIN * torch.tensor(drawn).float()

    beyond = widths(draw(st.sampled_from([0, 8])))
    values = (known.nan_to_num(neginf=-4.0) / GRAIN).ceil().flatten() * GRAIN + beyond
    widest = draw(st.sampled_from([0, 3, 400]))
    weights = torch.tensor([1 / (len(sentence) - 1) if mean else 1.0 for sentence in sentences])
    return _Case(prefix_tree, logits, _Known(values, widths(widest), widths(widest)), weights)


@steady
@given(case=cases())
def test_the_winner_is_the_one_of_comparing_all_scores(case: _Case) -> None:
    won = [case.wins(gold) for gold in range(len(case.weights))]
    expected = [[winner == gold for winner in case.winners()] for gold in range(len(case.weights))]
    assert won == expected


@steady
@given(case=cases())
def test_no_log_partition_is_bounded_or_computed_twice_or_where_it_cancels(case: _Case) -> None:
    slots = len(case.prefix_tree.scored)
    for gold in range(len(case.weights)):
        for rows in (case.known.led, case.known.bounded, case.known.computed):
            rows.clear()
        case.counts = ProbeCounts()
        case.wins(gold)
        everything = len(case.logits) * (slots - sum(case.prefix_tree.shared))
        assert case.counts.log_partitions == everything
        for rows in (case.known.led + case.known.bounded, case.known.led + case.known.computed):
            assert len(rows) == len(set(rows)) <= everything
            assert not any(case.prefix_tree.shared[row % slots] for row in rows)
        assert set(case.known.computed) <= set(case.known.bounded)
        exact = {row for row in case.known.bounded if case.known.below[row] == case.known.above[row] == 0}
        assert not exact & set(case.known.computed), "what its bounds give already is not computed again"


@steady
@given(case=cases(spread=400))
def test_wide_bounds_change_no_winner(case: _Case) -> None:
    narrow = _Known(case.known.values, torch.zeros_like(case.known.below), torch.zeros_like(case.known.above))
    same = _Case(case.prefix_tree, case.logits, narrow, case.weights)
    for gold in range(len(case.weights)):
        assert case.wins(gold) == same.wins(gold)


def _two(logits: list[float], log_partitions: list[float], width: float = 0.0, shared: bool = False) -> _Case:
    """Two sentences of one step each behind a common first token, or behind tokens of their own."""
    prefix_tree = plant([(0, 1), (0, 2)] if shared else [(1, 0), (2, 0)], cancel=True)
    known = _Known(torch.tensor(log_partitions), torch.tensor(width).expand(2), torch.tensor(width).expand(2))
    return _Case(prefix_tree, torch.tensor([logits]), known, torch.ones(2))


def test_where_all_sentences_part_at_once_their_logits_decide_alone() -> None:
    case = _two([1.0, 2.0], [5.0], shared=True)
    assert (case.wins(0), case.wins(1)) == ([False], [True])
    assert not case.known.bounded
    assert not case.known.computed


def test_of_equal_scores_the_first_wins() -> None:
    for width in (0.0, 3.0):
        case = _two([1.0, 2.0], [3.0, 4.0], width)
        assert (case.wins(0), case.wins(1)) == ([True], [False])
    case = _two([2.0, 2.0], [9.0], shared=True)
    assert (case.wins(0), case.wins(1)) == ([True], [False])


def test_bounds_that_part_the_sentences_leave_nothing_to_compute() -> None:
    case = _two([0.0, 0.0], [1.0, 9.0], width=1.0)
    assert (case.wins(0), case.wins(1)) == ([True], [False])
    assert case.known.bounded
    assert not case.known.computed


def test_bounds_that_overlap_are_followed_by_exact_log_partitions() -> None:
    case = _two([0.0, 0.0], [1.0, 1.5], width=1.0)
    assert (case.wins(0), case.wins(1)) == ([True], [False])
    assert set(case.known.computed) == {0, 1}


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_a_sentence_whose_log_partition_is_no_number_never_wins(broken: float) -> None:
    case = _two([0.0, 0.0], [broken, 3.0])
    assert (case.wins(0), case.wins(1)) == ([False], [True])


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_where_no_log_partition_is_a_number_none_wins_whoever_is_ahead(broken: float) -> None:
    for logits in ([0.0, 5.0], [5.0, 0.0]):
        case = _two(logits, [broken, broken])
        assert (case.wins(0), case.wins(1)) == ([False], [False])


def test_where_no_sentence_has_a_number_none_wins() -> None:
    for shared in (False, True):
        case = _two([-torch.inf, -torch.inf], [1.0, 1.0], shared=shared)
        assert (case.wins(0), case.wins(1)) == ([False], [False])


def test_settings_are_decided_each_by_itself() -> None:
    prefix_tree = plant([(1, 0), (2, 0)], cancel=True)
    known = _Known(torch.tensor([1.0, 2.0, 2.0, 1.0, 1.0, 1.0]), torch.ones(6), torch.ones(6))
    case = _Case(prefix_tree, torch.zeros(3, 2), known, torch.ones(2))
    assert case.wins(0) == [True, False, True]
    assert case.wins(1) == [False, True, False]


@steady
@given(some=st.lists(cases(), min_size=2, max_size=2), data=st.data())
def test_facts_decided_together_are_decided_as_each_by_itself(some: list[_Case], data: st.DataObject) -> None:
    """Facts of several sizes share tables that are filled up; rows of states are numbered through."""
    settings = min(len(case.logits) for case in some)
    golds = [data.draw(st.integers(0, len(case.weights) - 1)) for case in some]
    slots = [len(case.prefix_tree.scored) for case in some]
    known = _Known(
        *(
            torch.cat([getattr(case.known, name)[: settings * count] for case, count in zip(some, slots, strict=True)])
            for name in ("values", "below", "above")
        )
    )
    sentences = Sentences.of(
        [case.prefix_tree for case in some], [case.weights.tolist() for case in some], golds, torch.device("cpu")
    )
    states = torch.zeros(len(some), settings, max(1, *slots), 1)
    logits = torch.zeros(len(some), settings, sentences.slots.shape[1])
    first = 0
    for fact, (case, count) in enumerate(zip(some, slots, strict=True)):
        numbers = torch.arange(first, first + settings * count, dtype=torch.float32)
        states[fact, :, :count, 0] = numbers.view(settings, count)
        logits[fact, :, : case.logits.shape[1]] = case.logits[:settings]
        first += settings * count
    together = BoundedRanking(sentences, states, logits, cast(LogPartition, known), ProbeCounts()).wins()
    alone = [case.wins(gold)[:settings] for case, gold in zip(some, golds, strict=True)]
    assert together.tolist() == alone
