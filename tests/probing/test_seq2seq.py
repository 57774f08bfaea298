"""Encoder-decoders ranked by Hugging Face's own scores, whatever the template, the candidates and the room."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrp2_bench.core.data_warnings import DataWarnings
from lrp2_bench.core.settings import ProbingSettings, SentenceScore
from lrp2_bench.core.types import all_pairs
from lrp2_bench.grid.limits import Limits
from lrp2_bench.grid.plan import plan_grid
from lrp2_bench.models.layered import TokenBatch
from lrp2_bench.models.seq2seq.adapter import Seq2SeqModel
from lrp2_bench.models.seq2seq.layers import EncoderDecoder
from lrp2_bench.probing import seq2seq
from lrp2_bench.probing.answer_prompts import answer_prompts
from lrp2_bench.probing.log_partition import LogPartition
from lrp2_bench.probing.pools import pool_of
from tests.support import naive
from tests.support.loading import load_as
from tests.support.probing import AMPLE, assert_ranked_by, decide_all, hits_of, outranks, probe_of, relation_of
from tests.support.vectors import random_vectors

SUBJECTS = ["Japan", "法国", "Vereinigte Staaten"]
#: One token and many, and labels that others begin with, in letters and in tokens.
LABELS = ["Paris", "Par", "Paris Berlin", "Peking", "巴黎", "Vereinigtes Königreich", "Südamerika", "Süd"]
CITIES = [("Frankreich", "Paris"), ("Japan", "Tokio"), ("China", "Peking"), ("Kairo", "Vereinigtes Königreich")]

#: The object at the start, at the end, with nothing behind it, before the subject, and without spaces.
TEMPLATES = ["[Y] ist das Land von [X] .", "Die Hauptstadt von [X] ist [Y]", "In [Y] liegt [X] .", "[X]的首都是[Y]。"]

WAYS = [(score, closing) for score in (None, SentenceScore.sum) for closing in (False, True)]


@pytest.fixture
def model(seq2seq_model: Callable[[str], Seq2SeqModel]) -> Seq2SeqModel:
    return seq2seq_model("mt5")


def _whole(model: Seq2SeqModel, template: str, probing: ProbingSettings) -> np.ndarray:
    mean = probing.sentence_score is not SentenceScore.sum
    with torch.inference_mode():
        return np.array([
            naive._seq2seq(model.model, model.tokenizer, template, subject, LABELS, mean, probing.closing_sentinel)
            for subject in SUBJECTS
        ])  # fmt: skip


@pytest.mark.parametrize(
    ("template", "score", "closing"),
    [*((template, None, False) for template in TEMPLATES), *((TEMPLATES[1], *way) for way in WAYS[1:])],
)
def test_labels_rank_by_the_scores_of_the_models_own_forward(
    template: str, score: SentenceScore | None, closing: bool, model: Seq2SeqModel
) -> None:
    probing = ProbingSettings(sentence_score=score, closing_sentinel=closing)
    assert_ranked_by(outranks(model, template, SUBJECTS, LABELS, probing), _whole(model, template, probing))


def test_mean_and_sum_and_the_closing_sentinel_rank_differently(model: Seq2SeqModel) -> None:
    tokens = [len(ids) for ids in model.tokenize(LABELS, special=False)]
    assert min(tokens) == 1 and max(tokens) > 3
    ways = [ProbingSettings(sentence_score=score, closing_sentinel=closing) for score, closing in WAYS]
    orders = {tuple(_whole(model, TEMPLATES[1], way).argsort(axis=1).flatten().tolist()) for way in ways}
    assert len(orders) == 4


def _all_hits(model: Seq2SeqModel, limits: Limits, pool_size: int | None = None) -> np.ndarray:
    relation = relation_of(TEMPLATES[1], CITIES, LABELS)
    probe = probe_of(model, relation, pool=pool_of(relation, pool_size, 0))
    moved = random_vectors(model, 1, 3)
    return hits_of(probe, len(CITIES), plan_grid(4, all_pairs(4)), moved, limits)


@pytest.mark.parametrize("pool_size", [pytest.param(None, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("nodes", [1, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("limits", [AMPLE, Limits(1, 1), Limits(30, 60)], ids=["at once", "one by one", "in parts"])
def test_hits_do_not_depend_on_how_targets_are_cut_and_batched(
    nodes: int, limits: Limits, pool_size: int | None, model: Seq2SeqModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _all_hits(model, AMPLE, pool_size)
    assert 0 < whole.sum() < whole.size
    monkeypatch.setattr(seq2seq, "_ROW_NODES", nodes)
    monkeypatch.setattr(seq2seq, "_STEPS", 1)
    assert (_all_hits(model, limits, pool_size) == whole).all()


@pytest.mark.parametrize("room", [40, 60])
def test_the_decoder_goes_on_in_smaller_steps_where_the_device_has_no_room(
    room: int, model: Seq2SeqModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, decode, refused = _all_hits(model, AMPLE), EncoderDecoder.decode, 0

    def in_little_room(self: EncoderDecoder, states: torch.Tensor, keep: torch.Tensor, targets: TokenBatch) -> Any:
        nonlocal refused
        if len(states) * (states.shape[1] + targets.ids.shape[1]) > room:
            refused += 1
            raise torch.OutOfMemoryError("no room")
        return decode(self, states, keep, targets)

    monkeypatch.setattr(EncoderDecoder, "decode", in_little_room)
    assert (_all_hits(model, AMPLE) == whole).all()
    assert refused


def test_the_decoder_runs_no_more_tokens_at_once_than_a_step_may_have(
    model: Seq2SeqModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, tokens = EncoderDecoder.decode, []

    def counted(self: EncoderDecoder, states: torch.Tensor, keep: torch.Tensor, targets: TokenBatch) -> Any:
        tokens.append(len(states) * (states.shape[1] + targets.ids.shape[1]))
        return decode(self, states, keep, targets)

    monkeypatch.setattr(EncoderDecoder, "decode", counted)
    _all_hits(model, Limits(4096, 150))
    assert 75 < max(tokens) <= 150


def test_one_run_of_the_encoder_serves_all_candidates(model: Seq2SeqModel) -> None:
    plan = plan_grid(4, all_pairs(4))
    probe = probe_of(model, relation_of(TEMPLATES[1], CITIES, LABELS))
    runner, recorder = decide_all(probe, plan, random_vectors(model, 1, 3))
    assert runner.work.rows + runner.work.finals == len(CITIES) * plan.block_runs
    assert sum(len(queries.positions) for queries in recorder.queries) == len(CITIES)


@pytest.mark.parametrize(("score", "rough"), product([None, SentenceScore.sum], [False, True]))
def test_of_equal_scores_the_first_by_code_points_wins(
    score: SentenceScore | None, rough: bool, seq2seq_folder: Callable[[str], Path]
) -> None:
    model = load_as(seq2seq_folder("mt5"))
    labels = ["Asien", "Europa", "Japan"]
    assert {len(ids) for ids in model.tokenize(labels, special=False)} == {1}
    with torch.no_grad():
        model.vocabulary.weight.zero_()
    relation = relation_of("[X] [Y] .", [("Japan", label) for label in labels])
    probing, head = ProbingSettings(sentence_score=score), LogPartition(model, 64, rough=rough)
    assert hits_of(probe_of(model, relation, None, probing, log_partition=head), 3).tolist() == [[1, 0, 0]]


def test_labels_with_the_same_tokens_are_the_first_ones(model: Seq2SeqModel) -> None:
    # Letters that the tokenizer does not have are all the same unknown token.
    relation, data_warnings = relation_of("[X] [Y] .", [("Japan", "ж"), ("Japan", "щ")]), DataWarnings()
    assert hits_of(probe_of(model, relation, data_warnings), 2).tolist() == [[1, 0]]
    assert data_warnings.count("Candidates with an unknown token") == 2


def test_what_cannot_be_asked_is_counted_and_never_hit(model: Seq2SeqModel) -> None:
    facts = [("<extra_id_0>", "Paris"), ("Japan", " "), ("Japan", "Tokio")]
    data_warnings = DataWarnings()
    relation = relation_of("[X] [Y] .", facts)
    hits = hits_of(probe_of(model, relation, data_warnings), 3, plan_grid(4, all_pairs(4)), random_vectors(model, 1, 3))
    assert not hits[:, :2].any()
    assert data_warnings.count("Facts whose subject holds the sentinel <extra_id_0> are never hit") == 1
    assert data_warnings.count("Candidates without a token can never be the answer") == 1


def test_an_answer_prompt_is_the_query_and_the_objects_tokens(model: Seq2SeqModel) -> None:
    relation = relation_of(
        TEMPLATES[3], [("日本", "东京"), ("Japan", "Vereinigtes Königreich"), ("<extra_id_0>", "Asien")]
    )
    *prompts, none = answer_prompts(model, relation, "zh", DataWarnings())
    assert none is None
    for fact, prompt in zip(relation.facts, prompts, strict=False):
        assert prompt is not None
        assert list(prompt.ids) == model.tokenizer(f"{fact.subject}的首都是<extra_id_0>。")["input_ids"]
        assert list(prompt.targets) == model.tokenizer.encode(fact.object, add_special_tokens=False)
        assert prompt.positions == tuple(range(1, 1 + len(prompt.targets)))
