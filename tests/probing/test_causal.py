"""Causal probing: sums up to the shared prefix, means of everything, ties, and sentences that cannot be scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import normalizers

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProbingSettings, SentenceScore
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.bloom import BloomModel
from lrp2_bench.models.layered import LayeredModel, TokenBatch
from lrp2_bench.probing import causal
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.probe import Probe, Queries
from tests.support.probing import (
    assert_ranked_by,
    baseline_hits,
    decide_all,
    hits_of,
    load,
    outranks,
    probe_of,
    relation_of,
)

TOO_LONG = "Sentences longer than the model's positions can never be the answer"
NOTHING_TO_SCORE = "Sentences without a token to score can never be the answer"

#: Candidates of which one begins another, some that share first letters, and one in another script.
CITIES = [("Guinea", "Conakry"), ("France", "Paris"), ("Japan", "Paris sud"), ("中国", "北京"), ("Egypt", "Par")]
SUBJECTS, LABELS = [subject for subject, _ in CITIES], [label for _, label in CITIES]
TEMPLATES = ["The capital of [X] is [Y] .", "[Y] is the capital of [X] .", "[X]: [Y]", "[Y], [X]"]


@pytest.fixture
def bloom(model_folder: Callable[[str], Path]) -> LayeredModel:
    return load(model_folder("bloom"))


def _whole(
    model: LayeredModel, template: str, subjects: Sequence[str], labels: Sequence[str], *, mean: bool
) -> np.ndarray:
    """``[subject, label]`` by the definition: one forward pass a sentence, every token but the first scored."""
    table = np.empty((len(subjects), len(labels)))
    for row, subject in enumerate(subjects):
        for column, label in enumerate(labels):
            text = template.replace("[X]", subject).replace("[Y]", label)
            ids = model.tokenizer(text, return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                log_probabilities = model.model(ids).logits[0, :-1].log_softmax(-1)
            scores = log_probabilities.gather(1, ids[0, 1:, None])
            table[row, column] = scores.mean() if mean else scores.sum()
    return table


@pytest.mark.parametrize("score", list(SentenceScore))
@pytest.mark.parametrize("template", TEMPLATES)
def test_labels_rank_by_the_whole_sentence(template: str, score: SentenceScore, bloom: LayeredModel) -> None:
    ours = outranks(bloom, template, SUBJECTS, LABELS, ProbingSettings(sentence_score=score))
    whole = _whole(bloom, template, SUBJECTS, LABELS, mean=score is SentenceScore.mean)
    assert_ranked_by(ours, whole, 1e-3)


def test_sums_and_means_rank_otherwise(bloom: LayeredModel) -> None:
    sums, means = (
        outranks(bloom, TEMPLATES[0], SUBJECTS, LABELS, ProbingSettings(sentence_score=score))
        for score in (SentenceScore.sum, SentenceScore.mean)
    )
    assert (sums != means).any(), "or the test above could not tell them apart"


def test_of_a_sum_all_is_left_out_that_the_sentences_share(bloom: LayeredModel) -> None:
    for template, shares in zip(TEMPLATES, (True, False, True, False), strict=True):
        probe = probe_of(bloom, relation_of(template, CITIES))
        for shape in probe.workload(1).certain:
            assert (shape.scored < shape.lengths[0]) == shares, template


def test_of_sentences_that_begin_one_another_the_shorter_has_the_larger_sum(bloom: LayeredModel) -> None:
    labels = ["Par", "Par, Paris", "Par, Paris, Berlin"]
    lengths = [len(bloom.tokenizer(f"Guinea: {label}")["input_ids"]) for label in labels]
    assert lengths == sorted(set(lengths))
    upper = np.triu(np.ones((3, 3), dtype=np.bool_), 1)
    assert (outranks(bloom, "[X]: [Y]", ["Guinea"], labels) == upper).all()
    relation = relation_of("[X]: [Y]", [("Guinea", label) for label in labels])
    assert baseline_hits(bloom, relation).tolist() == [1, 0, 0]


@pytest.mark.parametrize("score", list(SentenceScore))
@pytest.mark.parametrize("limits", [Limits(1, 1), Limits(30, 7), Limits(100, 2048)])
def test_ranks_do_not_depend_on_how_the_work_is_cut(
    limits: Limits, score: SentenceScore, bloom: LayeredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing = ProbingSettings(sentence_score=score)
    at_once = outranks(bloom, TEMPLATES[0], SUBJECTS, LABELS, probing)
    monkeypatch.setattr(causal, "floats_at_once", lambda device: 1)  # step after step
    row_by_row = LogPartition(bloom, 1, rough=True)
    cut = outranks(bloom, TEMPLATES[0], SUBJECTS, LABELS, probing, limits, row_by_row)
    assert (cut == at_once).all()


def test_labels_that_tokenize_alike_tie_to_the_first_by_code_points(bloom: LayeredModel) -> None:
    bloom.tokenizer.backend_tokenizer.normalizer = normalizers.NFC()
    first, second = "Cafe\u0301", "Caf\u00e9"
    assert first < second
    assert bloom.tokenizer(first)["input_ids"] == bloom.tokenizer(second)["input_ids"]
    relation = relation_of(TEMPLATES[0], [("Japan", second), ("China", first)])
    assert baseline_hits(bloom, relation).tolist() == [0, 1]


def test_a_pool_of_one_is_always_hit(bloom: LayeredModel) -> None:
    for score in SentenceScore:
        relation = relation_of(TEMPLATES[0], [("Japan", "Tokyo"), ("China", "Tokyo")])
        probe = probe_of(bloom, relation, probing=ProbingSettings(sentence_score=score))
        assert hits_of(probe, 2).tolist() == [[1, 1]]


def test_a_relation_without_facts_has_no_hits(bloom: LayeredModel) -> None:
    assert baseline_hits(bloom, relation_of(TEMPLATES[0], [])).shape == (0,)


def test_a_sentence_of_a_single_token_is_counted_and_never_the_answer(bloom: LayeredModel) -> None:
    relation = relation_of("[X][Y]", [("", "a"), ("", "Paris sud"), ("Japan", "a")])
    assert len(bloom.tokenizer("a")["input_ids"]) == 1
    data_warnings = DataWarnings()
    assert baseline_hits(bloom, relation, data_warnings).tolist()[:2] == [0, 1]
    assert data_warnings.as_dict()[NOTHING_TO_SCORE] == {
        "count": 2, "examples": ["xx P1 uuid-0 'a'", "xx P1 uuid-1 'a'"]
    }  # fmt: skip


def test_a_sentence_longer_than_the_models_positions_is_counted_and_never_the_answer(
    bloom: LayeredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    relation = relation_of("[X] [Y]", [("Japan", "Tokyo"), ("Japan", "Tokyo."), ("Japan.", "Tokyo")])
    limit = len(bloom.tokenizer("Japan Tokyo")["input_ids"])
    assert len(bloom.tokenizer("Japan Tokyo.")["input_ids"]) == limit + 1
    monkeypatch.setattr(BloomModel, "max_tokens", property(lambda self: limit))
    data_warnings = DataWarnings()
    assert baseline_hits(bloom, relation, data_warnings).tolist() == [1, 0, 0]
    assert (
        data_warnings.count(TOO_LONG) == 4
    )  # the longer label with each subject, and the longer subject with each label


@pytest.mark.parametrize("tokens", [1, 40, 150, 4096])
def test_batches_hold_every_fact_once_with_all_its_sentences_within_the_tokens_allowed(
    tokens: int, bloom: LayeredModel
) -> None:
    probe = probe_of(bloom, relation_of(TEMPLATES[0], CITIES))
    batches = [batch.facts.tolist() for batch in probe.batches(tokens)]
    assert sorted(fact for facts in batches for fact in facts) == list(range(len(CITIES)))
    work = probe.workload(tokens)
    assert not work.possible
    assert [shape.sentences for shape in work.certain] == [len(CITIES)] * len(CITIES)
    shapes = iter(work.certain)
    for facts in batches:
        lengths = [next(shapes).lengths[0] for _ in facts]
        assert len(facts) * max(lengths) <= tokens or len(facts) == 1


def _sentences(model: LayeredModel, template: str, subject: str) -> list[list[int]]:
    texts = [template.replace("[X]", subject).replace("[Y]", label) for label in LABELS]
    return [model.tokenizer(text)["input_ids"] for text in texts]


def _spy(model: LayeredModel, probe: Probe, tokens: int) -> list[Queries]:
    return decide_all(probe, plan_grid(model.blocks, ()), None, Limits(tokens, 2048))[1].queries


@pytest.mark.parametrize("tokens", [1, 4096])
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_packed_prefix_tree_gives_the_logits_of_its_sentences_by_themselves(
    template: str, tokens: int, bloom: LayeredModel
) -> None:
    probe = probe_of(bloom, relation_of(template, CITIES), None, ProbingSettings(sentence_score=SentenceScore.mean))
    order = [fact for batch in probe.batches(tokens) for fact in batch.facts.tolist()]
    rows = [(queries.tokens, row) for queries in _spy(bloom, probe, tokens) for row in range(len(queries.tokens.ids))]
    assert len(rows) == len(CITIES)
    for fact, (packed, row) in zip(order, rows, strict=True):
        with torch.inference_mode():
            context, hidden = bloom.context(packed), bloom.embed(packed)
            for k in range(1, bloom.blocks + 1):
                hidden = bloom.block(k, hidden, context)
            logits = bloom.logits(hidden)[row]
        nodes = _nodes(packed, row)
        sentences = _sentences(bloom, template, CITIES[fact][0])
        begun = {tuple(sentence[: end + 1]) for sentence in sentences for end in range(len(sentence) - 1)}
        assert set(nodes) == begun, "every beginning of a sentence stands there once, and nothing else"
        for sentence in sentences:
            with torch.inference_mode():
                alone = bloom.model(torch.tensor([sentence])).logits[0]
            for end in range(len(sentence) - 1):
                there = logits[nodes[tuple(sentence[: end + 1])]]
                torch.testing.assert_close(there, alone[end], atol=1e-4, rtol=1e-4)


def _nodes(packed: TokenBatch, row: int) -> dict[tuple[int, ...], int]:
    """The tokens that each token of a packed row sees, itself included, in their order -> its place."""
    assert packed.visible is not None
    nodes = {}
    for place in packed.keep[row].nonzero().flatten().tolist():
        seen = packed.visible[row, place].nonzero().flatten()
        seen = seen[packed.positions[row, seen].argsort()]
        assert packed.positions[row, seen].tolist() == list(range(len(seen)))
        nodes[tuple(packed.ids[row, seen].tolist())] = place
    assert len(nodes) == int(packed.keep[row].sum())
    return nodes


@pytest.mark.parametrize("score", list(SentenceScore))
@pytest.mark.parametrize("rough", [True, False])
def test_of_equal_scores_the_first_by_code_points_wins(rough: bool, score: SentenceScore, bloom: LayeredModel) -> None:
    labels = ["a", "b", "c"]
    assert {len(bloom.tokenizer(f"The capital is {label} .")["input_ids"]) for label in labels} == {
        len(bloom.tokenizer("The capital is a .")["input_ids"])
    }
    with torch.no_grad():
        bloom.vocabulary.weight.zero_()
    relation = relation_of("[X] [Y] .", [("Japan", label) for label in labels])
    probe = probe_of(
        bloom, relation, None, ProbingSettings(sentence_score=score), log_partition=LogPartition(bloom, 64, rough=rough)
    )
    assert hits_of(probe, 3).tolist() == [[1, 0, 0]]
