"""Causal probing: sums up to the shared prefix, means of everything, ties, and sentences that cannot be scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import normalizers

from lrp2_bench.models.decoder import BloomModel
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.notices import Notices
from lrp2_bench.settings import GridSettings, ProbingSettings, SentenceScore
from lrp2_bench.types import Relation
from tests.support.probing import baseline_hits, load, probe_of, relation_of, score_table

TOO_LONG = "Sentences longer than the model's positions can never be the answer"
NOTHING_TO_SCORE = "Sentences without a token to score can never be the answer"

#: Candidates of which one begins another, some that share first letters, and one in another script.
CITIES = [("Guinea", "Conakry"), ("France", "Paris"), ("Japan", "Paris sud"), ("中国", "北京"), ("Egypt", "Par")]
TEMPLATES = ["The capital of [X] is [Y] .", "[Y] is the capital of [X] .", "[X]: [Y]", "[Y], [X]"]


@pytest.fixture
def bloom(model_folder: Callable[[str], Path]) -> LayeredModel:
    return load(model_folder("bloom"))


def _whole(model: LayeredModel, relation: Relation, *, mean: bool) -> np.ndarray:
    """``[fact, candidate]`` by the definition: one forward pass a sentence, every token but the first scored."""
    table = np.empty((len(relation.facts), len(relation.pool)))
    for row, fact in enumerate(relation.facts):
        for column, label in enumerate(relation.pool):
            ids = model.tokenizer(relation.fill(fact.subject, label), return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                log_probabilities = model.model(ids).logits[0, :-1].log_softmax(-1)
            scores = log_probabilities.gather(1, ids[0, 1:, None])
            table[row, column] = scores.mean() if mean else scores.sum()
    return table


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_sum_is_the_whole_sentences_up_to_what_all_candidates_share(template: str, bloom: LayeredModel) -> None:
    relation = relation_of(template, CITIES)
    ours, whole = score_table(*probe_of(bloom, relation)), _whole(bloom, relation, mean=False)
    shared = whole - ours
    assert np.ptp(shared, axis=1).max() < 1e-3
    if template.startswith("[Y]"):
        np.testing.assert_allclose(shared, 0, atol=1e-3)
    else:
        assert (shared < -1).all(), "the subject's tokens cost something, and are left out"
    assert (ours.argmax(axis=1) == whole.argmax(axis=1)).all()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_mean_is_the_whole_sentences(template: str, bloom: LayeredModel) -> None:
    relation = relation_of(template, CITIES)
    ours = score_table(*probe_of(bloom, relation, probing=ProbingSettings(sentence_score=SentenceScore.mean)))
    np.testing.assert_allclose(ours, _whole(bloom, relation, mean=True), atol=1e-4)


def test_sums_and_means_may_rank_otherwise(bloom: LayeredModel) -> None:
    relation = relation_of(TEMPLATES[0], CITIES)
    sums, means = (_whole(bloom, relation, mean=mean).argmax(axis=1) for mean in (False, True))
    assert (sums != means).any(), "or the tests above could not tell them apart"


def test_of_sentences_that_begin_one_another_the_shorter_has_the_larger_sum(bloom: LayeredModel) -> None:
    relation = relation_of("[X]: [Y]", [("Guinea", "Par"), ("Guinea", "Par, Paris"), ("Guinea", "Par, Paris, Berlin")])
    lengths = [len(bloom.tokenizer(relation.fill("Guinea", label))["input_ids"]) for label in relation.pool]
    assert lengths == sorted(set(lengths))
    table = score_table(*probe_of(bloom, relation))
    assert (table[:, 0] == 0).all(), "nothing is left to score of what begins all the others"
    assert (np.diff(table, axis=1) < 0).all()
    assert baseline_hits(bloom, relation).tolist() == [1, 0, 0]


@pytest.mark.parametrize("score", list(SentenceScore))
@pytest.mark.parametrize("grid", [GridSettings(batch_tokens=1), GridSettings(logit_rows=1), GridSettings(logit_rows=7)])
def test_scores_do_not_depend_on_how_the_work_is_cut(
    grid: GridSettings, score: SentenceScore, bloom: LayeredModel
) -> None:
    relation, probing = relation_of(TEMPLATES[0], CITIES), ProbingSettings(sentence_score=score)
    at_once = score_table(*probe_of(bloom, relation, probing=probing))
    np.testing.assert_allclose(score_table(*probe_of(bloom, relation, probing=probing, grid=grid)), at_once, atol=1e-3)


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
        probe, pool = probe_of(bloom, relation, probing=ProbingSettings(sentence_score=score))
        assert np.isfinite(score_table(probe, pool)).all()
        assert baseline_hits(bloom, relation).tolist() == [1, 1]


def test_a_relation_without_facts_has_no_hits(bloom: LayeredModel) -> None:
    assert baseline_hits(bloom, relation_of(TEMPLATES[0], [])).shape == (0,)


def test_a_sentence_of_a_single_token_is_counted_and_never_the_answer(bloom: LayeredModel) -> None:
    relation = relation_of("[X][Y]", [("", "a"), ("", "Paris sud"), ("Japan", "a")])
    assert len(bloom.tokenizer("a")["input_ids"]) == 1
    notices = Notices()
    assert baseline_hits(bloom, relation, notices).tolist()[:2] == [0, 1]
    assert notices.as_dict()[NOTHING_TO_SCORE] == {
        "count": 2, "examples": ["xx P1 fact 0 'a'", "xx P1 fact 1 'a'"]
    }  # fmt: skip


def test_a_sentence_longer_than_the_models_positions_is_counted_and_never_the_answer(
    bloom: LayeredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    relation = relation_of("[X] [Y]", [("Japan", "Tokyo"), ("Japan", "Tokyo."), ("Japan.", "Tokyo")])
    limit = len(bloom.tokenizer("Japan Tokyo")["input_ids"])
    assert len(bloom.tokenizer("Japan Tokyo.")["input_ids"]) == limit + 1
    monkeypatch.setattr(BloomModel, "max_tokens", property(lambda self: limit))
    notices = Notices()
    assert baseline_hits(bloom, relation, notices).tolist() == [1, 0, 0]
    assert notices.count(TOO_LONG) == 4  # the longer label with each subject, and the longer subject with each label


def test_every_candidate_of_a_fact_lies_in_one_batch(bloom: LayeredModel) -> None:
    relation = relation_of(TEMPLATES[0], CITIES)
    probe, pool = probe_of(bloom, relation, grid=GridSettings(batch_tokens=1))
    assert [batch.candidates.tolist() for batch in probe.batches] == [[list(range(len(pool.labels)))]] * len(CITIES)
