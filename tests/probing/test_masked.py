"""Masked probing: n masks for n tokens, the mean log-probability of the whole query, ties and queries that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.types import LayerPair, Relation
from lrp2_bench.data.mlama import MLama
from lrp2_bench.grid.frontier import FrontierRunner
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.layered import LayeredModel
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import Pool, pool_of
from lrp2_bench.probing.probe import FactBatch, Probe, Queries
from tests.support.probing import (
    AMPLE,
    Recorder,
    assert_ranked_by,
    baseline_hits,
    decide_all,
    hits_of,
    load,
    outranks,
    probe_of,
    relation_of,
)

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


def _tokens(model: LayeredModel, label: str) -> list[int]:
    ids: list[int] = model.tokenizer.encode(label, add_special_tokens=False)
    return ids


def _whole(model: LayeredModel, template: str, subjects: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """``[subject, label]`` by the definition: one forward pass of Hugging Face's a subject and label."""
    tokenizer, table = model.tokenizer, np.full((len(subjects), len(labels)), -np.inf)
    for row, subject in enumerate(subjects):
        for column, label in enumerate(labels):
            tokens = _tokens(model, label)
            masks = " ".join([tokenizer.mask_token] * len(tokens))
            batch = tokenizer(template.replace("[X]", subject).replace("[Y]", masks), return_tensors="pt")
            places = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
            with torch.inference_mode():
                log_probabilities = model.model(**batch).logits[0].log_softmax(-1)
            table[row, column] = np.mean(
                [log_probabilities[place, token].item() for place, token in zip(places, tokens, strict=True)]
            )
    return table


def _asked(model: LayeredModel, relation: Relation, limits: Limits = AMPLE) -> Recorder:
    return decide_all(probe_of(model, relation), plan_grid(model.blocks, ()), None, limits)[1]


def test_an_object_of_n_tokens_is_asked_with_n_masks_at_the_scored_places(model: LayeredModel, toy_mlama: Path) -> None:
    lengths = set()
    for language in ("de", "zh"):
        for relation in MLama(toy_mlama).facts(language, "en", DataWarnings()).relations:
            probe = probe_of(model, relation)
            for batch in probe.batches(64):
                [*recorded] = _decided(probe, batch)
                own = [len(_tokens(model, relation.facts[fact].object)) for fact in batch.facts.tolist()]
                assert own == [len(set(row)) for row in recorded[0].positions.tolist()], "its own length is asked first"
                for queries in recorded:
                    counts = [len(set(row)) for row in queries.positions.tolist()]
                    lengths |= set(counts)
                    assert set(counts) <= {len(_tokens(model, label)) for label in relation.pool}
                    masked = queries.tokens.ids == model.tokenizer.mask_token_id
                    assert masked.sum(dim=1).tolist() == counts
                    assert masked.gather(1, queries.positions).all()
    assert len(lengths) > 2


def test_a_length_is_asked_once_and_only_of_facts_that_lead_their_own(model: LayeredModel, toy_mlama: Path) -> None:
    relation = MLama(toy_mlama, relations=["P17"]).facts("de", "en", DataWarnings()).relations[0]
    probe, rivals = probe_of(model, relation), 0
    for batch in probe.batches(4096):
        recorded = _decided(probe, batch)
        asked = [(*ids,) for queries in recorded for ids in _unpadded(queries)]
        subjects = {relation.facts[fact].subject for fact in batch.facts.tolist()}
        assert len(set(asked)) <= len(subjects) * len({len(_tokens(model, label)) for label in relation.pool})
        assert max(Counter(asked).values()) <= max(Counter(asked[: len(batch.facts)]).values())
        rivals += sum(len(queries.positions) for queries in recorded[1:])
    lengths = {len(_tokens(model, label)) for label in relation.pool}
    assert rivals <= probe.counts.undecided_facts * (len(lengths) - 1)
    assert probe.counts.undecided_facts <= probe.counts.facts == len(relation.facts)


def _unpadded(queries: Queries) -> list[list[int]]:
    return [ids[keep].tolist() for ids, keep in zip(queries.tokens.ids, queries.tokens.keep, strict=True)]


def _decided(probe: Probe, batch: FactBatch) -> list[Queries]:
    """What deciding a batch on the baseline asks."""
    plan = plan_grid(probe.model.blocks, ())
    recorder = Recorder(FrontierRunner(probe.model, plan, None, 2048))
    with torch.inference_mode():
        probe.decide(batch, plan.settings, recorder)
    return recorder.queries


@pytest.mark.parametrize("template", [TEMPLATE, "[Y] ist das Land von [X] .", "[X] liegt in [Y]"])
def test_labels_rank_by_their_mean_log_probability_in_the_whole_query(model: LayeredModel, template: str) -> None:
    subjects, labels = [subject for subject, _ in CITIES], [*(label for _, label in CITIES), "Europa", "Nordamerika"]
    assert_ranked_by(outranks(model, template, subjects, labels), _whole(model, template, subjects, labels))


@pytest.mark.parametrize("limits", [Limits(1, 1), Limits(30, 7), Limits(100, 2048)])
def test_ranks_do_not_depend_on_how_the_work_is_cut(limits: Limits, bert: LayeredModel) -> None:
    subjects, labels = [subject for subject, _ in CITIES], [label for _, label in CITIES]
    at_once = outranks(bert, TEMPLATE, subjects, labels)
    assert (outranks(bert, TEMPLATE, subjects, labels, limits=limits) == at_once).all()
    row_by_row = LogPartition(bert, 1, rough=True)
    assert (outranks(bert, TEMPLATE, subjects, labels, limits=limits, log_partition=row_by_row) == at_once).all()


@pytest.mark.parametrize("tokens", [1, 25, 60, 4096])
def test_batches_hold_every_fact_once_within_the_tokens_allowed(tokens: int, model: LayeredModel) -> None:
    cities = [*CITIES, ("Vereinigte Staaten von Amerika", "Paris"), ("Ägypten", "Nordamerika ist Asien")]
    relation = relation_of(TEMPLATE, cities)
    probe = probe_of(model, relation)
    batches = list(probe.batches(tokens))
    assert sorted(fact for batch in batches for fact in batch.facts.tolist()) == list(range(len(cities)))
    work = probe.workload(tokens)
    assert sum(shape.queries for shape in work.certain) == len(cities)
    assert len({shape.scored for shape in work.possible}) > 1
    for shape in work.certain + work.possible:
        assert shape.queries * max(shape.lengths) <= tokens or shape.queries == 1


def test_a_candidate_without_a_token_is_counted_and_its_fact_stays_a_miss(bert: LayeredModel) -> None:
    assert _tokens(bert, "\u200b") == []
    relation = relation_of(TEMPLATE, [*CITIES, ("Ägypten", "\u200b")])
    data_warnings = DataWarnings()
    hits = baseline_hits(bert, relation, data_warnings)
    assert data_warnings.as_dict()[NO_TOKEN] == {"count": 1, "examples": ["xx P1 '\u200b'"]}
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
    data_warnings = DataWarnings()
    probe_of(bert, relation_of(TEMPLATE, [*CITIES, ("Ägypten", "🙃")], ["😀"]), data_warnings)
    assert data_warnings.as_dict()[UNKNOWN]["examples"] == ["xx P1 '😀'", "xx P1 '🙃'"]
    subjects, labels = [subject for subject, _ in CITIES], ["😀", "🙃", "Paris", "Berlin", "Peking ist Tokio"]
    ours = outranks(bert, TEMPLATE, subjects, labels)
    assert_ranked_by(ours, _whole(bert, TEMPLATE, subjects, labels))
    assert ours[:, 0, 1].all(), "they are the same token, so the first by code points wins"
    assert not ours[:, 1, 0].any()


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
    data_warnings = DataWarnings()
    assert baseline_hits(model, relation, data_warnings).tolist() == [1, 0]
    assert data_warnings.count(TOO_LONG) == 1
    assert "uuid-1 with" in str(data_warnings.as_dict()[TOO_LONG]["examples"])


def test_a_query_may_fit_with_few_masks_and_not_with_many(bert: LayeredModel) -> None:
    short, long = "Paris", "Paris ist Berlin"
    assert (len(_tokens(bert, short)), len(_tokens(bert, "Japan")), len(_tokens(bert, long))) == (1, 1, 3)
    shortest = bert.tokenizer(TEMPLATE.replace("[X]", "Japan").replace("[Y]", "[MASK]"))["input_ids"]
    assert bert.max_tokens is not None
    subject = "Japan " * (1 + bert.max_tokens - len(shortest))
    relation = relation_of(TEMPLATE, [(subject, short), (subject, long)])
    data_warnings = DataWarnings()
    assert baseline_hits(bert, relation, data_warnings).tolist() == [1, 0], (
        "its rival cannot be asked, so the short one wins"
    )
    assert data_warnings.count(TOO_LONG) == 2
    [queries] = _asked(bert, relation).queries
    assert queries.tokens.ids.shape == (1, bert.max_tokens)


def test_a_subject_that_holds_the_mask_is_counted_and_never_hit(model: LayeredModel) -> None:
    mask = model.tokenizer.mask_token
    relation = relation_of(TEMPLATE, [(f"Japan {mask}", "Tokio"), ("Japan", "Tokio")])
    data_warnings = DataWarnings()
    assert baseline_hits(model, relation, data_warnings).tolist() == [0, 1]
    assert data_warnings.as_dict()[MASK_INSIDE] == {"count": 1, "examples": ["xx P1 uuid-0"]}


def _tie_everything(model: LayeredModel) -> None:
    """Every token's logit is zero, so that every label's mean log-probability is the same."""
    head = model.vocabulary
    assert head.bias is not None
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()


@pytest.mark.parametrize("rough", [True, False])
def test_of_equal_scores_the_first_by_code_points_wins_whatever_its_length(rough: bool, bert: LayeredModel) -> None:
    one, two, four = "Paris", "Paris ist", "Paris ist Paris ist"
    assert [len(_tokens(bert, label)) for label in (one, two, four, "Asien ist", "Asien")] == [1, 2, 4, 2, 1]
    _tie_everything(bert)
    log_partition = LogPartition(bert, 64, rough=rough)
    for labels in ([one, two], [two, four], ["Asien ist", one], ["Asien", two], ["Asien", "Asien ist", one, four]):
        assert labels == sorted(labels)
        probe = probe_of(
            bert, relation_of(TEMPLATE, [("Japan", label) for label in labels]), log_partition=log_partition
        )
        assert hits_of(probe, len(labels)).tolist() == [[1] + [0] * (len(labels) - 1)]
        assert probe.counts.exact_log_partitions > 0


@pytest.mark.parametrize("rough", [True, False])
def test_a_gold_object_whose_log_partition_is_no_number_is_not_hit(rough: bool, bert: LayeredModel) -> None:
    relation = relation_of(TEMPLATE, CITIES)
    assert baseline_hits(bert, relation).any()
    assert bert.vocabulary.bias is not None
    with torch.no_grad():
        bert.vocabulary.bias[bert.tokenizer.unk_token_id] = torch.inf
    probe = probe_of(bert, relation, log_partition=LogPartition(bert, 64, rough=rough))
    assert not hits_of(probe, len(CITIES)).any()


def test_a_length_without_a_candidate_of_the_facts_own_pool_is_not_asked(bert: LayeredModel) -> None:
    relation = relation_of(TEMPLATE, CITIES)
    whole = pool_of(relation, None, 0)
    lengths = np.array([len(_tokens(bert, label)) for label in whole.labels])
    alike = lengths[None, :] == lengths[whole.gold][:, None]
    plan = plan_grid(bert.blocks, ())
    recorders = [
        decide_all(probe_of(bert, relation, pool=Pool(whole.labels, whole.gold, allowed)), plan, None)[1]
        for allowed in (whole.allowed, alike)
    ]
    assert len(recorders[0].queries) > len(recorders[1].queries) == 1


def test_scores_that_are_no_numbers_become_the_lowest_there_is_and_are_counted(bert: LayeredModel) -> None:
    data_warnings = DataWarnings()
    probe = probe_of(bert, relation_of(TEMPLATE, CITIES), data_warnings)
    scores = torch.tensor([[1.0, torch.nan], [torch.inf, -torch.inf], [-3.0, 0.0]])
    lowest = -torch.inf
    facts, numbers, settings = torch.tensor([0, 0, 1]), torch.tensor([1, 0, 1]), (LayerPair(2, 3), None)
    assert probe.finite(scores, facts, numbers, settings).tolist() == [[1.0, lowest], [lowest, lowest], [-3.0, 0.0]]
    kind = "Scores that are no finite numbers can never win"
    uuid = probe.relation.facts[0].uuid
    examples = [f"xx P1 {uuid} at the baseline", f"xx P1 {uuid} at pair 2/3"]
    assert data_warnings.as_dict() == {kind: {"count": 3, "examples": examples}}
