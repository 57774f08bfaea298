"""Masked probing: n masks for n tokens, the mean log-probability of the whole query, ties and queries that fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.data.mlama import MLama
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.notices import Notices
from lrp2_bench.settings import GridSettings
from lrp2_bench.types import Relation
from tests.support.probing import baseline_hits, load, probe_of, relation_of, score_table

NO_TOKEN = "Candidates without a token can never be the answer"
UNKNOWN = "Candidates with an unknown token"
TOO_LONG = "Queries longer than the model's positions (their candidates can never be the answer)"
MASK_INSIDE = "Facts whose subject holds the mask token are never hit"

#: Labels of one to several tokens in the toy vocabularies.
CITIES = [("Frankreich", "Paris"), ("Deutschland", "Berlin"), ("Japan", "Tokio"), ("China", "Peking ist Tokio")]
TEMPLATE = "Die Hauptstadt von [X] ist [Y] ."


@pytest.fixture(params=["bert", "xlm-roberta", "xlm-roberta-spaced-masks", "distilbert"])
def model(request: pytest.FixtureRequest, model_folder: Callable[[str], Path]) -> LayeredModel:
    return load(model_folder(request.param))


@pytest.fixture
def bert(model_folder: Callable[[str], Path]) -> LayeredModel:
    return load(model_folder("bert"))


def _tokens(model: LayeredModel, label: str) -> list[int]:
    ids: list[int] = model.tokenizer.encode(label, add_special_tokens=False)
    return ids


def _whole(model: LayeredModel, relation: Relation) -> np.ndarray:
    """``[fact, candidate]`` by the definition: one forward pass of Hugging Face's a fact and candidate."""
    tokenizer, table = model.tokenizer, np.full((len(relation.facts), len(relation.pool)), -np.inf)
    for row, fact in enumerate(relation.facts):
        for column, label in enumerate(relation.pool):
            tokens = _tokens(model, label)
            query = relation.fill(fact.subject, " ".join([tokenizer.mask_token] * len(tokens)))
            batch = tokenizer(query, return_tensors="pt")
            places = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
            with torch.inference_mode():
                log_probabilities = model.model(**batch).logits[0].log_softmax(-1)
            table[row, column] = np.mean(
                [log_probabilities[place, token].item() for place, token in zip(places, tokens, strict=True)]
            )
    return table


def test_an_object_of_n_tokens_is_asked_with_n_masks_at_the_scored_places(model: LayeredModel, toy_mlama: Path) -> None:
    lengths = set()
    for language in ("de", "zh"):
        for relation in MLama(toy_mlama).facts(language, "en", Notices()).relations:
            probe, pool = probe_of(model, relation)
            for batch in probe.batches:
                count = batch.positions.shape[1]
                lengths.add(count)
                masked = batch.tokens.ids == model.tokenizer.mask_token_id
                assert (masked.sum(dim=1) == count).all()
                assert masked.gather(1, batch.positions).all()
                for candidate in batch.candidates.unique().tolist():
                    assert len(_tokens(model, pool.labels[candidate])) == count
    assert len(lengths) > 2


@pytest.mark.parametrize("template", [TEMPLATE, "[Y] ist das Land von [X] .", "[X] liegt in [Y]"])
def test_scores_are_the_mean_log_probabilities_of_the_whole_query(model: LayeredModel, template: str) -> None:
    relation = relation_of(template, CITIES, ["Europa", "Nordamerika", "Vereinigte Staaten"])
    table = score_table(*probe_of(model, relation))
    np.testing.assert_allclose(table, _whole(model, relation), atol=2e-4)


@pytest.mark.parametrize("rows", [1, 5])
def test_scores_do_not_depend_on_how_many_logits_are_held(rows: int, bert: LayeredModel) -> None:
    relation = relation_of(TEMPLATE, CITIES)
    at_once = score_table(*probe_of(bert, relation))
    few = score_table(*probe_of(bert, relation, grid=GridSettings(logit_rows=rows)))
    np.testing.assert_allclose(few, at_once, atol=1e-5)


def test_a_candidate_without_a_token_is_counted_and_its_fact_stays_a_miss(bert: LayeredModel) -> None:
    assert _tokens(bert, "\u200b") == []
    relation = relation_of(TEMPLATE, [*CITIES, ("Ägypten", "\u200b")])
    notices = Notices()
    hits = baseline_hits(bert, relation, notices)
    assert notices.as_dict()[NO_TOKEN] == {"count": 1, "examples": ["xx P1 '\u200b'"]}
    assert hits.tolist()[:4] == baseline_hits(bert, relation_of(TEMPLATE, CITIES)).tolist()
    assert hits.tolist()[4] == 0


def test_where_no_candidate_has_a_token_every_fact_is_a_miss(bert: LayeredModel) -> None:
    relation = relation_of(TEMPLATE, [("Japan", "\u200b"), ("China", "\u200d")])
    assert baseline_hits(bert, relation).tolist() == [0, 0]


def test_a_relation_without_facts_has_no_hits(bert: LayeredModel) -> None:
    assert baseline_hits(bert, relation_of(TEMPLATE, [])).shape == (0,)


def test_unknown_tokens_are_counted_and_compete_like_any_other(bert: LayeredModel) -> None:
    unknown = bert.tokenizer.unk_token_id
    assert _tokens(bert, "😀") == _tokens(bert, "🙃") == [unknown]
    relation = relation_of(TEMPLATE, [*CITIES, ("Ägypten", "🙃")], ["😀"])
    notices = Notices()
    probe, pool = probe_of(bert, relation, notices)
    assert notices.as_dict()[UNKNOWN]["examples"] == ["xx P1 '😀'", "xx P1 '🙃'"]
    table = score_table(probe, pool)
    assert np.isfinite(table).all()
    assert (table[:, pool.labels.index("😀")] == table[:, pool.labels.index("🙃")]).all()


@pytest.mark.parametrize(("first", "second"), [("😀", "🙃"), ("Paris", "Pa\u200bris"), ("Berlin", "Ber\u200dlin")])
def test_labels_that_tokenize_alike_tie_to_the_first_by_code_points(
    first: str, second: str, bert: LayeredModel
) -> None:
    assert first < second
    assert _tokens(bert, first) == _tokens(bert, second)
    # With nothing else in the pool the tie decides.
    relation = relation_of(TEMPLATE, [("Japan", second), ("China", first), ("Brasilien", second)])
    assert baseline_hits(bert, relation).tolist() == [0, 1, 0]


def test_a_pool_of_one_is_always_hit(model: LayeredModel) -> None:
    relation = relation_of(TEMPLATE, [("Japan", "Tokio"), ("China", "Tokio")])
    assert baseline_hits(model, relation).tolist() == [1, 1]


def test_a_query_longer_than_the_models_positions_is_counted_and_never_hit(model: LayeredModel) -> None:
    assert model.max_tokens is not None
    long = "Japan " * model.max_tokens
    relation = relation_of(TEMPLATE, [("Japan", "Tokio"), (long, "Tokio")])  # a pool of one: only length can fail
    notices = Notices()
    assert baseline_hits(model, relation, notices).tolist() == [1, 0]
    assert notices.count(TOO_LONG) == 1
    assert "fact 1 with" in str(notices.as_dict()[TOO_LONG]["examples"])


def test_a_query_may_fit_with_few_masks_and_not_with_many(bert: LayeredModel) -> None:
    short, long = "Paris", "Paris ist Berlin"
    assert (len(_tokens(bert, short)), len(_tokens(bert, "Japan")), len(_tokens(bert, long))) == (1, 1, 3)
    shortest = bert.tokenizer(TEMPLATE.replace("[X]", "Japan").replace("[Y]", "[MASK]"))["input_ids"]
    assert bert.max_tokens is not None
    subject = "Japan " * (1 + bert.max_tokens - len(shortest))
    relation = relation_of(TEMPLATE, [(subject, short), (subject, long)])
    notices = Notices()
    probe, pool = probe_of(bert, relation, notices)
    assert {batch.tokens.ids.shape[1] for batch in probe.batches} == {bert.max_tokens}
    assert np.isfinite(score_table(probe, pool)).tolist() == [[True, False]] * 2
    assert notices.count(TOO_LONG) == 2
    assert baseline_hits(bert, relation).tolist() == [1, 0]


def test_a_subject_that_holds_the_mask_is_counted_and_never_hit(model: LayeredModel) -> None:
    mask = model.tokenizer.mask_token
    relation = relation_of(TEMPLATE, [(f"Japan {mask}", "Tokio"), ("Japan", "Tokio")])
    notices = Notices()
    assert baseline_hits(model, relation, notices).tolist() == [0, 1]
    assert notices.as_dict()[MASK_INSIDE] == {"count": 1, "examples": ["xx P1 uuid-0"]}
