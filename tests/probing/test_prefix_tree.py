"""Packed prefix trees of token ids: what stands there once, what is scored, and what cancels."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrp2_bench.probing.prefix_tree import PrefixTree, plant
from tests.support.properties import steady

Sentence = tuple[int, ...]

#: Sentences of few different tokens, so that they share beginnings, begin one another and repeat.
sentences_of_few_tokens = st.lists(
    st.lists(st.integers(0, 2), min_size=2, max_size=6).map(tuple), min_size=1, max_size=6
)


def _seen(prefix_tree: PrefixTree, node: int) -> Sentence:
    """The tokens a node sees, itself last."""
    ancestors = sorted(prefix_tree.visible[node].nonzero()[0].tolist(), key=lambda other: prefix_tree.depth[other])
    assert ancestors[-1] == node
    assert [prefix_tree.depth[other] for other in ancestors] == list(range(len(ancestors)))
    return tuple(prefix_tree.ids[other] for other in ancestors)


def _predictions(sentence: Sentence) -> list[tuple[Sentence, int]]:
    """(what stands before, next token) of every token but the first."""
    return [(sentence[:place], sentence[place]) for place in range(1, len(sentence))]


@steady
@given(sentences=sentences_of_few_tokens, cancel=st.booleans())
@example(sentences=[(0, 1), (0, 1, 2), (0, 1, 2, 0)], cancel=True)  # each begins the next
@example(sentences=[(0, 1), (1, 1), (2, 1)], cancel=True)  # a prefix tree
@example(sentences=[(0, 1, 2), (0, 1, 2)], cancel=True)  # the same sentence twice
def test_a_prefix_tree_holds_each_sentences_predictions_but_for_what_all_share(
    sentences: list[Sentence], cancel: bool
) -> None:
    prefix_tree = plant(sentences, cancel=cancel)
    seen = [_seen(prefix_tree, node) for node in range(len(prefix_tree.ids))]
    begun = {sentence[:end] for sentence in sentences for end in range(1, len(sentence))}
    assert len(seen) == len(set(seen))
    assert set(seen) == begun

    dropped = set.intersection(*(set(_predictions(sentence)) for sentence in sentences)) if cancel else set()
    for sentence, path in zip(sentences, prefix_tree.paths, strict=True):
        made = [(seen[prefix_tree.scored[slot]], token) for slot, token in (prefix_tree.steps[step] for step in path)]
        assert made == [prediction for prediction in _predictions(sentence) if prediction not in dropped]
    assert len(set(prefix_tree.steps)) == len(prefix_tree.steps)
    assert {step for path in prefix_tree.paths for step in path} == set(range(len(prefix_tree.steps)))
    assert {slot for slot, _ in prefix_tree.steps} == set(range(len(prefix_tree.scored)))

    for slot, node in enumerate(prefix_tree.scored):
        predicts = [sentence[: len(seen[node])] == seen[node] and sentence != seen[node] for sentence in sentences]
        assert prefix_tree.shared[slot] == (cancel and all(predicts))


@steady
@given(sentences=sentences_of_few_tokens)
def test_parents_stand_before_their_children(sentences: list[Sentence]) -> None:
    prefix_tree = plant(sentences, cancel=True)
    for node in range(len(prefix_tree.ids)):
        assert not prefix_tree.visible[node, node + 1 :].any()


def test_sentences_that_differ_in_their_first_token_see_nothing_of_each_other() -> None:
    prefix_tree = plant([(1, 5, 6), (2, 5, 7)], cancel=True)
    assert prefix_tree.ids == [1, 5, 2, 5]
    assert prefix_tree.depth == [0, 1, 0, 1]
    assert prefix_tree.visible.tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, True, True],
    ]
    assert prefix_tree.shared == [False] * 4


def test_a_node_that_every_sentence_passes_is_scored_where_they_part_and_its_log_partition_is_shared() -> None:
    prefix_tree = plant([(1, 2, 3, 4), (1, 2, 5, 4)], cancel=True)
    assert [prefix_tree.ids[node] for node in prefix_tree.scored] == [2, 3, 5]
    assert prefix_tree.shared == [True, False, False]
    assert prefix_tree.steps == [(0, 3), (1, 4), (0, 5), (2, 4)]
    assert prefix_tree.paths == [[0, 1], [2, 3]]


def test_of_a_sentence_that_begins_all_others_nothing_is_left_and_no_log_partition_behind_it_is_shared() -> None:
    prefix_tree = plant([(1, 2), (1, 2, 3), (1, 2, 4)], cancel=True)
    assert prefix_tree.paths == [[], [0], [1]]
    assert [prefix_tree.ids[node] for node in prefix_tree.scored] == [2]
    assert prefix_tree.shared == [False], "the first sentence ends there, and so has no log-partition to cancel with"


@pytest.mark.parametrize(("cancel", "scored", "shared"), [(True, 0, []), (False, 2, [False, False])])
def test_a_sentence_by_itself_cancels_whole_for_sums_and_stays_for_means(
    cancel: bool, scored: int, shared: list[bool]
) -> None:
    prefix_tree = plant([(1, 2, 3)], cancel=cancel)
    assert (prefix_tree.ids, len(prefix_tree.scored), prefix_tree.shared) == ([1, 2], scored, shared)
    assert prefix_tree.paths == ([[]] if cancel else [[0, 1]])
